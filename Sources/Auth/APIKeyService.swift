// API keys: made, listed and ended by those who hold all that a key may do.

import Codecs
import Crypto
package import Platform
import Repositories
import Synchronization

/// The verbs of key administration. Who a key speaks for is judged by `SessionService.authenticate`. Any thread may call it.
package final class APIKeyService: Sendable {
  private let store: Store
  private let audit: Audit
  private let identifiers: IdentifierSource
  private let uses: APIKeyUses
  private let cursors: HMACSHA256
  /// Where the sweep goes on: after this key, or at the first one.
  private let sweepPlace = Mutex<UUID?>(nil)

  /// How long a key that has expired is still listed, and refused as expired: a week.
  static let keptMilliseconds: Int64 = 7 * 86_400_000
  private static let maxSweptCount = 128
  private static let sweepInterval = 3600
  private static let noteInterval = 10

  /// - Parameter sessions: whose store, trail and clock it works with.
  package init(of sessions: SessionService) {
    store = sessions.store
    audit = sessions.audit
    identifiers = sessions.identifiers
    uses = sessions.keyUses
    cursors = sessions.keys.cursors
  }

  /// Makes a key. Needs `keys:write`, and every permission that the key gets; whoever asks is its creator. A key makes no keys.
  ///
  /// - Throws: `.forbidden`, `.invalid`.
  package func create(
    _ form: APIKeyForm, by authority: Authority, from origin: SessionOrigin? = nil, _ once: Once<NewAPIKey>? = nil
  ) throws(AuthError) -> (value: NewAPIKey, position: LogPosition) {
    try authority.require(.keysWrite)
    try authority.requireNoKey()
    var judge = FieldJudge(form.complaints)
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in try DisplayName(text) }
    let permissions = judge.requirePermissions(form.permissions, at: "#/permissions")
    let lifetime = judge.accept(form.expiresIn, within: APIKey.lifetimes, at: "#/expiresIn")
    let creator = judge.creator(form.createdBy, authority)
    guard let name, let permissions, let creator, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }

    let secret = APIKeySecret(identifiers)
    let now = identifiers.now()
    let key = APIKeyRecord(
      id: secret.id, permissions: permissions.stored, creator: creator, digest: secret.digest, createdAt: now,
      expiresAt: lifetime.map { now + Int64($0) * 1000 } ?? 0, name: name.text)
    let made = NewAPIKey(key: APIKey(key), secret: secret.text)
    let done = try store.writing(once: once?.request) { (transaction) throws(RepositoryError) -> AuthError? in
      let power = try authority.permissions(by: store, in: &transaction)
      guard power.contains(.keysWrite), power.covers(permissions) else {
        try audit.noteDenial(of: authority, at: now, from: origin, in: &transaction)
        return .forbidden
      }
      if let objection = try objection(to: key, in: &transaction) { return objection }
      try store.apiKeys.insert(key, in: &transaction)
      try audit.note(
        .keyCreated, at: now, actor: authority.actor, subject: creator, session: authority.session, from: origin, .key(key.id),
        in: &transaction)
      try once?.keep(made, in: &transaction)
      return nil
    }
    if let refusal = done.value { throw refusal }
    return (made, done.position)
  }

  /// Why a key of this creator may not be made, if it may not: the owner of the folder names whom he will.
  private func objection(to key: APIKeyRecord, in transaction: inout Writing) throws(RepositoryError) -> AuthError? {
    guard let user = try store.users.find(key.creator, in: &transaction), user.status == .active else {
      return .invalid([FieldError("#/createdBy", .invalidValue, "there is no such active account")])
    }
    guard try Roles.permissions(of: user, by: store, in: &transaction).covers(PermissionSet(key.permissions)) else {
      return .invalid([FieldError("#/permissions", .invalidValue, "the account has not all of these permissions")])
    }
    guard try store.apiKeys.count(of: key.creator, in: &transaction) < APIKey.maxCount else {
      return .invalid([FieldError("#", .invalidValue, "the account has \(APIKey.maxCount) keys already", max: APIKey.maxCount)])
    }
    return nil
  }

  /// One page of all keys. Needs `keys:read`.
  ///
  /// - Throws: `.forbidden`, `.invalidCursor`.
  package func list(_ query: APIKeyListQuery, by authority: Authority) throws(AuthError) -> ListPage<APIKey> {
    try authority.require(.keysRead)
    let cursors = ListCursor(.apiKeys, filters: [], key: cursors)
    var last: UUID?
    if let cursor = query.cursor {
      let place = try cursors.place(cursor)
      last = UUID(bytes: place.span)
    }
    // One more than wanted tells whether there is a next page.
    let rows = try store.reading { (transaction) throws(RepositoryError) in
      try store.apiKeys.page(after: last, limit: query.limit + 1, in: &transaction)
    }
    let keys = rows.prefix(query.limit).map { APIKey($0, use: uses.last(of: $0.id)) }
    guard rows.count > query.limit, let end = keys.last else { return ListPage(keys, nextCursor: nil) }
    let place = end.id.uuid.bytes
    return ListPage(keys, nextCursor: cursors.text(at: place.indices.map { place[$0] }))
  }

  /// Ends a key; the very next request with it is refused. Needs `keys:write`, and every permission that the key has, unless it is one's own.
  ///
  /// - Throws: `.forbidden`, `.notFound`, `.revisionMismatch`.
  package func delete(
    _ id: APIKeyID, if condition: RevisionCondition = .none, by authority: Authority, from origin: SessionOrigin? = nil
  ) throws(AuthError) -> LogPosition {
    try authority.require(.keysWrite)
    let now = identifiers.now()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AuthError? in
      let power = try authority.permissions(by: store, in: &transaction)
      let key = power.contains(.keysWrite) ? try store.apiKeys.find(id.uuid, in: &transaction) : nil
      let needed = key.map { authority.isPerson($0.creator) ? .none : PermissionSet($0.permissions) }
      guard power.contains(.keysWrite), power.covers(needed ?? .none) else {
        try audit.noteDenial(
          of: authority, at: now, subject: key?.creator, from: origin, AuditDetails(key: id.uuid), in: &transaction)
        return .forbidden
      }
      guard let key else { return .notFound }
      if let objection = condition.objection(to: APIKey.revision) { return objection }
      try store.apiKeys.delete(key, in: &transaction)
      try audit.note(
        .keyDeleted, at: now, actor: authority.actor, subject: key.creator, session: authority.session, from: origin,
        .key(key.id),
        in: &transaction)
      return nil
    }
    if let refusal = done.value { throw refusal }
    return done.position
  }

  // MARK: Upkeep

  /// Writes down when keys were used last: one small transaction for all of them, which nobody waits for.
  package var useJob: UpkeepJob {
    UpkeepJob("note uses of API keys", everySeconds: Self.noteInterval) { [self] () throws(AuthError) in
      let waiting = uses.first(Self.maxSweptCount)
      guard !waiting.isEmpty else { return .done }
      do throws(RepositoryError) {
        try store.writeUnhurried { (transaction) throws(RepositoryError) in
          try store.apiKeys.note(uses: waiting, in: &transaction)
        }
      } catch { throw AuthError(error) }
      uses.forget(waiting)
      return waiting.count == Self.maxSweptCount ? .more : .done
    }
  }

  /// Removes keys that expired a week ago. Nothing depends on it: a key that has expired is refused whether or not its row is there.
  package var sweepJob: UpkeepJob {
    UpkeepJob("sweep API keys", everySeconds: Self.sweepInterval) { [self] () throws(AuthError) in
      let start = sweepPlace.withLock { $0 }
      let rows = try store.reading { (transaction) throws(RepositoryError) in
        try store.apiKeys.page(after: start, limit: Self.maxSweptCount, in: &transaction)
      }
      let end = identifiers.now() - Self.keptMilliseconds
      let over = rows.filter { $0.expiresAt != 0 && $0.expiresAt <= end }
      if !over.isEmpty {
        do throws(RepositoryError) {
          try store.writeUnhurried { (transaction) throws(RepositoryError) in
            for key in over { try store.apiKeys.delete(key, in: &transaction) }
          }
        } catch { throw AuthError(error) }
      }
      let last = rows.count == Self.maxSweptCount ? rows.last?.id : nil
      sweepPlace.withLock { $0 = last }
      return last == nil ? .done : .more
    }
  }
}

extension Authority {
  /// Whether it is this person, in a session of theirs.
  fileprivate func isPerson(_ id: UUID) -> Bool {
    switch self {
    case .principal(let principal): principal.session != nil && principal.userID.uuid == id
    case .owner: false
    }
  }
}

extension FieldJudge {
  /// Whose key it is to be; nil if there was a complaint.
  fileprivate mutating func creator(_ input: FieldInput, _ authority: Authority) -> UUID? {
    switch authority {
    case .principal(let principal):
      if !input.isAbsent { complain(FieldError("#/createdBy", .unknownField, "this member is unknown here")) }
      return principal.userID.uuid
    case .owner:
      return require(input, at: "#/createdBy") { (text) throws(FieldError) in
        guard let id = UserID(text.utf8.span) else {
          throw FieldError("#/createdBy", .invalidValue, "this is the identifier of an account")
        }
        return id.uuid
      }
    }
  }
}
