// HKDF-SHA-256 against RFC 5869 appendix A.

import Crypto
import Testing

@Suite struct HKDFTests {
  @Test(arguments: Implementation.allCases)
  func `published secrets give their published keys`(_ implementation: Implementation) {
    let vectors: [(secret: [UInt8], salt: [UInt8], info: [UInt8], key: String)] = [
      (
        .init(repeating: 0x0b, count: 22), Array(0...12), Array(0xf0...0xf9),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
      ),
      (
        Array(0x00...0x4f), Array(0x60...0xaf), Array(0xb0...0xff),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
          + "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
      ),
      (
        .init(repeating: 0x0b, count: 22), [], [],
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
      ),
    ]
    for vector in vectors {
      let key = HKDF.deriveKey(
        secret: vector.secret, salt: vector.salt, info: vector.info, byteCount: vector.key.count / 2,
        implementation)
      #expect(key.hex == vector.key)
    }
  }

  @Test func `a shorter key is the beginning of a longer one`() {
    let secret = Array("secret".utf8)
    let longest = HKDF.deriveKey(secret: secret, byteCount: HKDF.maxByteCount).hex
    for count in [1, 31, 32, 33, 63, 64, 65, HKDF.maxByteCount - 1] {
      let key = HKDF.deriveKey(secret: secret, byteCount: count)
      #expect(key.count == count)
      #expect(longest.hasPrefix(key.hex))
    }
  }

  @Test func `no key of 0 bytes is derived`() async {
    await #expect(processExitsWith: .failure) {
      _ = HKDF.deriveKey(secret: [], byteCount: 0)
    }
  }

  @Test func `no key longer than 255 digests is derived`() async {
    await #expect(processExitsWith: .failure) {
      _ = HKDF.deriveKey(secret: [], byteCount: HKDF.maxByteCount + 1)
    }
  }
}
