// HMAC-SHA-256 against RFC 4231, and the refusals of `isValid`.

import Crypto
import TestSupport
import Testing

@Suite struct HMACSHA256Tests {
  /// RFC 4231 section 4, test cases 1 to 4, 6 and 7.
  static let vectors: [(key: [UInt8], message: [UInt8], tag: String)] = [
    (
      .init(repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      .init(repeating: 0xaa, count: 20), .init(repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      Array(1...25), .init(repeating: 0xcd, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      .init(repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      .init(repeating: 0xaa, count: 131),
      Array(
        ("This is a test using a larger than block-size key and a larger than block-size data."
          + " The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
  ]

  @Test(arguments: Implementation.allCases)
  func `published messages have their published tags`(_ implementation: Implementation) {
    for vector in Self.vectors {
      let key = HMACSHA256(key: vector.key, implementation)
      #expect(key.authenticate(vector.message).hex == vector.tag)
      let tag = bytes(vector.tag)
      #expect(key.isValid(tag, for: vector.message))
    }
  }

  // Made with Python's hmac. The RFC's keys are all much shorter or much longer than a block, so that hashing one of exactly a block went unnoticed.
  @Test(arguments: Implementation.allCases)
  func `a key of one block is used as it is, and a byte more is hashed first`(_ implementation: Implementation) {
    for (count, tag) in [
      (63, "73475a1d2776e9598428e26a3bc5b6ca423ab50814860eee11af8588d367c383"),
      (64, "e3ac3ed11602ad911a8d24e9d2c70f0f94a1fc7cdc57eed0661df6fb0c029909"),
      (65, "86a6318c07998c88c8e39335f3387a8380a9ffc14ddbffbc600e215dc2f042a6"),
    ] {
      let key = HMACSHA256(key: [UInt8](repeating: 0xaa, count: count), implementation)
      #expect(key.authenticate(Array("a key around one block".utf8)).hex == tag, "\(count) bytes")
    }
  }

  // RFC 4231 test case 5 publishes the first 16 bytes only.
  @Test func `a tag cut to 16 bytes is valid`() {
    let key = HMACSHA256(key: [UInt8](repeating: 0x0c, count: 20))
    let message = Array("Test With Truncation".utf8), tag = bytes("a3b6167473100ee06e0c796c2955552b")
    #expect(key.isValid(tag, for: message))
  }

  @Test func `tags shorter than 16 or longer than 32 bytes are refused`() {
    let key = HMACSHA256(key: Array("key".utf8)), message = Array("message".utf8)
    let tag = key.authenticate(message).withSpan { whole in whole.indices.map { whole[$0] } }
    for count in 0..<16 { #expect(!key.isValid(Array(tag[0..<count]), for: message), "\(count) bytes") }
    for count in 16...32 { #expect(key.isValid(Array(tag[0..<count]), for: message), "\(count) bytes") }
    #expect(!key.isValid(tag + [0], for: message))
  }

  @Test func `a tag with any bit flipped is refused`() {
    let key = HMACSHA256(key: Array("key".utf8)), message = Array("message".utf8)
    let tag = key.authenticate(message).withSpan { whole in whole.indices.map { whole[$0] } }
    for bit in 0..<256 {
      var wrong = tag
      wrong[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!key.isValid(wrong, for: message), "bit \(bit)")
    }
  }

  @Test func `both paths agree on every key length from 0 to 300`() {
    var random = SeededGenerator.announced("HMAC key lengths")
    for count in 0...300 {
      let secret = random.bytes(count), message = random.bytes(300 - count)
      let portable = HMACSHA256(key: secret, .portable).authenticate(message)
      let accelerated = HMACSHA256(key: secret, .accelerated).authenticate(message)
      #expect(portable == accelerated, "key of \(count) bytes")
    }
  }

  @Test func `parts have the tag of the message they make`() {
    let key = HMACSHA256(key: Array("key".utf8))
    let first = Array("first".utf8), second = [UInt8](repeating: 7, count: 100)
    let tag = key.authenticate { hash in
      hash.update(first.span)
      hash.update(second.span)
    }
    #expect(tag == key.authenticate(first + second))
  }
}
