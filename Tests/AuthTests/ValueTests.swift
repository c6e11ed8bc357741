// Values made at the edge: what is accepted and what is refused, at each limit and one past it.

import TestSupport
import Testing

@testable import Auth

@Suite struct ValueTests {
  private func email(_ text: String) -> FieldError.Code? {
    do throws(FieldError) {
      #expect(try EmailAddress(text).text == text)
      return nil
    } catch {
      return error.code
    }
  }

  private func name(_ text: String) -> FieldError.Code? {
    do throws(FieldError) {
      #expect(try DisplayName(text).text == text)
      return nil
    } catch {
      return error.code
    }
  }

  @Test(arguments: [
    "ann@example.org", "ANN@Example.ORG", "a@b.c", "first.last+tag@sub.example.co", "x@localhost", "x@LocalHost",
    "!#$%&'*+/=?^_`{|}~-@example.org", "a.@example.org", ".a@example.org", "a..b@example.org", "1@1.1", "a@xn--bcher-kva.example",
    "a@b-c.d", String(repeating: "l", count: 64) + "@example.org",
    "a@" + String(repeating: "d", count: 63) + ".org",
    String(repeating: "l", count: 64) + "@"
      + [62, 62, 61].map { String(repeating: "d", count: $0) }.joined(separator: ".") + ".a",
  ])
  func `an address of the WHATWG form with a full domain is accepted as it is`(_ text: String) {
    #expect(email(text) == nil)
  }

  @Test(arguments: [
    "", "a", "@", "a@", "@b.c", "a@b", "a@@b.c", "a@b@c.d", "a b@c.d", " a@b.c", "a@b.c ", "a@b.c\n", "a\u{0}@b.c", "a@b\u{7f}.c",
    "\"a\"@b.c", "a,b@c.d", "a@b,c.d", "a@b.c.", "a@.b.c", "a@b..c", "a@-b.c", "a@b-.c", "a@b.-c", "a@b.c-", "a@b_c.d",
    "a@[127.0.0.1]",
    "a@bücher.example", "ä@b.c", "a@localhost.", "a@localhos", "a@xlocalhost", "<a@b.c>", "a(b)@c.d", "a:b@c.d", "a;b@c.d",
    "a\\b@c.d",
    "a@b.c\u{200b}", String(repeating: "l", count: 65) + "@example.org", "a@" + String(repeating: "d", count: 64) + ".org",
    String(repeating: "l", count: 64) + "@"
      + [62, 62, 61].map { String(repeating: "d", count: $0) }.joined(separator: ".") + ".aa",
  ])
  func `anything else is no address`(_ text: String) {
    #expect(email(text) == .invalidEmail)
  }

  @Test func `a name has 1 to 200 code points`() {
    #expect(name("") == .invalidName)
    #expect(name("A") == nil)
    #expect(name(String(repeating: "n", count: 200)) == nil)
    #expect(name(String(repeating: "n", count: 201)) == .tooLong)
    #expect(name(String(repeating: "😀", count: 200)) == nil)
    #expect(name("Zoë Müller-Łukasiewicz 王小明 محمد") == nil)
  }

  @Test(
    arguments: [
      "\u{0}", "\t", "\n", "\u{1f}", "\u{7f}", "\u{80}", "\u{9f}", "\u{61c}", "\u{180e}", "\u{200b}", "\u{200d}", "\u{200e}",
      "\u{2028}",
      "\u{2029}", "\u{202a}", "\u{202e}", "\u{2060}", "\u{2066}", "\u{2069}", "\u{206f}", "\u{feff}", "\u{fff9}", "\u{e0001}",
      "\u{e007f}",
    ] as [Unicode.Scalar])
  func `a name with a character that deceives is refused wherever it stands`(_ scalar: Unicode.Scalar) {
    for text in ["\(scalar)Ann", "A\(scalar)nn", "Ann\(scalar)"] {
      #expect(name(text) == .invalidName, "U+\(String(scalar.value, radix: 16))")
    }
  }

  @Test func `neighbours of refused characters are accepted`() {
    for scalar in ["\u{20}", "\u{7e}", "\u{a0}", "\u{200a}", "\u{2010}", "\u{2027}", "\u{202f}", "\u{205f}", "\u{2070}"] {
      #expect(name("A" + scalar + "n") == nil)
    }
  }

  @Test func `a device name has at most 64 code points`() {
    #expect((try? DeviceName(String(repeating: "ü", count: 64))) != nil)
    #expect(throws: FieldError.self) { try DeviceName(String(repeating: "ü", count: 65)) }
  }

  @Test func `an idempotency key is 1 to 128 visible ASCII characters`() {
    func accepts(_ text: String) -> Bool { IdempotencyKey(text.utf8.span) != nil }
    #expect(accepts("!") && accepts("~") && accepts(String(repeating: "k", count: 128)))
    #expect(!accepts("") && !accepts(String(repeating: "k", count: 129)))
    #expect(!accepts("a b") && !accepts("a\u{7f}") && !accepts("ä") && !accepts("\u{1f}"))
  }

  @Test func `where a login comes from is cut at a whole code point`() {
    let exact = String(repeating: "a", count: 256)
    #expect(SessionOrigin(ipPrefix: "local", userAgent: exact).userAgent == exact)
    #expect(SessionOrigin(ipPrefix: "local", userAgent: exact + "b").userAgent == exact)
    let wide = String(repeating: "a", count: 255) + "ü"
    #expect(SessionOrigin(ipPrefix: "local", userAgent: wide).userAgent == String(repeating: "a", count: 255))
    #expect(SessionOrigin(ipPrefix: String(repeating: "9", count: 70), userAgent: "").ipPrefix.utf8.count == 64)
  }

  @Test func `a set of permissions holds what was put in and covers its parts`() {
    let some = PermissionSet([.usersRead, .opsWrite])
    #expect(some.permissions == [.usersRead, .opsWrite])
    #expect(PermissionSet.all.permissions == Permission.allCases)
    #expect(PermissionSet.all.covers(some) && !some.covers(.all) && some.covers(.none) && some.covers(some))
    #expect(!PermissionSet.none.contains(.usersRead))
    #expect(Permission.allCases.count == 12 && Set(Permission.allCases.map(\.rawValue)).count == 12)
  }
}
