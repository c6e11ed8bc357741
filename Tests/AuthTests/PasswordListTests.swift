// An operator's own list of passwords that nobody may set.

import TestSupport
import Testing

@testable import Auth

@Suite struct PasswordListTests {
  private func list(_ bytes: [UInt8]) throws(PasswordListError) -> PasswordList { try PasswordList(bytes.span) }
  private func list(_ text: String) throws -> PasswordList { try list(Array(text.utf8)) }

  private func failure(_ bytes: [UInt8]) -> PasswordListError? {
    do throws(PasswordListError) {
      _ = try list(bytes)
      return nil
    } catch { return error }
  }

  @Test func `what is listed is refused in any ASCII case and any spelling, and nothing else`() throws {
    let list = try list("Hunter2-Winter\r\n\n caf\u{e9} au lait \nlast line without an end")
    #expect(list.count == 3)
    for text in ["hunter2-winter", "HUNTER2-WINTER", " cafe\u{301} au lait ", " CAF\u{e9} au lait ", "last line without an end"] {
      #expect(list.contains(Password(text)), "\(text)")
    }
    for text in ["hunter2-winter\r", "caf\u{e9} au lait", " CAF\u{c9} au lait ", "hunter2", "", "last line without an en"] {
      #expect(!list.contains(Password(text)), "\(text)")
    }
    let empty = try self.list("")
    #expect(empty.count == 0 && !empty.contains(Password("")))
  }

  @Test func `the policy refuses what is listed as it refuses common passwords`() throws {
    let policy = PasswordPolicy(minCount: 8, refused: try list("acme anvil works\n"))
    func code(_ text: String) -> FieldError.Code? {
      do throws(FieldError) {
        _ = try policy.accept(text, email: nil, name: nil)
        return nil
      } catch { return error.code }
    }
    #expect(code("Acme Anvil Works") == .passwordBlocklisted)
    #expect(code("acme anvil works!") == nil)
    #expect(code("password") == .passwordBlocklisted)
  }

  @Test func `entries of all lengths around the blocks of the hash are told apart`() throws {
    let entries = (1...200).map { String(repeating: "x", count: $0) }
    let list = try list(entries.joined(separator: "\n"))
    #expect(list.count == 200)
    for entry in entries { #expect(list.contains(Password(entry))) }
    #expect(!list.contains(Password(String(repeating: "x", count: 201))))
    #expect(!list.contains(Password(String(repeating: "x", count: 63) + "y")))
  }

  @Test func `what is no text is told by its line`() {
    #expect(failure(Array("fine\r\nalso fine\n".utf8) + [0x63, 0x61, 0x66, 0xe9, 0x0a]) == .notText(line: 3))
    #expect(failure([0xff]) == .notText(line: 1))
    #expect(failure(Array("\n\n".utf8) + [0xc0, 0x80]) == .notText(line: 3))
    #expect("\(PasswordListError.notText(line: 3))" == "line 3 is not UTF-8")
  }

  @Test func `a list may have as many entries as the limit says, and no more`() throws {
    let three = Array("a\nb\n\nc\n".utf8)
    #expect(try PasswordList(three.span, maxCount: 3).count == 3)
    do throws(PasswordListError) {
      _ = try PasswordList(three.span, maxCount: 2)
      Issue.record("three entries where two are allowed")
    } catch { #expect(error == .tooManyLines(line: 4, limit: 2)) }
  }
}
