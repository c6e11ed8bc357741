// What `constantTimeEquals` answers; how long it takes is the business of a reviewer and a disassembler.

import Crypto
import Testing

@Suite struct ConstantTimeTests {
  @Test func `equal strings are equal, the empty one too`() {
    for count in [0, 1, 16, 32, 33, 1000] {
      #expect(areEqual([UInt8](repeating: 0xa5, count: count), [UInt8](repeating: 0xa5, count: count)))
    }
  }

  @Test func `a difference in any bit of any byte is seen`() {
    let bytes = [UInt8](0..<33)
    for bit in 0..<(33 * 8) {
      var other = bytes
      other[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!areEqual(bytes, other), "bit \(bit)")
    }
  }

  @Test func `a prefix is not equal`() {
    let bytes = [UInt8](repeating: 0, count: 32)
    for count in 0..<32 {
      #expect(!areEqual(bytes, [UInt8](repeating: 0, count: count)))
      #expect(!areEqual([UInt8](repeating: 0, count: count), bytes))
    }
  }
}
