// Requests that come again: one effect, one answer, in one commit. docs/security.md §9.

import Codecs
import Crypto
import Platform
import Repositories
import Synchronization

/// Whose key an Idempotency-Key is; the same key of somebody else is another one.
package enum Asker: Sendable {
  /// Nobody who has proved anything: told apart by where they are and which address they name.
  case anyone(SessionOrigin, email: FieldInput)
  case authority(Authority)

  /// How many answers are kept for them at once. Whoever administrates makes accounts by the thousand; others set up their app.
  var maxCount: Int {
    switch self {
    case .anyone: 16
    case .authority(let authority): authority.permissions == .none ? 100 : 100_000
    }
  }
}

/// Answers that are given again to whoever repeats a request with its Idempotency-Key. Any thread may call it.
///
/// An answer is written by the transaction that has the effect, so neither is ever there without the other, whatever crashes when. Between a
/// request's first look and its commit its name is `underway`; from the commit on its row says so.
package final class IdempotentAnswers: Sendable {
  private let store: Store
  private let names: HMACSHA256
  private let fingerprints: HMACSHA256
  private let boxes: WrappingKey
  private let identifiers: IdentifierSource
  private let limits: AnswerLimits
  /// Requests that run at this moment; there are never more than threads that run handlers. Held for a few instructions.
  private let underway = Mutex<Set<AnswerName>>([])

  /// How long a request may be repeated.
  package static let lifetimeMilliseconds: Int64 = 86_400_000
  /// The rows that one transaction of the sweep removes.
  static let maxSweptCount = 128
  private static let sweepInterval = 300

  init(store: Store, keys: KeyRing, identifiers: IdentifierSource, limits: AnswerLimits = AnswerLimits()) {
    self.store = store
    self.identifiers = identifiers
    self.limits = limits
    names = keys.idempotency
    fingerprints = keys.bodyFingerprints
    boxes = keys.storedAnswers
  }

  /// What a request with a key turned out to be.
  package enum Turn: Sendable {
    /// Nobody has answered it. Whoever gets it says `end` when its handler has ended, however that went.
    case first(FirstRequest)
    /// It was answered before, so.
    case again(StoredAnswer)
  }

  /// Looks whether a request was answered before. Whether the asker may ask at all is judged before.
  ///
  /// - Parameters:
  ///   - route: the endpoint; never changes, because it is part of what is stored.
  ///   - target: what was asked of it: the path as it came.
  /// - Throws: `.idempotencyKeyReused` if the key came with another target or body, `.idempotencyInFlight` while the first one is answered.
  package func begin(
    _ key: IdempotencyKey, _ route: StaticString, target: Span<UInt8>, body: Span<UInt8>, by asker: Asker
  ) throws(AuthError) -> Turn {
    let name = AnswerName(asker: tag(of: asker), request: tag(of: key, route))
    let request = FirstRequest(
      name: name, fingerprint: fingerprint(target, body), maxCount: asker.maxCount, moment: identifiers.now(),
      nonce: WrappingKey.Nonce(from: identifiers.random), answers: self)
    guard underway.withLock({ $0.insert(name).inserted }) else { throw .idempotencyInFlight }
    var isFirst = false
    defer { if !isFirst { end(request) } }
    let known = try store.reading { (transaction) throws(RepositoryError) in try store.answers.find(name, in: &transaction) }
    guard let known, request.moment < known.endsAt else {
      isFirst = true
      return .first(request)
    }
    guard matches(known, request) else { throw .idempotencyKeyReused }
    let opened = boxes.open(known.box.span, context: request.context.span)
    guard let answer = opened?.withSpan({ StoredAnswer(decoding: $0) }) else {
      throw .storageFailed("a kept answer does not open with the key of the key folder")
    }
    return .again(answer)
  }

  /// The handler of a first request has ended.
  package func end(_ request: FirstRequest) { underway.withLock { _ = $0.remove(request.name) } }

  /// Why a request must not have its effect, as the transaction sees it that is to have it: others may have come between.
  func objection(to request: FirstRequest, in transaction: inout Writing) throws(RepositoryError) -> AuthError? {
    if let known = try store.answers.find(request.name, in: &transaction), request.moment < known.endsAt {
      // Committed a moment ago, and not on disk yet, or not seen when this one began.
      return matches(known, request) ? .idempotencyInFlight : .idempotencyKeyReused
    }
    guard try store.answers.count(of: request.name.asker, in: &transaction) < request.maxCount else {
      return .rateLimited(
        ThrottleRefusal(
          policy: "idempotency-key", limit: request.maxCount, windowSeconds: Int(Self.lifetimeMilliseconds / 1000),
          retryAfter: Self.sweepInterval))
    }
    return nil
  }

  /// Writes the answer beside the effect.
  func keep(_ answer: StoredAnswer, to request: FirstRequest, in transaction: inout Writing) throws(RepositoryError) {
    let plain = answer.encoded()
    guard plain.count + WrappingKey.overheadByteCount <= AnswerRecord.maxBoxByteCount else {
      throw .fieldTooLong(.idempotentAnswers, byteCount: plain.count, limit: AnswerRecord.maxBoxByteCount)
    }
    let record = AnswerRecord(
      name: request.name, endsAt: request.moment + Self.lifetimeMilliseconds, fingerprint: request.fingerprint,
      box: boxes.seal(plain.span, context: request.context.span, with: request.nonce))
    try store.answers.keep(record, within: limits, in: &transaction)
  }

  /// Removes answers whose time has passed. Nothing depends on it.
  package var sweepJob: UpkeepJob {
    UpkeepJob("sweep kept answers", everySeconds: Self.sweepInterval) { [self] () throws(AuthError) in
      let now = identifiers.now()
      do throws(RepositoryError) {
        let count = try store.writeUnhurried { (transaction) throws(RepositoryError) in
          try store.answers.sweep(endedBy: now, limit: Self.maxSweptCount, in: &transaction)
        }
        return count == Self.maxSweptCount ? .more : .done
      } catch { throw AuthError(error) }
    }
  }

  private func matches(_ known: AnswerRecord, _ request: FirstRequest) -> Bool {
    let stored = known.fingerprint.bytes, asked = request.fingerprint.bytes
    return constantTimeEquals(stored.span, asked.span)
  }

  // MARK: Tags

  private enum Kind: UInt8 {
    case anyone = 0
    case user = 1
    case owner = 2
  }

  private func tag(of asker: Asker) -> UUID {
    let kind: Kind
    var mark: [UInt8] = []
    switch asker {
    case .anyone(let origin, let email):
      kind = .anyone
      if let client = origin.clientKey {
        mark = [1] + (0..<8).map { UInt8(truncatingIfNeeded: client >> UInt64(8 * $0)) }
      } else {
        mark = [0]
      }
      if case .text(let text) = email { mark += text.utf8.span.lowercasedASCII() }
    case .authority(.principal(let principal)):
      kind = .user
      // A key and the person whose it is are two: what one may be told again the other may not even ask for.
      let id =
        switch principal.credential {
        case .session: principal.userID.uuid.bytes
        case .key(let key): key.uuid.bytes
        }
      mark = id.span.array()
    case .authority(.owner): kind = .owner
    }
    return tag(names) { hash in
      hash.update("userd answer who".utf8.span)
      hash.update([kind.rawValue].span)
      hash.update(mark.span)
    }
  }

  private func tag(of key: IdempotencyKey, _ route: StaticString) -> UUID {
    tag(names) { hash in
      hash.update("userd answer key".utf8.span)
      // A key has no zero byte.
      hash.update(key.bytes.span)
      hash.update([0].span)
      hash.update("\(route)".utf8.span)
    }
  }

  /// What was asked. A target has no zero byte.
  private func fingerprint(_ target: Span<UInt8>, _ body: Span<UInt8>) -> UUID {
    tag(fingerprints) { hash in
      hash.update(target)
      hash.update([0].span)
      hash.update(body)
    }
  }

  private func tag(_ key: HMACSHA256, _ feed: (inout SHA256) -> Void) -> UUID {
    let digest = key.authenticate(feed).bytes
    guard let tag = UUID(bytes: digest.span.extracting(0..<16)) else { preconditionFailure("sixteen bytes are a tag") }
    return tag
  }
}
