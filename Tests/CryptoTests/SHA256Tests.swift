// SHA-256 against FIPS 180-4 and NIST's sample values, on both paths.

import Crypto
import TestSupport
import Testing

@Suite struct SHA256Tests {
  @Test(arguments: Implementation.allCases)
  func `published messages have their published digests`(_ implementation: Implementation) {
    let vectors = [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
    ]
    for (message, digest) in vectors {
      #expect(SHA256.hash(Array(message.utf8), implementation).hex == digest)
    }
  }

  // NIST "SHA Test Vectors for Hashing Byte-Oriented Messages" and its additional examples of uniform messages.
  @Test(arguments: Implementation.allCases)
  func `long uniform messages have their published digests`(_ implementation: Implementation) {
    let vectors: [(byte: UInt8, count: Int, digest: String)] = [
      (0xbd, 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
      (0x00, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
      (0x00, 56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"),
      (0x00, 57, "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"),
      (0x00, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"),
      (0x00, 1000, "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"),
      (0x41, 1000, "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"),
      (0x55, 1005, "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0"),
      (0x61, 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]
    for vector in vectors {
      let message = [UInt8](repeating: vector.byte, count: vector.count)
      #expect(SHA256.hash(message, implementation).hex == vector.digest, "\(vector.count) times \(vector.byte)")
    }
  }

  @Test func `both paths agree on every length from 0 to 300`() {
    var random = SeededGenerator.announced("SHA-256 lengths")
    for count in 0...300 {
      let message = random.bytes(count)
      #expect(SHA256.hash(message, .portable) == SHA256.hash(message, .accelerated), "\(count) bytes")
    }
  }

  @Test(arguments: Implementation.allCases)
  func `a message in pieces has the digest of the whole`(_ implementation: Implementation) {
    var random = SeededGenerator.announced("SHA-256 pieces")
    for _ in 0..<(200 * testScale) {
      let message = random.bytes(random.number(0..<600))
      var hash = SHA256(implementation)
      var offset = 0
      while offset < message.count {
        let count = min(message.count - offset, random.number(0..<150))
        hash.update(message.span.extracting(offset..<(offset + count)))
        offset += count
      }
      #expect(hash.finish() == SHA256.hash(message, implementation), "\(message.count) bytes")
    }
  }

  @Test func `a copy of a running hash goes its own way`() {
    let start = Array("one, ".utf8), left = Array("two".utf8), right = Array("three".utf8)
    var hash = SHA256()
    hash.update(start.span)
    var other = hash
    hash.update(left.span)
    other.update(right.span)
    #expect(hash.finish() == SHA256.hash(start + left))
    #expect(other.finish() == SHA256.hash(start + right))
  }
}
