// The key encoding: its documented bytes, and that byte order is the order of what is meant.

import Codecs
import Platform
import TestSupport
import Testing

@testable import Repositories

@Suite struct KeyTests {
  private func hex(_ key: Key) -> String { key.withSpan { Hex.encodedString($0) } }

  private func key(_ build: (inout Key) -> Void) -> Key {
    var key = Key(.settings)
    build(&key)
    return key
  }

  @Test func `keys have the bytes that docs/records.md shows`() {
    let user = UUID("0198f3c0-0000-7000-8000-000000000001")!
    let session = UUID("0198f3c0-0000-7000-8000-000000000002")!
    var byEmail = Key(.usersByEmail)
    byEmail.append(text: "ann@example.org".utf8.span)
    #expect(hex(byEmail) == "11616e6e406578616d706c652e6f72670001")
    var byUser = Key(.sessionsByUser)
    byUser.append(user)
    byUser.append(session)
    #expect(hex(byUser) == "210198f3c00000700080000000000000010198f3c0000070008000000000000002")
    #expect(hex(UserRepository.roleKey(.admin, user)) == "1261646d696e00010198f3c0000070008000000000000001")
    #expect(hex(UserRepository.nameKey("Ann", user)) == "13616e6e00010198f3c0000070008000000000000001")
    #expect(UserRepository.statusKey(.deleted, user).map(hex) == "14030198f3c0000070008000000000000001")
    #expect(UserRepository.statusKey(.active, user) == nil)
    #expect(RowKey(.users, user).withSpan { Hex.encodedString($0) } == "100198f3c0000070008000000000000001")
    #expect(hex(key { $0.append(text: "a\0b".utf8.span) }) == "016100ff620001")
    #expect(hex(key { $0.append(milliseconds: -1) }) == "017fffffffffffffff")
    #expect(hex(key { $0.append(milliseconds: 0) }) == "018000000000000000")
    #expect(hex(key { $0.append(number: 0x0102_0304_0506_0708) }) == "010102030405060708")
  }

  @Test func `a row's key is the same whichever way it is made`() {
    let id = UUID(high: 0x0102_0304_0506_7000, low: 0x8000_0000_0000_00ff)
    var long = Key(.sessions)
    long.append(id)
    #expect(RowKey(.sessions, id).withSpan { Hex.encodedString($0) } == hex(long))
  }

  @Test func `text sorts before its continuations whatever follows it`() {
    let texts = ["", "\0", "\0\0", "a", "a\0", "a\0b", "a\u{1}", "ab", "b"]
    let tails: [UInt64] = [0, 1, UInt64.max]
    var last: [UInt8] = []
    for text in texts {
      for tail in tails {
        let next = key {
          $0.append(text: text.utf8.span)
          $0.append(number: tail)
        }.withSpan { span in span.indices.map { span[$0] } }
        #expect(last.lexicographicallyPrecedes(next), "\(Array(text.utf8)) \(tail)")
        last = next
      }
    }
  }

  @Test func `keys order as their components do`() {
    var random = SeededGenerator.announced("key order")
    struct Parts {
      let text: [UInt8]
      let moment: Int64
      let id: UUID
    }
    func draw() -> Parts {
      // Few letters and a short length, so that ties and prefixes are common.
      let text = (0..<random.number(0..<4)).map { _ in [0x00, 0x01, 0x61, 0xff][random.number(0..<4)] as UInt8 }
      let moment = [Int64.min, -1, 0, 1, Int64.max][random.number(0..<5)]
      return Parts(text: text, moment: moment, id: UUID(high: random.next() & 1, low: random.next() & 1))
    }
    func less(_ left: Parts, _ right: Parts) -> Bool {
      if left.text != right.text { return left.text.lexicographicallyPrecedes(right.text) }
      if left.moment != right.moment { return left.moment < right.moment }
      return left.id < right.id
    }
    func bytes(_ parts: Parts) -> [UInt8] {
      key {
        $0.append(text: parts.text.span)
        $0.append(milliseconds: parts.moment)
        $0.append(parts.id)
      }.withSpan { span in span.indices.map { span[$0] } }
    }
    for _ in 0..<(5_000 * testScale) {
      let (left, right) = (draw(), draw())
      #expect(less(left, right) == bytes(left).lexicographicallyPrecedes(bytes(right)), "\(left) \(right)")
    }
  }

  @Test func `the key after a prefix is above all that begin with it and below everything else`() {
    let prefix = key { $0.append(startOfText: [0x61, 0xff, 0xff].span) }
    #expect(hex(prefix.afterPrefix) == "0162")
    #expect(hex(key { $0.append(byte: 0x05) }.afterPrefix) == "0106")
    #expect(hex(prefix.next) == "0161ffff00")
  }

  @Test func `the longest address makes a key that the engine takes`() {
    var key = Key(.usersByEmail)
    key.append(text: [UInt8](repeating: 0, count: UserRecord.maxEmailByteCount).span)
    #expect(key.byteCount == 1 + 2 * 254 + 2)
    #expect(key.byteCount <= Key.maxByteCount)
  }

  @Test func `every table is in the list of docs/records.md under its tag`() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try File("/\(root)/docs/records.md", .read)
    var text = [UInt8](repeating: 0, count: try file.size())
    var span = text.mutableSpan
    let got = try file.read(into: &span, at: 0)
    let page = String(decoding: text[..<got], as: UTF8.self)
    for table in TableTag.allCases {
      #expect(page.contains("| `\(Hex.encodedString([table.rawValue].span))` | \(table) |"), "\(table)")
    }
  }

  @Test func `no table has the tag that has no successor`() {
    #expect(TableTag.allCases.allSatisfy { $0.rawValue < 0xff })
    #expect(Set(TableTag.allCases.map(\.rawValue)).count == TableTag.allCases.count)
  }
}
