// Sessions: how they begin, go on, end, and prove who is asking.

import Codecs
package import Platform
package import Repositories
import Synchronization

/// All verbs of a person's own sessions. Any thread may call it.
///
/// Verbs that write return the position to hold the answer to; after an error of such a verb the answer is held to `heldPosition`.
/// `register`, `login` with a password, `reauthenticate`, `changePassword` and `setUp` hash a password, which takes some 15 ms of CPU: they belong
/// on the hash pool. The others are for event loops.
package final class SessionService: Sendable {
  let store: Store
  let keys: KeyRing
  let hasher: PasswordHasher
  let outbox: Outbox
  // What may change while a server runs; held to copy it.
  private let current: Mutex<SessionOptions>
  /// The two of them that every request asks for, beside the lock.
  private let recentMilliseconds: Atomic<Int64>
  private let wantsVerifiedEmail: Atomic<Bool>
  let identifiers: IdentifierSource
  let accessTokens: AccessTokens
  let secondFactors: SecondFactors
  let audit: Audit
  let knownDevices: KnownDevices
  let keyUses = APIKeyUses()
  /// The one of this process: services that guess or send messages count with it.
  package let throttle: Throttle
  /// The one of this process.
  package let answers: IdempotentAnswers
  /// Where the sweep goes on: after this session, or at the first one.
  let sweepPlace = Mutex<UUID?>(nil)

  package init(
    store: Store, keys: KeyRing, hasher: PasswordHasher, options: SessionOptions, outbox: Outbox, clock: any Clock,
    random: RandomSource
  ) {
    options.validate()
    self.store = store
    self.keys = keys
    self.hasher = hasher
    self.outbox = outbox
    current = Mutex(options)
    recentMilliseconds = Atomic(Int64(options.recentLogin) * 1000)
    wantsVerifiedEmail = Atomic(options.requiresVerifiedEmail)
    identifiers = IdentifierSource(clock: clock, random: random)
    audit = Audit(store, keys)
    knownDevices = KnownDevices(store, keys)
    answers = IdempotentAnswers(store: store, keys: keys, identifiers: identifiers)
    throttle = Throttle(store: store, keys: keys, options: options.throttle, clock: clock, random: random)
    secondFactors = SecondFactors(keys)
    accessTokens = AccessTokens(
      keys: keys, issuer: options.issuer, audience: options.audience, storeEpoch: store.identity.epoch)
  }

  var options: SessionOptions { current.withLock { $0 } }

  /// Works by these options from now on, except for issuer and audience, which stay as they are. Sessions and tokens that are there keep the
  /// end that they were given.
  package func use(_ options: SessionOptions) {
    options.validate()
    current.withLock { current in
      let (issuer, audience) = (current.issuer, current.audience)
      current = options
      current.issuer = issuer
      current.audience = audience
    }
    recentMilliseconds.store(Int64(options.recentLogin) * 1000, ordering: .relaxed)
    wantsVerifiedEmail.store(options.requiresVerifiedEmail, ordering: .relaxed)
    throttle.use(options.throttle)
  }

  /// The newest state that a refusal of a writing verb can depend on.
  package var heldPosition: LogPosition { store.heldPosition }

  /// Who the bearer of an access token or an API key is, right now. Reads two or three records of the published snapshot and allocates nothing.
  ///
  /// - Throws: `.invalidToken`, `.tokenExpired`, `.sessionRevoked`, `.accountDisabled`.
  package func authenticate(_ bearer: Span<UInt8>) throws(AuthError) -> Principal {
    let now = identifiers.now()
    if APIKeySecret.isMeant(by: bearer) { return try authenticate(key: bearer, at: now) }
    guard let claims = accessTokens.verify(bearer, now: now) else { throw .invalidToken }
    return try principal(of: claims, at: now)
  }

  /// Who an access token of ours speaks for.
  func principal(of claims: AccessClaims, at now: Int64) throws(AuthError) -> Principal {
    guard !claims.isExpired(at: now) else { throw .tokenExpired }
    guard claims.storeEpoch == store.identity.epoch else { throw .sessionRevoked }
    let found: (session: SessionGlimpse, user: UserGlimpse, permissions: PermissionBits)?
    do throws(RepositoryError) {
      found = try store.glimpse(session: claims.sessionID)
    } catch {
      throw AuthError(error)
    }
    guard let (session, user, permissions) = found, session.userID == claims.userID, now < session.idleExpiresAt,
      now < session.expiresAt,
      session.userEpoch == user.epoch, claims.userEpoch == user.epoch
    else { throw .sessionRevoked }
    switch user.status {
    case .active: break
    case .disabled: throw .accountDisabled
    case .deleted: throw .sessionRevoked
    }
    return Principal(
      userID: UserID(claims.userID), .session(SessionID(claims.sessionID)), permissions: PermissionSet(permissions),
      role: HeldRole(user.role), authenticatedAt: session.authenticatedAt,
      recentUntil: session.authenticatedAt &+ recentMilliseconds.load(ordering: .relaxed),
      restriction: restriction(of: user))
  }

  /// What a user must do first; read from the store each time, so that it ends with the change itself.
  func restriction(of user: UserGlimpse) -> Restriction? {
    if user.mustChangePassword { return .mustChangePassword }
    return wantsVerifiedEmail.load(ordering: .relaxed) && !user.isEmailVerified ? .emailUnverified : nil
  }

  /// What a client gets after a register, login or refresh that left `session` and `user` in the store.
  func authentication(for session: SessionRecord, of user: UserRecord, at now: Int64, tokenID: UUID) -> Authentication {
    let refresh = RefreshToken(
      storeEpoch: store.identity.epoch, session: session, generation: session.generation, key: keys.refreshTags)
    let lifetime = options.accessLifetime
    let access = accessTokens.issue(to: user, in: session, identifier: tokenID, issuedAt: now / 1000, lifetime: lifetime)
    return Authentication(
      accessToken: access, expiresIn: lifetime, refreshToken: refresh.text,
      refreshExpiresIn: Int(max(0, min(session.idleExpiresAt, session.expiresAt) - now) / 1000), session: Session(session),
      user: User(user))
  }

  /// Whether a session still counts for its user.
  func lives(_ session: SessionRecord, of user: UserRecord, at now: Int64) -> Bool {
    now < session.idleExpiresAt && now < session.expiresAt && session.userEpoch == user.epoch
  }
}
