// The audit trail as this floor writes it: one note in the transaction that does what the note tells.

import Codecs
import Crypto
import Repositories

/// Notes security events. Any thread may use it.
///
/// A note is part of its transaction: what happened is in the trail, and what is in the trail happened.
struct Audit: Sendable {
  private let trail: AuditRepository
  private let addresses: HMACSHA256

  init(_ store: Store, _ keys: KeyRing) {
    trail = store.audit
    addresses = keys.auditAddresses
  }

  /// Adds a record behind the newest one. Times that go back become the time of the record before.
  ///
  /// - Parameters:
  ///   - moment: when it happened, read before the transaction.
  ///   - actor: who did it; `.nobody` for who has not proved who they are.
  ///   - subject: whom it happened to.
  ///   - address: an address without an account; only a tag of it is kept.
  func note(
    _ event: AuditEvent, at moment: Int64, actor: AuditActor, subject: UUID? = nil, session: UUID? = nil,
    from origin: SessionOrigin? = nil, address: EmailAddress? = nil, _ details: AuditDetails = .none,
    in transaction: inout Writing
  ) throws(RepositoryError) {
    let record = AuditRecord(
      event, at: moment, actor: actor, subject: subject, session: session, network: origin?.ipPrefix,
      addressTag: address.map(tag), details: details)
    try trail.append(record, hash: Self.hash, in: &transaction)
  }

  /// Notes that somebody reached for more than they may.
  func noteDenial(
    of authority: Authority, at moment: Int64, subject: UUID? = nil, from origin: SessionOrigin? = nil,
    _ details: AuditDetails = .none,
    in transaction: inout Writing
  ) throws(RepositoryError) {
    var details = details
    details.reason = .permissionMissing
    try note(
      .accessDenied, at: moment, actor: authority.actor, subject: subject, session: authority.session, from: origin, details,
      in: &transaction)
  }

  /// Removes records that are older than `age` milliseconds, at most `limit` of them; returns how many there were.
  ///
  /// Age is counted back from the newest record, or from now if that is earlier: a clock that runs ahead drops nothing as long as nothing happens.
  func dropOldest(
    age: Int64, at moment: Int64, limit: Int, in transaction: inout Writing
  ) throws(RepositoryError) -> Int {
    let newest = try trail.trail(in: &transaction).time
    return try trail.dropOldest(before: min(moment, newest) - age, limit: limit, hash: Self.hash, in: &transaction)
  }

  private func tag(of address: EmailAddress) -> InlineArray<16, UInt8> {
    let digest = addresses.authenticate(address.text.utf8.span.lowercasedASCII().span)
    return InlineArray { index in digest.bytes[index] }
  }

  /// The link between two records.
  static func hash(_ bytes: Span<UInt8>) -> AuditHash { SHA256.hash(bytes).bytes }
}

extension Authority {
  /// Who it is in the trail.
  var actor: AuditActor {
    switch self {
    case .principal(let principal):
      switch principal.credential {
      case .session: .user(principal.userID.uuid)
      case .key(let id): .key(id.uuid)
      }
    case .owner: .owner
    }
  }
}
