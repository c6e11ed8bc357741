// The thread that takes messages out of the store and gives them to the channel, until each has left or is of no use any more.

import Codecs
package import Platform
package import Repositories
import Synchronization

/// Delivers every message at least once, unless its time passes first. Any thread may call it; one thread delivers.
///
/// Whatever the channel does, nobody else notices: requests write rows, and no start and no login waits for it. A message is taken out of the store
/// after it was delivered, so a process that ends in between delivers it again, with the same identifier.
package final class Courier: Sendable {
  private let store: Store
  private let outbox: Outbox
  // The way out; nil while nothing is sent. Held to copy it.
  private let channel: Mutex<DeliveryChannel?>
  private let clock: any Clock
  private let random: RandomSource
  private let onEvent: @Sendable (DeliveryEvent) -> Void
  /// Guards `news`; never held while anything is delivered.
  private let monitor = Monitor()
  private let news = Mutex(News())
  private let thread = Mutex<Thread?>(nil)
  // What the delivering thread alone changes; others look at it for health.
  private let state: Mutex<State>

  private static let wake = Monitor.Condition(0)
  /// Messages that one pass takes.
  static let maxPassCount = 64
  /// However long nothing is due, so long after the last look there is another one.
  private static let maxSleep: UInt64 = 60_000_000_000
  /// Between two counts while there is much to do.
  private static let countInterval: UInt64 = 10_000_000_000
  /// How long news wait, at least and at most, before they are looked at.
  private static let hesitation: (least: UInt64, most: UInt64) = (50_000_000, 500_000_000)
  /// After the store failed.
  private static let failurePause: UInt64 = 1_000_000_000

  private struct News {
    var position = LogPosition.zero
    var isThere = false
    var isStopping = false
    /// Also what is on its way is cut off.
    var isCutOff = false
  }

  private struct State {
    var breaker = DeliveryBreaker()
    var health: DeliveryHealth
    /// When the messages were counted last.
    var countedAt: UInt64?
    /// What has left and could not be taken out of the store, such as on a full disk. It must not leave again meanwhile.
    var delivered: Set<UUID> = []
    /// The newest change that this thread made; the next look waits for it.
    var written = LogPosition.zero
  }

  /// - Parameters:
  ///   - clock: the clock of the machine: the thread sleeps by it.
  ///   - onEvent: told on the delivering thread.
  package init(
    store: Store, outbox: Outbox, channel: DeliveryChannel?, clock: any Clock, random: RandomSource,
    onEvent: @escaping @Sendable (DeliveryEvent) -> Void
  ) {
    self.store = store
    self.outbox = outbox
    self.channel = Mutex(channel)
    self.clock = clock
    self.random = random
    self.onEvent = onEvent
    state = Mutex(State(health: DeliveryHealth(channel: channel?.name ?? "")))
  }

  /// Delivers by this channel from now on; without one, messages wait. A message on its way goes on by the one before.
  package func use(_ channel: DeliveryChannel?) {
    self.channel.withLock { $0 = channel }
    state.withLock { state in
      state.breaker = DeliveryBreaker()
      state.health.channel = channel?.name ?? ""
    }
    change { $0.isThere = true }
  }

  /// Whether there is a way out at all.
  package var isOn: Bool { channel.withLock { $0 != nil } }

  /// How it does, as far as the last pass saw.
  package var health: DeliveryHealth {
    let now = clock.monotonicNanoseconds()
    return state.withLock { state in
      var health = state.health
      health.breaker = state.breaker.state(at: now)
      return health
    }
  }

  /// Starts the thread. Once in a life.
  package func start() throws(Errno) {
    outbox.listen { [weak self] position in self?.notice(position) }
    try thread.withLock { (thread) throws(Errno) in thread = try Thread(name: "courier") { [self] in run() } }
  }

  /// Lets the message on its way be the last one. Does not wait for it.
  package func requestStop() { change { $0.isStopping = true } }

  /// The same, cuts off what is on its way, and returns when the thread has ended. Without effect if nothing was started.
  package func stop() {
    outbox.listen(nil)
    change {
      $0.isStopping = true
      $0.isCutOff = true
    }
    let running = thread.withLock { $0.take() }
    if let running { running.join() }
  }

  private func notice(_ position: LogPosition) {
    change {
      $0.isThere = true
      $0.position = max($0.position, position)
    }
  }

  private func change(_ body: (inout News) -> Void) {
    monitor.lock()
    news.withLock { body(&$0) }
    monitor.notifyAll(Self.wake)
    monitor.unlock()
  }

  private var isStopping: Bool { news.withLock { $0.isStopping } }

  private func run() {
    while !isStopping {
      let position = news.withLock { news in
        news.isThere = false
        return news.position
      }
      let pause: UInt64
      do throws(RepositoryError) {
        // What was announced can be read once it is durable, and only then may it leave.
        try store.waitUntilDurable(position)
        pause = try pass()
      } catch {
        onEvent(.storeFailed("\(error)"))
        pause = Self.failurePause
      }
      sleep(atMost: pause)
      hesitate()
    }
  }

  /// Lets a moment pass that has nothing to do with the request whose news are there. A program that began at once would take processor time from
  /// the very answer that must not tell whether anybody gets a message: measured on one processor, it took twice as long.
  private func hesitate() {
    guard news.withLock({ $0.isThere }) else { return }
    let share = random.bytes(2).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let pause = Self.hesitation.least + (Self.hesitation.most - Self.hesitation.least) * share / 65_536
    let deadline = clock.monotonicNanoseconds() + pause
    monitor.lock()
    defer { monitor.unlock() }
    while !isStopping, clock.monotonicNanoseconds() < deadline { monitor.wait(for: Self.wake, until: deadline) }
  }

  private func sleep(atMost pause: UInt64) {
    let deadline = clock.monotonicNanoseconds() + min(pause, Self.maxSleep)
    monitor.lock()
    defer { monitor.unlock() }
    while !news.withLock({ $0.isThere || $0.isStopping }), clock.monotonicNanoseconds() < deadline {
      monitor.wait(for: Self.wake, until: deadline)
    }
  }

  /// Delivers what is due, at most `maxPassCount` messages; returns how long to rest, in nanoseconds. For the courier's own thread, or for
  /// whoever plays it without one.
  package func pass() throws(RepositoryError) -> UInt64 {
    guard let channel = channel.withLock({ $0 }) else { return Self.maxSleep }
    // A row that was taken out is in no snapshot then.
    try store.waitUntilDurable(state.withLock { $0.written })
    let now = clock.wallMilliseconds()
    let (due, next) = try store.read { (transaction) throws(RepositoryError) in
      let next = try store.outbox.nextDue(in: &transaction)
      // A moment further away than any pause was made before the clock was set back: nobody waits for it.
      let horizon = next.map { $0 - now > Backoff.max * 2 ? $0 : now } ?? now
      return (try store.outbox.due(at: horizon, limit: Self.maxPassCount, in: &transaction), next)
    }
    try count(isIdle: due.isEmpty)
    for message in due {
      if isStopping { return 0 }
      if let pause = untilNextTry() { return pause }
      try deliver(message, by: channel)
    }
    if !due.isEmpty { return 0 }
    return next.map { UInt64(max(0, $0 - now)) * 1_000_000 } ?? Self.maxSleep
  }

  /// Counts what waits: with nothing else to do, and now and then with much to do.
  private func count(isIdle: Bool) throws(RepositoryError) {
    let moment = clock.monotonicNanoseconds()
    if !isIdle, let last = state.withLock({ $0.countedAt }), moment - last < Self.countInterval { return }
    let now = clock.wallMilliseconds()
    let figures = try store.read { (transaction) throws(RepositoryError) in
      try store.outbox.figures(limit: Outbox.maxPendingCount, in: &transaction)
    }
    outbox.count(figures.count)
    state.withLock { state in
      state.countedAt = moment
      state.health.pendingCount = figures.count
      state.health.oldestAgeSeconds = Int(max(0, now - (figures.oldest ?? now)) / 1000)
    }
  }

  /// Nil while the channel may be tried.
  private func untilNextTry() -> UInt64? {
    let now = clock.monotonicNanoseconds()
    return state.withLock { state in
      guard let closedUntil = state.breaker.closedUntil, now < closedUntil else { return nil }
      return closedUntil - now
    }
  }

  private func deliver(_ record: OutboxRecord, by channel: DeliveryChannel) throws(RepositoryError) {
    let id = record.id.description
    if record.isDecoy || state.withLock({ $0.delivered.contains(record.id) }) { return try remove(record) }
    guard clock.wallMilliseconds() < record.expiresAt else {
      onEvent(.expired(id: id, attempts: Int(record.attempts)))
      return try remove(record)
    }
    guard let (message, token) = outbox.open(record) else {
      onEvent(.unreadable(id: id))
      return try remove(record)
    }
    // Used, replaced or void: nobody needs the message any more.
    if let token, try !isLive(token) { return try remove(record) }

    switch channel.send(message, { [self] in !news.withLock { $0.isCutOff } }) {
    case .delivered:
      state.withLock { _ = $0.delivered.insert(record.id) }
      if state.withLock({ $0.breaker.succeeded() }) { onEvent(.channelUp) }
      try remove(record)
    case .refused(let reason):
      // The channel works; it is the message that it does not want.
      if state.withLock({ $0.breaker.succeeded() }) { onEvent(.channelUp) }
      countFailure()
      onEvent(.refused(id: id, reason: reason))
      try remove(record)
    case .failed(let reason):
      countFailure()
      onEvent(.failed(id: id, attempt: Int(record.attempts) + 1, reason: reason))
      let moment = clock.wallMilliseconds() + Backoff.milliseconds(after: record.attempts, random)
      let now = clock.monotonicNanoseconds()
      let (pause, failures) = state.withLock { ($0.breaker.failed(at: now, random), $0.breaker.failuresInARow) }
      if let pause { onEvent(.channelDown(failures: failures, seconds: Int(pause / 1_000_000_000))) }
      try write { (transaction) throws(RepositoryError) in
        try store.outbox.putOff(record, until: moment, in: &transaction)
      }
    }
  }

  private func countFailure() { state.withLock { $0.health.failureCount += 1 } }

  private func isLive(_ token: OneTimeToken) throws(RepositoryError) -> Bool {
    let now = clock.wallMilliseconds()
    return try store.read { (transaction) throws(RepositoryError) in try store.live(token, at: now, in: &transaction) != nil }
  }

  private func remove(_ record: OutboxRecord) throws(RepositoryError) {
    try write { (transaction) throws(RepositoryError) in try store.outbox.delete(record, in: &transaction) }
    state.withLock { _ = $0.delivered.remove(record.id) }
  }

  private func write(_ body: (inout Writing) throws(RepositoryError) -> Void) throws(RepositoryError) {
    let position = try store.write(body).position
    state.withLock { $0.written = max($0.written, position) }
  }
}
