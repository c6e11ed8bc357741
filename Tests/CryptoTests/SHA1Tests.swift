// SHA-1 and its HMAC against FIPS 180-4 and RFC 2202.

import Testing

@testable import Crypto

@Suite struct SHA1Tests {
  private func digest(_ message: [UInt8]) -> String { hex(SHA1.digest(message.span, .portable)) }

  @Test func `the examples of FIPS 180 are met`() {
    #expect(digest(Array("abc".utf8)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(
      digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    )
    #expect(digest([UInt8](repeating: 0x61, count: 1_000_000)) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    #expect(digest([]) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
  }

  // RFC 2202 section 3, without the truncated case 5.
  static let vectors: [(key: [UInt8], message: [UInt8], tag: String)] = [
    ([UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8), "b617318655057264e28bc0b6fb378c8ef146be00"),
    (Array("Jefe".utf8), Array("what do ya want for nothing?".utf8), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    ([UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    ([UInt8](1...25), [UInt8](repeating: 0xcd, count: 50), "4c9007f4026250c6bc8414f9bf50c86c2d7235da"),
    (
      [UInt8](repeating: 0xaa, count: 80), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "aa4ae5e15272d00e95705637ce8a3b55ed402112"
    ),
    (
      [UInt8](repeating: 0xaa, count: 80),
      Array("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data".utf8),
      "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"
    ),
  ]

  @Test func `the tags of RFC 2202 are met`() {
    for vector in Self.vectors {
      #expect(hex(HMAC<SHA1>(key: vector.key.span, .portable).authenticate(vector.message.span)) == vector.tag)
    }
  }
}
