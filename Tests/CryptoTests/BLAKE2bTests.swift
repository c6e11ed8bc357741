// BLAKE2b against RFC 7693 and the vectors of its authors.

import Crypto
import TestSupport
import Testing

@Suite struct BLAKE2bTests {
  @Test func `abc has the digest of RFC 7693 appendix A`() {
    let digest = BLAKE2b.hash(Array("abc".utf8), byteCount: 64)
    #expect(
      hex(digest)
        == "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")
  }

  // The self-test of RFC 7693 appendix E: lengths around the blocks, four digest sizes, with and without key, hashed together.
  @Test func `the self-test of RFC 7693 appendix E passes`() {
    func sequence(_ count: Int, _ seed: UInt32) -> [UInt8] {
      var a = 0xdead_4bad &* seed, b: UInt32 = 1
      return (0..<count).map { _ in
        let next = a &+ b
        (a, b) = (b, next)
        return UInt8(truncatingIfNeeded: next >> 24)
      }
    }
    var all = BLAKE2b(byteCount: 32)
    for byteCount in [20, 32, 48, 64] {
      for count in [0, 3, 128, 129, 255, 1024] {
        let message = sequence(count, UInt32(count)), key = sequence(byteCount, UInt32(byteCount))
        let plain = BLAKE2b.hash(message, byteCount: byteCount)
        all.update(plain.span)
        let keyed = BLAKE2b.hash(message, byteCount: byteCount, key: key)
        all.update(keyed.span)
      }
    }
    var result = [UInt8](repeating: 0, count: 32)
    var span = result.mutableSpan
    all.finish(into: &span)
    #expect(hex(result) == "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475")
  }

  // github.com/BLAKE2/BLAKE2, testvectors/blake2b-kat.txt: the key 00...3f, messages 00, 01 ...
  @Test func `keyed digests are those of the authors`() {
    let key = Array<UInt8>(0...0x3f)
    let vectors: [(count: Int, digest: String)] = [
      (
        0,
        "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568"
      ),
      (
        1,
        "961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd"
      ),
      (
        255,
        "142709d62e28fcccd0af97fad0f8465b971e82201dc51070faa0372aa43e92484be1c1e73ba10906d5d1853db6a4106e0a7bf9800d373d6dee2d46d62ef2a461"
      ),
    ]
    for vector in vectors {
      let message = (0..<vector.count).map { UInt8($0) }
      #expect(hex(BLAKE2b.hash(message, byteCount: 64, key: key)) == vector.digest)
    }
  }

  @Test func `a message in pieces has the digest of the whole`() {
    var random = SeededGenerator.announced("BLAKE2b pieces")
    for _ in 0..<(100 * testScale) {
      let message = random.bytes(random.number(0..<600)), byteCount = random.number(1..<65)
      var hash = BLAKE2b(byteCount: byteCount)
      var offset = 0
      while offset < message.count {
        let count = min(message.count - offset, random.number(0..<200))
        hash.update(message.span.extracting(offset..<(offset + count)))
        offset += count
      }
      var result = [UInt8](repeating: 0, count: byteCount)
      var span = result.mutableSpan
      hash.finish(into: &span)
      #expect(result == BLAKE2b.hash(message, byteCount: byteCount), "\(message.count) bytes")
    }
  }

  @Test(arguments: [0, 65]) func `there is no digest of`(_ byteCount: Int) async {
    await #expect(processExitsWith: .failure) { [byteCount] in
      _ = BLAKE2b(byteCount: byteCount)
    }
  }

  @Test func `no key longer than 64 bytes is taken`() async {
    await #expect(processExitsWith: .failure) {
      _ = BLAKE2b.hash([], byteCount: 64, key: [UInt8](repeating: 1, count: 65))
    }
  }
}
