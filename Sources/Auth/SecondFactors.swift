// Codes and secrets of second factors: what can be found out before a transaction begins, and what only inside one.

import Codecs
import Crypto
import Platform
import Repositories

/// Opens and seals the secrets of authenticator apps, and looks at codes. Any thread may use it.
///
/// Looking at a code takes some microseconds of hashing, so it is done outside of transactions. Whether the code may still be taken is asked
/// inside: of all who bring one code at the same time, one is first.
struct SecondFactors: Sendable {
  private let secrets: WrappingKey

  /// How long an enrolment waits for its first code.
  static let enrollmentMilliseconds: Int64 = 3_600_000

  init(_ keys: KeyRing) { secrets = keys.totpSecrets }

  /// A secret as it is stored: of use to this user alone.
  func seal(_ secret: SecretBytes, for user: UUID, random: RandomSource) -> [UInt8] {
    let context = user.bytes
    return secret.withSpan { secrets.seal($0, context: context.span, random: random) }
  }

  /// What the account can show after the password. Where the key of the secrets is not the one that they were sealed with, as after a restore
  /// without it, an app is of no use.
  func methods(of factors: SecondFactorRecord) -> [SecondFactorMethod] {
    var methods: [SecondFactorMethod] = []
    if let sealed = factors.sealedSecret, open(sealed, of: factors.userID) != nil { methods.append(.totp) }
    if !factors.recoveryDigests.isEmpty { methods.append(.recoveryCode) }
    return methods
  }

  /// - Parameter now: milliseconds since 1970.
  func look(at code: String, _ method: SecondFactorMethod, of factors: SecondFactorRecord, at now: Int64) -> SeenCode {
    switch method {
    case .totp: return lookAtApp(code, factors.sealedSecret, of: factors.userID, at: now)
    case .recoveryCode:
      guard let entered = RecoveryCode(entered: code) else { return .wrong }
      return .recovery(entered.digest(of: factors.userID))
    }
  }

  /// The same for the code that confirms an enrolment.
  func look(at code: String, enrolling factors: SecondFactorRecord, at now: Int64) -> SeenCode {
    guard let pending = factors.pending, now < pending.endsAt else { return .wrong }
    return lookAtApp(code, pending.sealedSecret, of: factors.userID, at: now)
  }

  private func lookAtApp(_ code: String, _ sealed: [UInt8]?, of user: UUID, at now: Int64) -> SeenCode {
    guard let sealed, let secret = open(sealed, of: user), let digits = Self.digits(of: code),
      let step = TOTP.acceptedStep(of: digits.span, secret: secret, atSeconds: now / 1000, after: nil)
    else { return .wrong }
    return .step(step, of: sealed)
  }

  /// Nil if it was sealed under another key or for another user, or is no secret of ours.
  private func open(_ sealed: [UInt8], of user: UUID) -> SecretBytes? {
    let context = user.bytes
    guard let secret = secrets.open(sealed.span, context: context.span), TOTP.secretByteCounts.contains(secret.count) else {
      return nil
    }
    return secret
  }

  /// The digits of a code as apps show them, in groups or not.
  private static func digits(of code: String) -> [UInt8]? {
    guard code.utf8.count <= 2 * TOTP.digitCount else { return nil }
    let digits = code.utf8.filter { $0 != UInt8(ascii: " ") }
    return digits.count == TOTP.digitCount ? digits : nil
  }
}

/// What a code turned out to be. It never prints.
enum SeenCode: Sendable, CustomStringConvertible, CustomReflectable {
  /// The newest step of this sealed secret whose code it is.
  case step(UInt64, of: [UInt8])
  /// A recovery code, of which the store may know the digest.
  case recovery(Digest)
  case wrong

  var description: String { "<code>" }
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension SecondFactorRecord {
  /// Takes a code, which is of no more use then.
  ///
  /// - Returns: why not, and nothing was changed; nil if it was taken.
  mutating func take(_ code: SeenCode) -> AuditReason? {
    switch code {
    case .step(let step, let sealed):
      guard sealed == sealedSecret else { return .overtaken }
      guard step > lastStep else { return .usedCode }
      lastStep = step
      return nil
    case .recovery(let digest):
      // All are compared, so the time does not tell which one it was.
      var found: Int?
      for (index, stored) in recoveryDigests.enumerated() where Digest(stored) == digest { found = index }
      guard let found else { return .wrongCode }
      recoveryDigests.remove(at: found)
      return nil
    case .wrong: return .wrongCode
    }
  }

  /// Makes the waiting enrolment the one that counts, with new recovery codes.
  ///
  /// - Returns: why not, and nothing was changed; nil if it was done.
  mutating func confirm(_ code: SeenCode, recovery digests: [Digest], at now: Int64) -> AuditReason? {
    switch code {
    case .step(let step, let sealed):
      guard let pending, pending.sealedSecret == sealed, now < pending.endsAt else { return .overtaken }
      sealedSecret = sealed
      lastStep = step
      enabledAt = now
      self.pending = nil
      recoveryDigests = digests.map(\.bytes)
      return nil
    case .recovery, .wrong: return .wrongCode
    }
  }
}

extension SessionMethods {
  init(_ method: SecondFactorMethod) {
    switch method {
    case .totp: self = .oneTimeCode
    case .recoveryCode: self = .recoveryCode
    }
  }
}
