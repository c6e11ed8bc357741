// How sessions go on: one refresh token yields one new generation, whoever asks, however often, at the same time or after a crash.

import Codecs
import Crypto
package import Platform
import Repositories

extension SessionService {
  /// Exchanges a refresh token for the next one. With presented generation g and current generation G:
  ///
  /// | g | then |
  /// |---|---|
  /// | G | G + 1 is made and returned |
  /// | G - 1 with the same `Idempotency-Key` as the rotation that made G | a retry of a lost answer: G again, any time later |
  /// | G - 1 within the grace after that rotation, at most three times | another tab: G again |
  /// | G - 1 otherwise, or older | reuse: the session ends |
  ///
  /// - Parameter origin: where it comes from, for the audit trail.
  /// - Throws: `.invalid`, `.rateLimited`, `.refreshInvalid`, `.refreshReused`, `.accountDisabled`.
  package func refresh(
    _ form: RefreshForm, idempotencyKey: IdempotencyKey?, from origin: SessionOrigin? = nil
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    var judge = FieldJudge(form.complaints)
    let text = judge.require(form.refreshToken, at: "#/refreshToken") { (text) throws(FieldError) in text }
    guard let text, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    guard let token = RefreshToken(text.utf8.span), token.storeEpoch == store.identity.epoch else { throw .refreshInvalid }
    // Only tokens of ours count, so that nobody uses up what a session may do by its name alone.
    let known = try store.reading { (transaction) throws(RepositoryError) in
      try store.sessions.find(token.sessionID, in: &transaction)
    }
    let counted = known.flatMap { token.isAuthentic(for: $0, key: keys.refreshTags) ? $0.id : nil }
    if let counted { try throttle.countRefresh(counted) }
    do throws(AuthError) { return try exchange(token, idempotencyKey, from: origin) } catch {
      // The same request comes again, and is one.
      if let counted, error == .wouldBlock { throttle.uncountRefresh(counted) }
      throw error
    }
  }

  /// The exchange itself, of a token that is well formed.
  private func exchange(
    _ token: RefreshToken, _ idempotencyKey: IdempotencyKey?, from origin: SessionOrigin?
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) {
    let now = identifiers.now()
    let tokenID = identifiers.next()
    let rotationKey = idempotencyKey.map { fingerprint(of: $0, for: token.sessionID) }
    let done = try store.writing { (transaction) throws(RepositoryError) -> Continuation in
      guard let session = try store.sessions.find(token.sessionID, in: &transaction),
        token.isAuthentic(for: session, key: keys.refreshTags),
        let user = try store.users.find(session.userID, in: &transaction), lives(session, of: user, at: now)
      else { return .refused(.refreshInvalid) }
      switch user.status {
      case .active: break
      case .disabled: return .refused(.accountDisabled)
      case .deleted: return .refused(.refreshInvalid)
      }
      switch judgement(of: token.generation, for: session, rotationKey: rotationKey, at: now) {
      case .rotate:
        let rotated = rotation(of: session, rotationKey: rotationKey, at: now)
        try store.sessions.update(rotated, in: &transaction)
        return .goesOn(rotated, user)
      case .repeatFreely:
        return .goesOn(session, user)
      case .repeatCounted:
        var counted = session
        counted.replayCount += 1
        try store.sessions.update(counted, in: &transaction)
        return .goesOn(counted, user)
      case .reuse:
        try store.sessions.delete(session, in: &transaction)
        try audit.note(
          .sessionReuseDetected, at: now, actor: .nobody, subject: user.id, session: session.id, from: origin, in: &transaction)
        return .refused(.refreshReused)
      case .impossible:
        return .refused(.refreshInvalid)
      }
    }
    switch done.value {
    case .goesOn(let session, let user):
      return (authentication(for: session, of: user, at: now, tokenID: tokenID), done.position)
    case .refused(let error): throw error
    }
  }

  private enum Continuation {
    case goesOn(SessionRecord, UserRecord)
    case refused(AuthError)
  }

  /// What a presented generation means.
  private enum Judgement {
    case rotate
    case repeatFreely
    case repeatCounted
    case reuse
    /// A generation that this store has not made yet.
    case impossible
  }

  private func judgement(
    of presented: UInt32, for session: SessionRecord, rotationKey: InlineArray<16, UInt8>?, at now: Int64
  ) -> Judgement {
    let current = session.generation
    if presented == current { return current < UInt32.max ? .rotate : .impossible }
    guard presented < current else { return .impossible }
    guard presented == current - 1 else { return .reuse }
    if let rotationKey, let made = session.rotationKey, constantTimeEquals(rotationKey.span, made.span) { return .repeatFreely }
    // A wall clock that was set back counts as no time at all; the number of repeats is bounded all the same.
    let elapsed = max(0, now - session.rotatedAt)
    let isInGrace = options.refreshGrace > 0 && elapsed <= Int64(options.refreshGrace) * 1000
    return isInGrace && session.replayCount < SessionOptions.maxReplays ? .repeatCounted : .reuse
  }

  private func rotation(of session: SessionRecord, rotationKey: InlineArray<16, UInt8>?, at now: Int64) -> SessionRecord {
    var rotated = session
    rotated.generation += 1
    rotated.replayCount = 0
    rotated.rotatedAt = now
    rotated.rotationKey = rotationKey
    rotated.idleExpiresAt = now + Int64(options.refreshIdle) * 1000
    return rotated
  }

  /// What is kept of an Idempotency-Key: a MAC that also names the session, so that equal keys of two sessions do not look alike.
  private func fingerprint(of key: IdempotencyKey, for session: UUID) -> InlineArray<16, UInt8> {
    let digest = keys.idempotency.authenticate { hash in
      hash.update(session.bytes.span)
      hash.update(key.bytes.span)
    }
    return InlineArray { index in digest.bytes[index] }
  }
}
