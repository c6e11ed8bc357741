// The keys of access tokens: rotated, listed, and removed when nothing that they signed can be valid any more.

package import Platform
package import Repositories
import Synchronization

/// Changes which keys sign access tokens, while other threads sign and verify. For workers and tools: it waits for the disk.
package final class KeyService: Sendable {
  private let store: Store
  private let folder: KeyFolder
  private let keys: KeyRing
  private let clock: any Clock
  private let audit: Audit
  // One change of the folder at a time. Held while files are written; nobody but workers, tools and upkeep comes here.
  private let changing = Mutex<Void>(())

  /// For how long a retired key is accepted: the longest life of a token, and as long as a request that began to sign before the
  /// rotation may take. The configured life of tokens may have been longer before the last start, so it is not looked at.
  static let overlapMilliseconds = (AccessClaims.maxLifetime + 60) * 1000
  /// Every rotation leaves its set of keys in memory until the process ends (`Published`), and its sweep another one.
  static let maxRotationCount = 1000
  private static let sweepInterval = 60

  /// - Parameters:
  ///   - folder: where `keys` was loaded from.
  package init(store: Store, folder: KeyFolder, keys: KeyRing, clock: any Clock) {
    self.store = store
    self.folder = folder
    self.keys = keys
    self.clock = clock
    audit = Audit(store, keys)
  }

  /// What becomes of the key that signed until now.
  enum Ending: String, Sendable {
    /// It verifies until its last token has expired.
    case overlapping
    /// Every access token that was signed before is refused from now on; refresh tokens go on and get new ones.
    case atOnce = "at_once"
  }

  /// Makes a new key, which signs from now on. Durable on return.
  ///
  /// Needs `ops:write`. The audit trail has it before the new key signs anything: a rotation that nobody can see is worse than one that is
  /// noted and did not happen.
  /// - Returns: all keys, as `list` does.
  /// - Throws: `.forbidden`, `.invalid`, `.rotationRefused`.
  package func rotate(_ form: RotationForm, by authority: Authority) throws(AuthError) -> [ListedKey] {
    try authority.require(.opsWrite)
    var judge = FieldJudge(form.complaints)
    let ending = judge.accept(form.ending, at: "#/ending") { (text) throws(FieldError) in
      guard let ending = Ending(rawValue: text) else {
        throw FieldError("#/ending", .invalidValue, "use overlapping or at_once")
      }
      return ending
    }
    try judge.conclude()
    return try rotate(ending ?? .overlapping, by: authority)
  }

  func rotate(_ ending: Ending, by authority: Authority) throws(AuthError) -> [ListedKey] {
    try authority.require(.opsWrite)
    try changing.withLock { (_) throws(AuthError) in
      let current = keys.accessKeys.withCurrent { $0 }
      guard current.signing.createdAt != nil else { throw .rotationRefused(.secretIsSupplied) }
      let now = clock.wallMilliseconds()
      var kept: [SigningKey] = []
      switch ending {
      case .overlapping:
        kept = current.accepted.filter { $0.isAccepted(at: now) }.map { $0.retired(until: now + Self.overlapMilliseconds) }
      case .atOnce: break
      }
      guard kept.count < AccessKeyList.maxCount, keys.accessKeys.keptCount < Self.maxRotationCount else {
        throw .rotationRefused(.tooOften)
      }
      let fresh = try change { () throws(KeyError) in try folder.makeSigningKey() }
      let done = try store.writing { (transaction) throws(RepositoryError) in
        try audit.note(.keysRotated, at: now, actor: authority.actor, .count(kept.count), in: &transaction)
      }
      do throws(RepositoryError) { try store.waitUntilDurable(done.position) } catch { throw AuthError(error) }
      try show(AccessKeys([fresh] + kept))
    }
    return try list(by: authority)
  }

  /// All keys whose tokens are accepted, the one that signs first. Needs `ops:read`.
  package func list(by authority: Authority) throws(AuthError) -> [ListedKey] {
    try authority.require(.opsRead)
    let now = clock.wallMilliseconds()
    let accepted = keys.accepted
    return accepted.enumerated().filter { $1.isAccepted(at: now) }.map { index, key in ListedKey(key, signs: index == 0) }
  }

  /// Removes keys that are not accepted any more, from memory and from the disk.
  package var sweepJob: UpkeepJob {
    UpkeepJob("end retired keys", everySeconds: Self.sweepInterval) { [self] () throws(AuthError) in
      try sweep()
      return .done
    }
  }

  func sweep() throws(AuthError) {
    let now = clock.wallMilliseconds()
    try changing.withLock { (_) throws(AuthError) in
      let current = keys.accessKeys.withCurrent { $0 }
      let kept = current.accepted.filter { $0.isAccepted(at: now) }
      guard kept.count < current.accepted.count else { return }
      try show(AccessKeys(kept))
    }
  }

  /// Makes other keys the ones that count: on disk first, then for everybody who signs and verifies.
  private func show(_ next: AccessKeys) throws(AuthError) {
    try change { () throws(KeyError) in try folder.replaceList(with: next) }
    keys.accessKeys.replace(with: next)
  }

  /// Works on the folder, with the errors of this floor.
  private func change<Value>(_ body: () throws(KeyError) -> Value) throws(AuthError) -> Value {
    do throws(KeyError) { return try body() } catch {
      if case .io(_, _, let errno) = error, errno.kind == .noSpace { throw .storageFull }
      throw .storageFailed("\(error)")
    }
  }
}

/// A key as its owner may see it: everything but the key.
package struct ListedKey: Equatable, Sendable {
  /// The `kid` of its tokens.
  package let id: String
  package let state: State
  /// Nil for a secret that was supplied. Milliseconds since 1970, as the next one.
  package let createdAt: Int64?
  /// When its tokens stop being accepted; nil if that is not planned.
  package let retiresAt: Int64?

  package enum State: String, Sendable {
    /// It signs and verifies.
    case signing
    /// It verifies.
    case accepted
  }

  init(_ key: SigningKey, signs: Bool) {
    id = key.id
    state = signs ? .signing : .accepted
    createdAt = key.createdAt
    retiresAt = key.acceptedUntil
  }
}

/// Why keys are not rotated.
package enum RotationRefusal: Equatable, Sendable {
  /// The secret comes from the environment, and is changed there.
  case secretIsSupplied
  case tooOften

  package var description: String {
    switch self {
    case .secretIsSupplied:
      "the signing secret is supplied from outside; change USERD_JWT_SECRET, and keep the old one in USERD_JWT_SECRET_PREVIOUS"
    case .tooOften: "keys were rotated too often; wait for an hour"
    }
  }
}
