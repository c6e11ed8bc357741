// Sessions seen and ended one by one: by the person whose they are, and by those who may look after others.

import Codecs
package import Platform
import Repositories

extension SessionService {
  /// Rows that one page looks at, so that a long run of sessions that are over costs no more than a full page.
  private static let maxExamined = 1000

  // MARK: One's own

  /// One page of the person's own sessions.
  ///
  /// - Throws: `.invalidCursor`.
  package func list(_ query: SessionListQuery, of principal: Principal) throws(AuthError) -> ListPage<Session> {
    try principal.requireSession()
    return try page(query, of: principal.userID) ?? ListPage([], nextCursor: nil)
  }

  /// Ends one of the person's own sessions, the one that asks included.
  ///
  /// - Throws: `.notFound`, also for a session of somebody else; `.sessionRevoked` if the one that asks has ended meanwhile.
  package func end(
    _ id: SessionID, by principal: Principal, from origin: SessionOrigin? = nil
  ) throws(AuthError) -> LogPosition {
    let now = identifiers.now()
    try principal.requireSession()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AuthError? in
      guard try liveUser(of: principal, at: now, in: &transaction) != nil else { return .sessionRevoked }
      return try end(id, of: principal.userID, by: .principal(principal), from: origin, at: now, in: &transaction)
        ? nil : .notFound
    }
    if let refusal = done.value { throw refusal }
    return done.position
  }

  /// Ends all of the person's sessions but the one that asks. Of two that end each other at the same time one stays.
  ///
  /// - Throws: `.sessionRevoked` if the one that asks has ended meanwhile.
  package func endOthers(by principal: Principal, from origin: SessionOrigin? = nil) throws(AuthError) -> LogPosition {
    let own = try principal.requireSession()
    let now = identifiers.now()
    let done = try store.writing { (transaction) throws(RepositoryError) -> Bool in
      guard try liveUser(of: principal, at: now, in: &transaction) != nil else { return false }
      try endAll(
        of: principal.userID, except: own, by: .principal(principal), from: origin, at: now, in: &transaction)
      return true
    }
    guard done.value else { throw .sessionRevoked }
    return done.position
  }

  // MARK: Those of others

  /// One page of anybody's sessions. Needs `sessions:read`.
  ///
  /// - Throws: `.forbidden`, `.notFound` if there is no such user, `.invalidCursor`.
  package func list(
    _ query: SessionListQuery, of userID: UserID, by authority: Authority
  ) throws(AuthError) -> ListPage<Session> {
    try authority.require(.sessionsRead)
    guard let page = try page(query, of: userID) else { throw .notFound }
    return page
  }

  /// Ends one session of a user, or all of them. Needs `sessions:revoke`, and every permission that the user's role has.
  ///
  /// - Parameter id: nil for all.
  /// - Throws: `.forbidden`, which the audit trail has; `.notFound` without such a user or session of theirs.
  package func end(
    _ id: SessionID?, of userID: UserID, by authority: Authority, from origin: SessionOrigin? = nil
  ) throws(AuthError) -> LogPosition {
    let now = identifiers.now()
    let done = try store.writing { (transaction) throws(RepositoryError) -> AuthError? in
      let permissions = try authority.permissions(by: store, in: &transaction)
      let user = permissions.contains(.sessionsRevoke) ? try store.users.find(userID.uuid, in: &transaction) : nil
      // No one acts above themselves.
      let needed = try user.map { (user) throws(RepositoryError) in try Roles.permissions(of: user, by: store, in: &transaction) }
      guard permissions.contains(.sessionsRevoke), permissions.covers(needed ?? .none) else {
        try audit.note(
          .accessDenied, at: now, actor: authority.actor, subject: userID.uuid, session: authority.session, from: origin,
          .reason(.permissionMissing), in: &transaction)
        return .forbidden
      }
      guard user != nil else { return .notFound }
      guard let id else {
        try endAll(of: userID, except: nil, by: authority, from: origin, at: now, in: &transaction)
        return nil
      }
      return try end(id, of: userID, by: authority, from: origin, at: now, in: &transaction) ? nil : .notFound
    }
    if let refusal = done.value { throw refusal }
    return done.position
  }

  // MARK: Parts

  /// Sessions that live, newest first; nil if there is no such user.
  private func page(_ query: SessionListQuery, of userID: UserID) throws(AuthError) -> ListPage<Session>? {
    let cursors = ListCursor(.sessions, filters: [userID.description], key: keys.cursors)
    var last: UUID?
    if let cursor = query.cursor {
      let place = try cursors.place(cursor)
      last = UUID(bytes: place.span)
    }
    let now = identifiers.now()
    var found: [Session] = []
    var hasMore = true
    var examined = 0
    let isThere = try store.reading { (transaction) throws(RepositoryError) -> Bool in
      guard let user = try store.users.find(userID.uuid, in: &transaction) else { return false }
      while hasMore && found.count < query.limit && examined < Self.maxExamined {
        let wanted = query.limit - found.count
        // One more than wanted tells whether there is a next page.
        let rows = try store.sessions.page(of: userID.uuid, before: last, limit: wanted + 1, in: &transaction)
        hasMore = rows.count > wanted
        for row in rows.prefix(wanted) {
          examined += 1
          last = row.id
          if lives(row, of: user, at: now) { found.append(Session(row)) }
        }
      }
      return true
    }
    guard isThere else { return nil }
    guard hasMore, let last else { return ListPage(found, nextCursor: nil) }
    let place = last.bytes
    return ListPage(found, nextCursor: cursors.text(at: place.indices.map { place[$0] }))
  }

  /// False if the user has no such session that lives.
  private func end(
    _ id: SessionID, of userID: UserID, by authority: Authority, from origin: SessionOrigin?, at now: Int64,
    in transaction: inout Writing
  ) throws(RepositoryError) -> Bool {
    guard let session = try store.sessions.find(id.uuid, in: &transaction), session.userID == userID.uuid,
      let user = try store.users.find(userID.uuid, in: &transaction), lives(session, of: user, at: now)
    else { return false }
    try store.sessions.delete(session, in: &transaction)
    try audit.note(
      .sessionEnded, at: now, actor: authority.actor, subject: userID.uuid, session: id.uuid, from: origin, in: &transaction)
    return true
  }

  /// Notes it only if there was anything to end.
  private func endAll(
    of userID: UserID, except kept: SessionID?, by authority: Authority, from origin: SessionOrigin?, at now: Int64,
    in transaction: inout Writing
  ) throws(RepositoryError) {
    let count = try store.sessions.endSessions(of: userID.uuid, except: kept?.uuid, in: &transaction)
    guard count > 0 else { return }
    try audit.note(
      .sessionsEnded, at: now, actor: authority.actor, subject: userID.uuid, session: kept?.uuid, from: origin, .count(count),
      in: &transaction)
  }
}
