// SHA-512 and its HMAC against FIPS 180-4 and RFC 4231, and HMAC of SHA-256 in both of its forms.

import TestSupport
import Testing

@testable import Crypto

@Suite struct SHA512Tests {
  private func digest(_ message: [UInt8]) -> String { hex(SHA512.digest(message.span, .portable)) }

  @Test func `the examples of FIPS 180 are met`() {
    #expect(
      digest([])
        == "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    )
    #expect(
      digest(Array("abc".utf8))
        == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    )
    let long = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
    #expect(
      digest(Array(long.utf8))
        == "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
    )
    #expect(
      digest([UInt8](repeating: 0x61, count: 100_000 * 10))
        == "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"
    )
  }

  // RFC 4231, cases 1 to 4, 6 and 7.
  @Test func `the tags of RFC 4231 are met`() {
    let vectors: [(key: [UInt8], message: [UInt8], tag: String)] = [
      (
        [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"
      ),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
      ),
      (
        [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"
      ),
      (
        [UInt8](1...25), [UInt8](repeating: 0xcd, count: 50),
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"
      ),
      (
        [UInt8](repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
      ),
      (
        [UInt8](repeating: 0xaa, count: 131),
        Array(
          "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm."
            .utf8),
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"
      ),
    ]
    for vector in vectors {
      #expect(hex(HMAC<SHA512>(key: vector.key.span, .portable).authenticate(vector.message.span)) == vector.tag)
    }
  }

  @Test func `the short form of HMAC-SHA-256 is the long one at every length around the blocks`() {
    var random = SeededGenerator.announced("HMAC forms")
    for count in 0...200 {
      let key = random.bytes(random.number(0..<150)), message = random.bytes(count)
      let expected = HMACSHA256(key: key).authenticate(message)
      #expect(hex(HMAC<SHA256>(key: key.span, .accelerated).authenticate(message.span)) == expected.hex, "\(count) bytes")
      #expect(hex(SHA256.digest(message.span, .portable)) == SHA256.hash(message).hex, "\(count) bytes")
    }
  }
}
