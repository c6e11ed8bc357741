// ChaCha20-Poly1305 and its long-nonce form against RFC 8439 and draft-irtf-cfrg-xchacha, and everything that must not open.

import Platform
import TestSupport
import Testing

@testable import Crypto

@Suite struct AuthenticatedEncryptionTests {
  private let text = Array(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.".utf8)
  private let key = [UInt8](0x80..<0xa0)
  private let data = bytes("50515253c0c1c2c3c4c5c6c7")

  private func open(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], data: [UInt8]) -> [UInt8]? {
    XChaCha20Poly1305.open(sealed.span, key: key.span, nonce: nonce.span, associatedData: data.span).map { secret in
      secret.withSpan { span in span.indices.map { span[$0] } }
    }
  }

  @Test func `the example of RFC 8439 section 2.8.2 is met`() {
    let nonce = bytes("070000004041424344454647")
    let sealed = ChaCha20Poly1305.seal(text.span, key: key.span, nonce: nonce.span, associatedData: data.span)
    #expect(
      hex(sealed)
        == "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        + "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
    )
    let opened = ChaCha20Poly1305.open(sealed.span, key: key.span, nonce: nonce.span, associatedData: data.span)
    #expect(opened?.hex == hex(text))
  }

  @Test func `the example of draft-irtf-cfrg-xchacha appendix A.3.1 is met`() {
    let nonce = [UInt8](0x40..<0x58)
    let sealed = XChaCha20Poly1305.seal(text.span, key: key.span, nonce: nonce.span, associatedData: data.span)
    #expect(
      hex(sealed)
        == "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        + "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
    )
    #expect(open(sealed, key: key, nonce: nonce, data: data) == text)
  }

  @Test func `the subkey of draft-irtf-cfrg-xchacha section 2.2.1 is met`() {
    let key = [UInt8](0..<32)
    let nonce = bytes("000000090000004a0000000031415927")
    var subkey = [UInt8](repeating: 0, count: 32)
    var span = subkey.mutableSpan
    ChaCha20.subkey(of: key.span, nonce.span, into: &span)
    #expect(hex(subkey) == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc")
  }

  // RFC 8439 section 2.5.2 and appendix A.3, vectors 7 to 11: sums that end at, just below and just above the prime.
  @Test func `tags of Poly1305 are right where its carries are`() {
    let ones = String(repeating: "ff", count: 16)
    let zeros = String(repeating: "00", count: 16)
    let one = "01" + zeros.dropLast(2)
    let two = "02" + zeros.dropLast(2)
    let vectors: [(key: String, message: String, tag: String)] = [
      (
        "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", hex(Array("Cryptographic Forum Research Group".utf8)),
        "a8061dc1305136c6c22b8baf0c0127a9"
      ), (two + zeros, ones, "03" + zeros.dropLast(2)), (two + ones, two, "03" + zeros.dropLast(2)),
      (one + zeros, ones + "f0" + ones.dropLast(2) + "11" + zeros.dropLast(2), "05" + zeros.dropLast(2)),
      (one + zeros, ones + "fbfefefefefefefefefefefefefefefe" + String(repeating: "01", count: 16), zeros),
      (two + zeros, "fd" + ones.dropLast(2), "fa" + ones.dropLast(2)),
      (
        "01000000000000000400000000000000" + zeros,
        "e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001000000000000000000000000000000",
        "14000000000000005500000000000000"
      ),
      (
        "01000000000000000400000000000000" + zeros,
        "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000",
        "13" + zeros.dropLast(2)
      ),
    ]
    for vector in vectors {
      let key = bytes(vector.key)
      let message = bytes(vector.message)
      var authenticator = Poly1305(key: key.span)
      authenticator.update(message.span)
      var tag = [UInt8](repeating: 0, count: 16)
      var span = tag.mutableSpan
      authenticator.finish(into: &span)
      #expect(hex(tag) == vector.tag, "\(vector.message)")
    }
  }

  @Test func `what is sealed opens, at every length around the blocks`() {
    var random = SeededGenerator.announced("sealed boxes")
    for count in 0...200 {
      let key = random.bytes(32)
      let nonce = random.bytes(24)
      let data = random.bytes(random.number(0..<40))
      let secret = random.bytes(count)
      let sealed = XChaCha20Poly1305.seal(secret.span, key: key.span, nonce: nonce.span, associatedData: data.span)
      #expect(sealed.count == count + 16)
      #expect(open(sealed, key: key, nonce: nonce, data: data) == secret, "\(count) bytes")
    }
  }

  @Test func `a change of any bit of ciphertext, tag, nonce, key or data is refused`() {
    var random = SeededGenerator.announced("changed boxes")
    let key = random.bytes(32)
    let nonce = random.bytes(24)
    let data = random.bytes(20)
    let secret = random.bytes(17)
    let sealed = XChaCha20Poly1305.seal(secret.span, key: key.span, nonce: nonce.span, associatedData: data.span)
    func flipped(_ bytes: [UInt8], _ bit: Int) -> [UInt8] {
      var bytes = bytes
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      return bytes
    }
    for bit in 0..<(8 * sealed.count) { #expect(open(flipped(sealed, bit), key: key, nonce: nonce, data: data) == nil) }
    for bit in 0..<(8 * 32) { #expect(open(sealed, key: flipped(key, bit), nonce: nonce, data: data) == nil) }
    for bit in 0..<(8 * 24) { #expect(open(sealed, key: key, nonce: flipped(nonce, bit), data: data) == nil) }
    for bit in 0..<(8 * 20) { #expect(open(sealed, key: key, nonce: nonce, data: flipped(data, bit)) == nil) }
    for count in 0..<sealed.count { #expect(open(Array(sealed.prefix(count)), key: key, nonce: nonce, data: data) == nil) }
    #expect(open(sealed + [0], key: key, nonce: nonce, data: data) == nil)
    // Bytes that move from the data to the ciphertext and back, with the padding between them.
    #expect(open(sealed, key: key, nonce: nonce, data: data + [0]) == nil)
    #expect(open(sealed, key: key, nonce: nonce, data: Array(data.dropLast())) == nil)
  }

  // Both lengths are part of the tag: without them zeros of the padding could be taken for data.
  @Test func `zeros at the end of the data are not its padding`() {
    let nonce = [UInt8](repeating: 1, count: 24)
    let zero: [UInt8] = [0]
    let sealed = XChaCha20Poly1305.seal(text.span, key: key.span, nonce: nonce.span, associatedData: zero.span)
    #expect(open(sealed, key: key, nonce: nonce, data: [0]) == text)
    #expect(open(sealed, key: key, nonce: nonce, data: []) == nil)
    #expect(open(sealed, key: key, nonce: nonce, data: [0, 0]) == nil)
  }
}

@Suite struct WrappingKeyTests {
  private let wrap = SecretBytes(copying: [UInt8](repeating: 7, count: 32))
  private let secret = Array("a secret of twenty b".utf8)

  @Test func `a box opens in its own context alone`() {
    let key = wrap.wrappingKey(for: .totpSecret)
    let user = Array("user 1".utf8)
    let other = Array("user 2".utf8)
    let box = key.seal(secret.span, context: user.span, random: .system)
    #expect(box.count == secret.count + WrappingKey.overheadByteCount)
    #expect(key.open(box.span, context: user.span)?.hex == hex(secret))
    #expect(key.open(box.span, context: other.span) == nil)
    #expect(wrap.wrappingKey(for: .storedAnswer).open(box.span, context: user.span) == nil)
    #expect(
      SecretBytes(copying: [UInt8](repeating: 8, count: 32)).wrappingKey(for: .totpSecret).open(box.span, context: user.span)
        == nil)
  }

  @Test func `two boxes of one secret differ`() {
    let key = wrap.wrappingKey(for: .totpSecret)
    let nothing: [UInt8] = []
    let first = key.seal(secret.span, context: nothing.span, random: .system)
    #expect(first != key.seal(secret.span, context: nothing.span, random: .system))
  }

  @Test func `a box of another version, cut or too long is refused`() {
    let key = wrap.wrappingKey(for: .totpSecret)
    let nothing: [UInt8] = []
    let box = key.seal(secret.span, context: nothing.span, random: .system)
    for version in UInt8.min...UInt8.max where version != 1 {
      let other = [version] + box.dropFirst()
      #expect(key.open(other.span, context: nothing.span) == nil)
    }
    for count in 0..<box.count {
      let cut = Array(box.prefix(count))
      #expect(key.open(cut.span, context: nothing.span) == nil)
    }
    let large = [1] + [UInt8](repeating: 0, count: WrappingKey.overheadByteCount + WrappingKey.maxPlaintextByteCount)
    #expect(key.open(large.span, context: nothing.span) == nil)
  }

  @Test func `no two purposes share a key, and each keeps its own`() {
    let message: [UInt8] = [1]
    let tags = TagPurpose.allCases.map { wrap.tagKey(for: $0).authenticate(message).hex }
    #expect(Set(tags).count == TagPurpose.allCases.count)
    #expect(
      Set(TagPurpose.allCases.map(\.rawValue) + WrapPurpose.allCases.map(\.rawValue)).count == tags.count
        + WrapPurpose.allCases.count)
    // Tokens that are out there were tagged with this key.
    let refresh = HKDF.deriveKey(secret: [UInt8](repeating: 7, count: 32), info: Array("userd refresh tag 1".utf8), byteCount: 32)
    #expect(refresh.withSpan { HMACSHA256(key: $0) }.authenticate(message).hex == tags[0])
  }
}
