// Tokens that work once: a purpose's prefix and 43 base64url digits, of which the store keeps a hash. docs/security.md §3.

import Codecs
import Crypto
import Platform
import Repositories

/// A one-time token in clear: as good as what it opens, so it never prints.
///
/// Draw it before the transaction that issues it.
struct OneTimeToken: Sendable {
  let purpose: OneTimePurpose
  private let secret: InlineArray<32, UInt8>

  static let secretByteCount = 32
  static let textByteCount = 48

  /// A new one.
  init(_ purpose: OneTimePurpose, _ random: RandomSource) {
    self.purpose = purpose
    var secret = InlineArray<32, UInt8>(repeating: 0)
    var span = secret.mutableSpan
    random.fill(&span)
    self.secret = secret
  }

  /// The token written as `text`, or nil if no token of this purpose is written so.
  init?(_ text: Span<UInt8>, _ purpose: OneTimePurpose) {
    guard text.count == Self.textByteCount, text.has(purpose.prefix, at: 0) else { return nil }
    var secret = InlineArray<32, UInt8>(repeating: 0)
    var span = secret.mutableSpan
    let digits = text.extracting(purpose.prefix.utf8CodeUnitCount..<text.count)
    guard Base64URL.decode(digits, into: &span) == Self.secretByteCount else { return nil }
    self.purpose = purpose
    self.secret = secret
  }

  var text: String {
    var buffer = ByteBuffer(capacity: Self.textByteCount)
    buffer.append(purpose.prefix)
    Base64URL.encode(secret.span, into: &buffer)
    return buffer.text()
  }

  /// What the store finds it by. Another purpose, or a store of another epoch, has another digest.
  func digest(in identity: StoreIdentity) -> OneTimeTokenRecord.Digest {
    var hash = SHA256()
    hash.update("userd one-time token 1".utf8.span)
    let bound: InlineArray<5, UInt8> = InlineArray { index in
      index == 0 ? purpose.rawValue : UInt8(truncatingIfNeeded: identity.epoch >> UInt32(32 - 8 * index))
    }
    hash.update(bound.span)
    hash.update(secret.span)
    return hash.finish().bytes
  }
}

extension OneTimeToken: CustomStringConvertible, CustomReflectable {
  var description: String { "<one-time token>" }
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension OneTimePurpose {
  var prefix: StaticString {
    switch self {
    case .reset: "upr1_"
    case .verifyEmail: "uev1_"
    case .changeEmail: "uec1_"
    case .pendingLogin: "uml1_"
    }
  }

  /// Seconds that a token lives.
  var lifetime: Int {
    switch self {
    case .reset: 30 * 60
    case .verifyEmail, .changeEmail: 24 * 60 * 60
    case .pendingLogin: 5 * 60
    }
  }
}

extension Store {
  /// Puts a token for a user into the store; the oldest of its kind make room.
  @discardableResult
  func issue(
    _ token: OneTimeToken, to user: UserRecord, at now: Int64, payload: [UInt8] = [], in transaction: inout Writing
  ) throws(RepositoryError) -> OneTimeTokenRecord {
    try issue(token, to: user.id, epoch: user.epoch, at: now, payload: payload, in: &transaction)
  }

  /// The same for a user of this epoch, who need not exist.
  @discardableResult
  func issue(
    _ token: OneTimeToken, to userID: UUID, epoch: UInt32, at now: Int64, payload: [UInt8] = [], in transaction: inout Writing
  ) throws(RepositoryError) -> OneTimeTokenRecord {
    let record = OneTimeTokenRecord(
      digest: token.digest(in: identity), purpose: token.purpose, userID: userID, userEpoch: epoch, createdAt: now,
      expiresAt: now + Int64(token.purpose.lifetime) * 1000, payload: payload)
    try oneTimeTokens.insert(record, in: &transaction)
    return record
  }

  /// The record of a token and its user, if it is good for anything; unknown, used, expired and void ones are all nil.
  func live(
    _ token: OneTimeToken, at now: Int64, in transaction: inout Reading
  ) throws(RepositoryError) -> (token: OneTimeTokenRecord, user: UserRecord)? {
    try liveToken(token.digest(in: identity), for: token.purpose, at: now, in: &transaction)
  }

  /// The same inside a writing transaction.
  func live(
    _ token: OneTimeToken, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> (token: OneTimeTokenRecord, user: UserRecord)? {
    try liveToken(token.digest(in: identity), for: token.purpose, at: now, in: &transaction)
  }

  /// The same, and the token is used up: of all who bring it, only one gets it.
  func take(
    _ token: OneTimeToken, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> (token: OneTimeTokenRecord, user: UserRecord)? {
    let found = try live(token, at: now, in: &transaction)
    if let found { try oneTimeTokens.delete(found.token, in: &transaction) }
    return found
  }
}
