// A key that keeps small secrets in the store: sealed on their way in, opened on their way out.

package import Platform

/// Seals with XChaCha20-Poly1305 under one purpose of `keys/wrap`. Any thread may use it.
///
/// A box is version 1, a nonce of 24 random bytes, the ciphertext, a tag of 16 bytes. The context (whose secret it is, in which field) is
/// authenticated but not stored, so a box that was moved to another row does not open.
package struct WrappingKey: Sendable {
  private let key: SecretBytes

  package static let overheadByteCount = 1 + XChaCha20Poly1305.nonceByteCount + XChaCha20Poly1305.tagByteCount
  package static let maxPlaintextByteCount = 1 << 20
  private static let version: UInt8 = 1

  /// - Parameter key: 32 bytes; use `SecretBytes.wrappingKey(for:)`.
  init(_ key: SecretBytes) {
    precondition(key.count == XChaCha20Poly1305.keyByteCount, "a wrapping key of \(key.count) bytes")
    self.key = key
  }

  /// The box of a secret of at most `maxPlaintextByteCount` bytes.
  package func seal(_ secret: Span<UInt8>, context: Span<UInt8>, random: RandomSource) -> [UInt8] {
    seal(secret, context: context, with: Nonce(from: random))
  }

  /// What makes one box differ from all others: drawn before a transaction that seals, and used for one secret.
  package struct Nonce: Sendable {
    fileprivate let bytes: [UInt8]

    package init(from random: RandomSource) { bytes = random.bytes(XChaCha20Poly1305.nonceByteCount) }
  }

  /// The same with a nonce that was drawn for this box.
  package func seal(_ secret: Span<UInt8>, context: Span<UInt8>, with nonce: Nonce) -> [UInt8] {
    precondition(
      secret.count <= Self.maxPlaintextByteCount, "\(secret.count) bytes to seal; the limit is \(Self.maxPlaintextByteCount)")
    let sealed = key.withSpan {
      XChaCha20Poly1305.seal(secret, key: $0, nonce: nonce.bytes.span, associatedData: Self.bound(context).span)
    }
    return [Self.version] + nonce.bytes + sealed
  }

  /// What was sealed under this key and context; nil if it was not, or was changed since.
  package func open(_ box: Span<UInt8>, context: Span<UInt8>) -> SecretBytes? {
    guard box.count >= Self.overheadByteCount, box.count <= Self.overheadByteCount + Self.maxPlaintextByteCount,
      box[0] == Self.version
    else { return nil }
    let start = 1 + XChaCha20Poly1305.nonceByteCount
    let nonce = box.extracting(1..<start)
    let sealed = box.extracting(start..<box.count)
    let associatedData = Self.bound(context)
    return key.withSpan { XChaCha20Poly1305.open(sealed, key: $0, nonce: nonce, associatedData: associatedData.span) }
  }

  /// The version is authenticated with the context.
  private static func bound(_ context: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = [version]
    for index in context.indices { bytes.append(context[index]) }
    return bytes
  }
}
