// Against guessing and flooding: what may be tried, by whom, how often. docs/security.md §5.

import Codecs
import Crypto
import Platform
import Repositories
import Synchronization

/// All policies that count in the store, and the one of refreshes, which counts in memory. Any thread may call it; a process has one.
///
/// A verb that guesses takes a slot, which says whether it may, then does its slow work, then counts the slot in the transaction that tells
/// of the failure, or clears it in the one that tells of the success. While the slot is held it counts as a failure, so that guesses made at
/// the same time cannot outrun a limit. What is refused is neither counted nor written.
package final class Throttle: Sendable {
  private let store: Store
  // What may change while a server runs; held to copy it.
  private let current: Mutex<ThrottleOptions>
  private let clock: any Clock
  private let tags: HMACSHA256
  // Guards how many slots are held of each counter; held for a few instructions.
  private let underWay = Mutex<[ThrottleKey: Int]>([:])
  private let refreshes: RateBuckets
  /// Its own clock: where it stood, and what the monotonic clock said then.
  private let start: (moment: Int64, nanoseconds: UInt64)

  /// Slots live as long as a request is worked on, and fewer requests than this are.
  private static let maxUnderWay = 4096
  /// Clients of one address that are forgotten at once.
  private static let maxForgivenCount = 1024

  init(store: Store, keys: KeyRing, options: ThrottleOptions, clock: any Clock, random: RandomSource) {
    options.validate()
    self.store = store
    current = Mutex(options)
    self.clock = clock
    tags = keys.throttleKeys
    refreshes = RateBuckets(limit: options.refreshLimit, windowSeconds: 60, random: random)
    // Never before what an earlier run noted: a wall clock that was set back would give old refusals a second life.
    start = (max(clock.wallMilliseconds(), store.throttleMoment), clock.monotonicNanoseconds())
  }

  private var options: ThrottleOptions { current.withLock { $0 } }

  /// Counts by these rules from now on. What was counted stays.
  func use(_ options: ThrottleOptions) {
    options.validate()
    current.withLock { $0 = options }
    refreshes.setLimit(options.refreshLimit)
  }

  /// Now, in milliseconds on the throttle's clock: the wall clock at the start of the process, then the monotonic one. It never goes back,
  /// and changes of the wall clock do not move it.
  func moment() -> Int64 { start.moment + Int64((clock.monotonicNanoseconds() - start.nanoseconds) / 1_000_000) }

  // MARK: Slots

  /// Before a password is looked at. The same for addresses with and without an account.
  ///
  /// - Parameter isKnownDevice: asked where the address has had so many failures that only known devices may go on.
  /// - Throws: `.loginThrottled`; `.overloaded`.
  func loginSlot(
    _ email: EmailAddress, from origin: SessionOrigin,
    isKnownDevice: (inout Writing) throws(RepositoryError) -> Bool
  ) throws(AuthError) -> ThrottleSlot {
    let subject = tag(of: email)
    var keys = [ThrottleKey(.loginPair, subject, client: clientTag(origin)), ThrottleKey(.loginID, subject)]
    appendClient(origin, to: &keys)
    return try slot(keys, isKnownDevice: isKnownDevice)
  }

  /// Before a setup token is looked at: as for logins, with one name in the place of the address.
  func setupSlot(from origin: SessionOrigin) throws(AuthError) -> ThrottleSlot {
    var keys = [ThrottleKey(.loginPair, tag(.setup, Array("setup".utf8)), client: clientTag(origin))]
    appendClient(origin, to: &keys)
    return try slot(keys)
  }

  /// Before a second factor is looked at, over all logins of the user.
  func codeSlot(_ user: UUID) throws(AuthError) -> ThrottleSlot { try slot([ThrottleKey(.mfaUser, user)]) }

  /// Before an account is made by whoever wants one. Every try counts, whatever becomes of it.
  func registerSlot(from origin: SessionOrigin) throws(AuthError) -> ThrottleSlot {
    guard let client = origin.clientKey else { return ThrottleSlot([], of: self) }
    return try slot([ThrottleKey(.register, tag(.client, client))])
  }

  /// Counts a failure of everything that the slot stands for. Returns the policies that refuse from now on.
  ///
  /// - Parameter moment: of this clock, read before the transaction.
  func count(_ slot: ThrottleSlot, at moment: Int64, in transaction: inout Writing) throws(RepositoryError) -> [ThrottlePolicy] {
    let options = options
    var changes: [ThrottleRepository.Change] = []
    var filled: [ThrottlePolicy] = []
    for key in slot.keys {
      guard let rule = options.rule(of: key.policy) else { continue }
      let old = try store.throttle.find(key, in: &transaction)
      let new = rule.counting(old, at: moment)
      if rule.hasJustFilled(new, at: moment) { filled.append(key.policy) }
      changes.append(.init(key, from: old, to: new))
    }
    try store.throttle.apply(changes, at: moment, maxRowCount: options.maxRowCount, in: &transaction)
    return filled
  }

  /// After a success: the failures of this address from this client are forgotten, those of others stay.
  func clear(_ slot: ThrottleSlot, at moment: Int64, in transaction: inout Writing) throws(RepositoryError) {
    for key in slot.keys where key.policy == .loginPair {
      guard let old = try store.throttle.find(key, in: &transaction) else { continue }
      try store.throttle.apply(
        [.init(key, from: old, to: nil)], at: moment, maxRowCount: options.maxRowCount, in: &transaction)
    }
  }

  // MARK: Counting without a slot

  /// Counts a request for a message to an address, or says why there is none; for addresses with and without an account.
  func countForgot(
    _ email: EmailAddress, from origin: SessionOrigin, at moment: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> ThrottleRefusal? {
    var keys = [ThrottleKey(.forgotAddress, tag(of: email))]
    if let client = origin.clientKey { keys.append(ThrottleKey(.forgotClient, tag(.client, client))) }
    let slot = ThrottleSlot(keys.filter { options.rule(of: $0.policy) != nil }, of: nil)
    if let refusal = try objection(to: slot.keys, others: [], at: moment, in: &transaction) { return refusal }
    _ = try count(slot, at: moment, in: &transaction)
    return nil
  }

  /// Counts a refresh of a session that showed a token of ours. In memory alone.
  ///
  /// - Throws: `.rateLimited`.
  func countRefresh(_ session: UUID) throws(AuthError) {
    guard let wait = refreshes.take(session.high ^ session.low, now: clock.monotonicNanoseconds()) else { return }
    throw .rateLimited(
      ThrottleRefusal(
        policy: "refresh", limit: options.refreshPerMinute, windowSeconds: 60, retryAfter: Int(wait / 1_000_000_000) + 1))
  }

  /// Takes back what `countRefresh` counted, for a refresh that could not be looked at yet and comes again.
  func uncountRefresh(_ session: UUID) { refreshes.putBack(session.high ^ session.low) }

  // MARK: Forgiving

  /// Forgets the failed logins of an address: after a password reset, and when an administrator unlocks the account.
  func forgive(_ email: EmailAddress, at moment: Int64, in transaction: inout Writing) throws(RepositoryError) {
    let subject = tag(of: email)
    for policy in [ThrottlePolicy.loginPair, .loginID] {
      let found = try store.throttle.all(policy, of: subject, limit: Self.maxForgivenCount, in: &transaction)
      try store.throttle.apply(
        found.map { .init($0.key, from: $0.counter, to: nil) }, at: moment, maxRowCount: options.maxRowCount, in: &transaction)
    }
  }

  /// Forgets the wrong codes of a user: when an administrator unlocks the account or takes its second factors off.
  func forgive(codesOf user: UUID, at moment: Int64, in transaction: inout Writing) throws(RepositoryError) {
    let key = ThrottleKey(.mfaUser, user)
    guard let old = try store.throttle.find(key, in: &transaction) else { return }
    try store.throttle.apply([.init(key, from: old, to: nil)], at: moment, maxRowCount: options.maxRowCount, in: &transaction)
  }

  /// Removes counters that have nothing more to say. Nothing depends on it: a counter that has ended counts as none.
  package var sweepJob: UpkeepJob {
    UpkeepJob("sweep throttle", everySeconds: 300) { [self] () throws(AuthError) in
      try sweep(limit: Self.maxSweptCount) == Self.maxSweptCount ? .more : .done
    }
  }

  private static let maxSweptCount = 64

  /// - Returns: how many there were, at most `limit`.
  func sweep(limit: Int) throws(AuthError) -> Int {
    let moment = moment()
    do throws(RepositoryError) {
      return try store.writeUnhurried { (transaction) throws(RepositoryError) in
        try store.throttle.sweep(endedBy: moment, limit: limit, in: &transaction)
      }
    } catch { throw AuthError(error) }
  }

  // MARK: Judging

  private func slot(
    _ keys: [ThrottleKey], isKnownDevice: (inout Writing) throws(RepositoryError) -> Bool = { _ in false }
  ) throws(AuthError) -> ThrottleSlot {
    let options = options
    let keys = keys.filter { options.rule(of: $0.policy) != nil }
    if keys.isEmpty { return ThrottleSlot([], of: nil) }
    // Taken before the store is asked: whoever fails meanwhile has counted in the store before their slot is gone.
    let others: [Int]? = underWay.withLock { held in
      guard held.count <= Self.maxUnderWay else { return nil }
      return keys.map { key in
        defer { held[key, default: 0] += 1 }
        return held[key] ?? 0
      }
    }
    guard let others else { throw .overloaded }
    let slot = ThrottleSlot(keys, of: self)
    let moment = moment()
    // A writing transaction, because readers do not see what is not durable yet.
    let refusal = try store.writing { (transaction) throws(RepositoryError) in
      try objection(to: keys, others: others, at: moment, isKnownDevice: isKnownDevice, in: &transaction)
    }.value
    guard let refusal else { return slot }
    slot.giveBack()
    throw keys[0].policy == .register ? .rateLimited(refusal) : .loginThrottled(refusal)
  }

  /// Why one more is refused, with the longest wait of all policies; nil if it is not.
  private func objection(
    to keys: [ThrottleKey], others: [Int], at moment: Int64,
    isKnownDevice: (inout Writing) throws(RepositoryError) -> Bool = { _ in false }, in transaction: inout Writing
  ) throws(RepositoryError) -> ThrottleRefusal? {
    var longest: (wait: Int64, policy: ThrottlePolicy, rule: ThrottleRule)?
    for (index, key) in keys.enumerated() {
      guard let rule = options.rule(of: key.policy) else { continue }
      let counter = try store.throttle.find(key, in: &transaction)
      guard let wait = rule.wait(counter, others: others.isEmpty ? 0 : others[index], at: moment) else { continue }
      if key.policy == .loginID, try isKnownDevice(&transaction) { continue }
      if wait > longest?.wait ?? -1 { longest = (wait, key.policy, rule) }
    }
    guard let longest else { return nil }
    return ThrottleRefusal(
      policy: "\(longest.policy.name)", limit: longest.rule.limit, windowSeconds: longest.rule.windowSeconds,
      retryAfter: max(1, Int((longest.wait + 999) / 1000)))
  }

  fileprivate func giveBack(_ keys: [ThrottleKey]) {
    underWay.withLock { held in
      for key in keys {
        guard let count = held[key] else { continue }
        held[key] = count > 1 ? count - 1 : nil
      }
    }
  }

  /// How many counters have slots that are held; for tests.
  var underWayCount: Int { underWay.withLock { $0.count } }

  // MARK: Names

  private enum Kind: UInt8 {
    case address = 1
    case client = 2
    case network = 3
    case setup = 4
  }

  private func tag(of email: EmailAddress) -> UUID { tag(.address, email.text.utf8.span.lowercasedASCII()) }

  private func tag(_ kind: Kind, _ number: UInt64) -> UUID {
    tag(kind, (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) })
  }

  private func tag(_ kind: Kind, _ bytes: [UInt8]) -> UUID {
    let digest = tags.authenticate(([kind.rawValue] + bytes).span).bytes
    guard let tag = UUID(bytes: digest.span.extracting(0..<16)) else { preconditionFailure("sixteen bytes") }
    return tag
  }

  /// All clients of Unix sockets that tell no address are one.
  private func clientTag(_ origin: SessionOrigin) -> UInt64 { max(1, tag(.client, origin.clientKey ?? 0).high) }

  /// Clients without an address have no limit of their own: behind a proxy that tells none they would all be one.
  private func appendClient(_ origin: SessionOrigin, to keys: inout [ThrottleKey]) {
    guard let client = origin.clientKey else { return }
    keys.append(ThrottleKey(.loginIP, tag(.client, client)))
    if let network = origin.clientNetworkKey { keys.append(ThrottleKey(.loginNetwork, tag(.network, network))) }
  }
}

/// Leave to try once. Whoever has one counts it or clears it, and gives it back when the transaction that did so has ended.
final class ThrottleSlot: Sendable {
  let keys: [ThrottleKey]
  private let throttle: Throttle?
  private let isHeld = Atomic<Bool>(true)

  fileprivate init(_ keys: [ThrottleKey], of throttle: Throttle?) {
    self.keys = keys
    self.throttle = throttle
  }

  deinit { giveBack() }

  /// Once; more often is no harm.
  func giveBack() {
    if isHeld.exchange(false, ordering: .acquiringAndReleasing) { throttle?.giveBack(keys) }
  }
}

/// Why a try was refused, and when the next one has a chance.
package struct ThrottleRefusal: Sendable, Equatable {
  /// The name that the contract gives the policy.
  package let policy: String
  /// How many are borne in how long a time.
  package let limit: Int
  package let windowSeconds: Int
  package let retryAfter: Int
}
