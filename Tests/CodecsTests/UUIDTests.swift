// Identifiers: one spelling, the layout of RFC 9562, and an order that never goes back.

import Codecs
import TestSupport
import Testing

struct UUIDTests {
  /// RFC 9562 appendix A.6.
  static let published = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

  func random(_ generator: inout SeededGenerator) -> InlineArray<10, UInt8> {
    InlineArray { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }

  @Test func `the published version 7 identifier`() throws {
    let uuid = try #require(UUID(Self.published))
    #expect(uuid.description == Self.published)
    #expect(uuid.version == 7)
    #expect(uuid.milliseconds == RFC3339.parse("2022-02-22T14:22:22.000-05:00"))
    let made = UUID.version7(milliseconds: 0x17f_22e2_79b0, random: [0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f])
    #expect(made == uuid)
    let bytes = uuid.bytes
    #expect(bytes[0] == 0x01 && bytes[6] == 0x7c && bytes[8] == 0x98 && bytes[15] == 0x8f)
  }

  @Test func `bytes and text come back, and order is that of the bytes`() {
    var generator = SeededGenerator.announced("UUID")
    var previous = UUID(high: 0, low: 0)
    for _ in 0..<500 * testScale {
      let uuid = UUID(high: generator.next(), low: generator.next())
      let inline = uuid.bytes
      let bytes = inline.indices.map { inline[$0] }
      #expect(UUID(bytes: bytes.span) == uuid && UUID(uuid.description) == uuid)
      #expect((previous < uuid) == previous.description.utf8.lexicographicallyPrecedes(uuid.description.utf8))
      previous = uuid
    }
  }

  @Test(arguments: [
    "", "017f22e2", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
    "017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
    "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c0739é",
    "------------------------------------",
    "017f22e2079b007cc3098c40dc0c0c07398f",
  ])
  func `every other spelling is refused`(text: String) {
    #expect(UUID(text) == nil)
  }

  @Test func `bytes of another length are refused`() {
    #expect(UUID(bytes: [UInt8](repeating: 0, count: 15).span) == nil)
    #expect(UUID(bytes: [UInt8](repeating: 0, count: 17).span) == nil)
  }

  @Test func `version and variant are set whatever the random bits are`() {
    for fill in [UInt8(0), 0xff] {
      let uuid = UUID.version7(milliseconds: 1 << 48 - 1, random: InlineArray(repeating: fill))
      #expect(uuid.version == 7 && uuid.low >> 62 == 0b10 && uuid.milliseconds == 1 << 48 - 1)
    }
    #expect(UUID("017f22e2-79b0-4cc3-98c4-dc0c0c07398f")?.milliseconds == nil, "version 4 has no time")
  }

  @Test func `a sequence grows while the clock stands, jumps and goes back`() {
    var generator = SeededGenerator.announced("UUIDv7Sequence")
    var sequence = UUIDv7Sequence()
    var last = UUID(high: 0, low: 0)
    var clock: Int64 = 1_700_000_000_000
    for _ in 0..<20_000 * testScale {
      switch generator.number(0..<10) {
      case 0: clock += Int64(generator.number(0..<5))
      case 1: clock -= Int64(generator.number(0..<2000))
      case 2: clock += 2000
      default: break
      }
      let next = sequence.next(milliseconds: clock, random: random(&generator))
      if next <= last || next.version != 7 || next.low >> 62 != 0b10 { Issue.record("\(next) came after \(last)") }
      last = next
    }
  }

  @Test func `a sequence that has used up a millisecond goes on in the next`() {
    let full = UUID(high: 1000 << 16 | 0x7fff, low: 0xbfff_ffff_ffff_fff0)
    var sequence = UUIDv7Sequence(after: full)
    let next = sequence.next(milliseconds: 1000, random: InlineArray(repeating: 0xff))
    #expect(next > full && next.milliseconds == 1001)
    var carrying = UUIDv7Sequence(after: UUID(high: 1000 << 16 | 0x7000, low: 0xbfff_ffff_ffff_fff0))
    let carried = carrying.next(milliseconds: 1000, random: InlineArray(repeating: 0xff))
    #expect(carried.milliseconds == 1000 && carried.high & 0xfff == 1)
  }

  @Test func `neighbours within a millisecond are a random step apart`() {
    var generator = SeededGenerator.announced("UUIDv7 steps")
    var sequence = UUIDv7Sequence()
    let made = (0..<100).map { _ in sequence.next(milliseconds: 5, random: random(&generator)) }
    let steps = Set(zip(made, made.dropFirst()).map { $1.low &- $0.low })
    #expect(steps.count > 90 && steps.allSatisfy { $0 <= 1 << 32 })
  }
}
