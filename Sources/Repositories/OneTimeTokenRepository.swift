// All verbs for one-time tokens: by digest, all of one user, and those whose time has passed. docs/records.md §7.

package import Codecs
package import Storage

/// One-time tokens and the index that finds those of a user.
package struct OneTimeTokenRepository: Sendable {
  package typealias Digest = OneTimeTokenRecord.Digest

  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    _ digest: Digest, in transaction: inout Reader
  ) throws(RepositoryError) -> OneTimeTokenRecord? {
    try Self.rowKey(digest).withSpan { (key) throws(RepositoryError) in
      try transaction.get(key) { (value) throws(RepositoryError) in try Self.decode(value, digest) }
    }
  }

  /// Adds a token. The oldest of the same user and purpose go, so that there are never more than `purpose.maxCount`.
  package func insert(_ token: OneTimeTokenRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    var others = try all(of: token.userID, token.purpose, in: &transaction)
    others.sort { $0.createdAt < $1.createdAt }
    for old in others.prefix(max(0, others.count - token.purpose.maxCount + 1)) { try delete(old, in: &transaction) }
    try put(token, in: &transaction)
    let nothing: [UInt8] = []
    try Self.indexKey(of: token).withSpan { (key) throws(RepositoryError) in try transaction.set(key, nothing.span) }
  }

  /// Replaces the row of a token; user, purpose and digest stay.
  package func update(_ token: OneTimeTokenRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    let old = try find(token.digest, in: &transaction)
    guard let old else { throw .rowMissing(.oneTimeTokens) }
    precondition(old.userID == token.userID && old.purpose == token.purpose, "a one-time token changes hands")
    try put(token, in: &transaction)
  }

  /// Takes a token out of the store: of all who come with it, in parallel or later, only one gets it.
  package func take(_ digest: Digest, in transaction: inout WriteTransaction) throws(RepositoryError) -> OneTimeTokenRecord? {
    guard let token = try find(digest, in: &transaction) else { return nil }
    try delete(token, in: &transaction)
    return token
  }

  /// Removes a token; one that is gone already is no error.
  package func delete(_ token: OneTimeTokenRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try Self.rowKey(token.digest).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
    try Self.indexKey(of: token).withSpan { (key) throws(RepositoryError) in try transaction.remove(key) }
  }

  /// Removes a user's tokens of these purposes, of all if none is named.
  package func deleteAll(
    of userID: UUID, _ purposes: [OneTimePurpose] = OneTimePurpose.allCases, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    for purpose in purposes {
      for token in try all(of: userID, purpose, in: &transaction) { try delete(token, in: &transaction) }
    }
  }

  /// The tokens of a user for one purpose; at most `purpose.maxCount`.
  package func all<Reader: TransactionReader & ~Copyable>(
    of userID: UUID, _ purpose: OneTimePurpose, in transaction: inout Reader
  ) throws(RepositoryError) -> [OneTimeTokenRecord] {
    let prefix = Self.indexPrefix(userID, purpose)
    var digests: [Digest] = []
    try transaction.scan(from: prefix, below: prefix.afterPrefix, .ascending) { (key, _) throws(RepositoryError) in
      guard key.count == Self.indexKeyByteCount else { throw .damaged(.oneTimeTokensByUser, .brokenIndex) }
      digests.append(key.digest(at: Self.indexKeyByteCount - 32))
      return .next
    }
    var tokens: [OneTimeTokenRecord] = []
    for digest in digests {
      guard let token = try find(digest, in: &transaction), token.userID == userID, token.purpose == purpose else {
        throw .damaged(.oneTimeTokensByUser, .brokenIndex)
      }
      tokens.append(token)
    }
    return tokens
  }

  /// Looks at up to `limit` tokens in the order of their digests and returns those whose time has passed, and where to go on; nil at the end.
  package func expired<Reader: TransactionReader & ~Copyable>(
    at now: Int64, after last: Digest?, limit: Int, in transaction: inout Reader
  ) throws(RepositoryError) -> (tokens: [OneTimeTokenRecord], last: Digest?) {
    var tokens: [OneTimeTokenRecord] = []
    var count = 0
    var place: Digest?
    let all = Key(.oneTimeTokens)
    let lower = last.map { Self.rowKey($0).next } ?? all
    try transaction.scan(from: lower, below: all.afterPrefix, .ascending) { (key, value) throws(RepositoryError) in
      guard key.count == Self.rowKeyByteCount else { throw .damaged(.oneTimeTokens, .brokenIndex) }
      let digest = key.digest(at: 1)
      let token = try Self.decode(value, digest)
      if token.expiresAt <= now { tokens.append(token) }
      count += 1
      guard count < limit else {
        place = digest
        return .stop
      }
      return .next
    }
    return (tokens, place)
  }

  static let rowKeyByteCount = 33
  static let indexKeyByteCount = 50

  static func rowKey(_ digest: Digest) -> Key {
    var key = Key(.oneTimeTokens)
    key.append(block: digest.span)
    return key
  }

  static func indexKey(of token: OneTimeTokenRecord) -> Key {
    var key = indexPrefix(token.userID, token.purpose)
    key.append(block: token.digest.span)
    return key
  }

  private static func indexPrefix(_ userID: UUID, _ purpose: OneTimePurpose) -> Key {
    var key = Key(.oneTimeTokensByUser)
    key.append(userID)
    key.append(byte: purpose.rawValue)
    return key
  }

  private func put(_ token: OneTimeTokenRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    let value = try token.encoded()
    try Self.rowKey(token.digest).withSpan { (key) throws(RepositoryError) in try transaction.set(key, value.span) }
  }

  private static func decode(_ value: Span<UInt8>, _ digest: Digest) throws(RepositoryError) -> OneTimeTokenRecord {
    do throws(RecordDamage) {
      return try OneTimeTokenRecord(digest: digest, decoding: value)
    } catch {
      throw .damaged(.oneTimeTokens, error)
    }
  }
}

extension Store {
  /// A token and its user, if it is of this purpose and its time has not passed, and nothing has voided what was issued to the user since.
  package func liveToken<Reader: TransactionReader & ~Copyable>(
    _ digest: OneTimeTokenRecord.Digest, for purpose: OneTimePurpose, at now: Int64, in transaction: inout Reader
  ) throws(RepositoryError) -> (token: OneTimeTokenRecord, user: UserRecord)? {
    guard let token = try oneTimeTokens.find(digest, in: &transaction), token.purpose == purpose, now < token.expiresAt,
      let user = try users.find(token.userID, in: &transaction), user.epoch == token.userEpoch, user.status != .deleted
    else { return nil }
    return (token, user)
  }
}

extension Span<UInt8> {
  /// The 32 bytes at `offset`; the caller has checked that they are there.
  func digest(at offset: Int) -> OneTimeTokenRecord.Digest { InlineArray { index in self[offset + index] } }
}
