// Authenticated encryption: ChaCha20-Poly1305 (RFC 8439) and its form with long nonces (draft-irtf-cfrg-xchacha-03).

import Platform

/// Encryption that notices every change, of the ciphertext and of the data that goes with it in clear.
///
/// A nonce must not come twice under one key; 24 random bytes never do. It does not commit to its key: somebody who chooses two keys can
/// make one ciphertext that opens under both. So a key is never chosen by who may send ciphertexts, and none is tried after another.
enum XChaCha20Poly1305 {
  static let keyByteCount = 32
  static let nonceByteCount = 24
  static let tagByteCount = 16

  /// The ciphertext, as long as the plaintext, and the tag.
  static func seal(_ plaintext: Span<UInt8>, key: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> [UInt8] {
    let subkey = subkey(key, nonce)
    let short = shortNonce(nonce)
    return subkey.withSpan { ChaCha20Poly1305.seal(plaintext, key: $0, nonce: short.span, associatedData: associatedData) }
  }

  /// The plaintext, or nil if anything was changed.
  static func open(_ sealed: Span<UInt8>, key: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> SecretBytes? {
    let subkey = subkey(key, nonce)
    let short = shortNonce(nonce)
    return subkey.withSpan { ChaCha20Poly1305.open(sealed, key: $0, nonce: short.span, associatedData: associatedData) }
  }

  private static func subkey(_ key: Span<UInt8>, _ nonce: Span<UInt8>) -> SecretBytes {
    precondition(nonce.count == nonceByteCount, "an XChaCha20 nonce of \(nonce.count) bytes")
    return SecretBytes(count: keyByteCount) { ChaCha20.subkey(of: key, nonce.extracting(0..<16), into: &$0) }
  }

  private static func shortNonce(_ nonce: Span<UInt8>) -> InlineArray<12, UInt8> {
    var short = InlineArray<12, UInt8>(repeating: 0)
    for index in 0..<8 { short[4 + index] = nonce[16 + index] }
    return short
  }
}

/// RFC 8439 section 2.8, whose nonces of 12 bytes are too short to be drawn at random; it is the inside of the above.
enum ChaCha20Poly1305 {
  static func seal(_ plaintext: Span<UInt8>, key: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> [UInt8] {
    var sealed = [UInt8](repeating: 0, count: plaintext.count + Poly1305.byteCount)
    for index in plaintext.indices { sealed[index] = plaintext[index] }
    var all = sealed.mutableSpan
    var ciphertext = all._mutatingExtracting(0..<plaintext.count)
    ChaCha20.apply(key: key, nonce: nonce, counter: 1, to: &ciphertext)
    let tag = tag(key, nonce, associatedData, sealed.span.extracting(0..<plaintext.count))
    for index in 0..<Poly1305.byteCount { sealed[plaintext.count + index] = tag[index] }
    return sealed
  }

  static func open(_ sealed: Span<UInt8>, key: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> SecretBytes? {
    let count = sealed.count - Poly1305.byteCount
    guard count >= 0 else { return nil }
    let ciphertext = sealed.extracting(0..<count)
    // The tag is judged before a byte is decrypted.
    let expected = tag(key, nonce, associatedData, ciphertext)
    guard constantTimeEquals(expected.span, sealed.extracting(count..<sealed.count)) else { return nil }
    return SecretBytes(count: count) { plaintext in
      for index in 0..<count { plaintext[index] = ciphertext[index] }
      ChaCha20.apply(key: key, nonce: nonce, counter: 1, to: &plaintext)
    }
  }

  private static func tag(_ key: Span<UInt8>, _ nonce: Span<UInt8>, _ associatedData: Span<UInt8>, _ ciphertext: Span<UInt8>)
    -> InlineArray<16, UInt8>
  {
    var once = InlineArray<32, UInt8>(repeating: 0)
    var onceSpan = once.mutableSpan
    ChaCha20.apply(key: key, nonce: nonce, counter: 0, to: &onceSpan)
    var authenticator = Poly1305(key: once.span)
    authenticator.updatePadded(associatedData)
    authenticator.updatePadded(ciphertext)
    authenticator.update(associatedData.count, ciphertext.count)
    var tag = InlineArray<16, UInt8>(repeating: 0)
    var tagSpan = tag.mutableSpan
    authenticator.finish(into: &tagSpan)
    var used = once.mutableSpan
    zero(&used)
    return tag
  }
}
