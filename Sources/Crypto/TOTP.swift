// One-time codes of authenticator apps: TOTP (RFC 6238) over HOTP (RFC 4226), with the parameters that every app knows.

package import Platform

/// SHA-1, six digits, a step of 30 seconds.
package enum TOTP {
  /// RFC 4226 section 4 R6 recommends 160 bits.
  package static let secretByteCount = 20
  package static let secretByteCounts = 16...64
  package static let digitCount = 6
  package static let stepSeconds = 30
  /// Steps before and after the current one that are taken: clocks of phones go wrong, and people type slowly.
  package static let window = 1

  private static let modulus: UInt32 = 1_000_000

  /// A new secret to share with an app.
  package static func newSecret(from random: RandomSource) -> SecretBytes { SecretBytes(count: secretByteCount, from: random) }

  /// The step that a moment lies in. Moments before 1970 lie in the first.
  package static func step(atSeconds seconds: Int64) -> UInt64 { UInt64(max(0, seconds)) / UInt64(stepSeconds) }

  /// The step whose code was given, if it lies in the window around now and is newer than `last`, the newest step that was accepted for this
  /// secret before; nil otherwise. Whoever stores the answer as the next `last` takes no code twice.
  ///
  /// All codes of the window are computed and compared, so the time does not tell which one was right.
  package static func acceptedStep(of code: Span<UInt8>, secret: SecretBytes, atSeconds seconds: Int64, after last: UInt64?)
    -> UInt64?
  {
    precondition(secretByteCounts.contains(secret.count), "a TOTP secret of \(secret.count) bytes")
    guard code.count == digitCount else { return nil }
    let current = step(atSeconds: seconds)
    let first = current < UInt64(window) ? 0 : current - UInt64(window)
    var accepted: UInt64?
    for step in first...(current + UInt64(window)) {
      let expected = secret.withSpan { digits(of: self.code(secret: $0, counter: step)) }
      let isRight = constantTimeEquals(expected.span, code)
      // Two steps may share a code: the newest one counts, or the older one would leave it to be taken again.
      if isRight && (last.map { step > $0 } ?? true) { accepted = step }
    }
    return accepted
  }

  /// HOTP (RFC 4226 5.3), below 10^6.
  static func code(secret: Span<UInt8>, counter: UInt64) -> UInt32 {
    var message = InlineArray<8, UInt8>(repeating: 0)
    for index in 0..<8 { message[index] = UInt8(truncatingIfNeeded: counter >> UInt64(56 - 8 * index)) }
    return truncate(HMAC<SHA1>(key: secret, .accelerated).authenticate(message.span)) % modulus
  }

  /// Dynamic truncation: 31 bits from where the last four say.
  static func truncate(_ tag: [UInt8]) -> UInt32 {
    let offset = Int(tag[19] & 15)
    let word = UInt32(tag[offset]) << 24 | UInt32(tag[offset + 1]) << 16 | UInt32(tag[offset + 2]) << 8 | UInt32(tag[offset + 3])
    return word & 0x7fff_ffff
  }

  /// The code as it is shown, with leading zeros.
  static func digits(of code: UInt32) -> InlineArray<6, UInt8> {
    var left = code
    var digits = InlineArray<6, UInt8>(repeating: 0)
    for index in (0..<digitCount).reversed() {
      digits[index] = UInt8(ascii: "0") + UInt8(left % 10)
      left /= 10
    }
    return digits
  }
}
