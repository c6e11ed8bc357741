// Delivery: what is sent when, what is tried again, when a dead channel is left alone, and what a crash in between means.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

/// A channel whose answers the test chooses, and what it was given.
private final class ScriptedChannel: Sendable {
  private let sent = Mutex<[Message]>([])
  private let answers = Mutex<[DeliveryOutcome]>([])
  private let log = Mutex<[DeliveryEvent]>([])

  /// What the next tries come to; without any they go through.
  func answer(_ outcomes: [DeliveryOutcome]) { answers.withLock { $0 += outcomes } }

  var messages: [Message] { sent.withLock { $0 } }
  var events: [DeliveryEvent] { log.withLock { $0 } }

  func courier(of server: TestServer) -> Courier {
    let channel = DeliveryChannel(name: "scripted") { [self] message, _ in
      sent.withLock { $0.append(message) }
      return answers.withLock { $0.isEmpty ? .delivered : $0.removeFirst() }
    }
    return Courier(store: server.store, outbox: server.outbox, channel: channel, clock: server.clock, random: .system) {
      [self] event in
      log.withLock { $0.append(event) }
    }
  }
}

/// The test's wall clock, and the machine's time to sleep by.
private struct RunningClock: Clock {
  let wall: ManualClock

  func monotonicNanoseconds() -> UInt64 { SystemClock().monotonicNanoseconds() }
  func wallMilliseconds() -> Int64 { wall.wallMilliseconds() }
}

@Suite struct CourierTests {
  private static func server() throws -> TestServer {
    var delivery = DeliveryOptions()
    delivery.isOn = true
    return try TestServer(delivery: delivery)
  }

  /// Passes until there is nothing to do now; returns how long to rest.
  private func settle(_ courier: Courier) throws -> UInt64 {
    while true {
      let pause = try courier.pass()
      if pause > 0 { return pause }
    }
  }

  @Test func `a message is delivered once and then gone`() throws {
    let server = try Self.server()
    let channel = ScriptedChannel()
    _ = try server.register()
    let courier = channel.courier(of: server)
    _ = try settle(courier)
    _ = try settle(courier)
    #expect(channel.messages.count == 1)
    #expect(try server.waiting() == 0)
    #expect(courier.health == DeliveryHealth(channel: "scripted"))
    #expect(server.isSound)
  }

  @Test func `without a channel messages wait, and the next one gets them`() throws {
    let server = try Self.server()
    let channel = ScriptedChannel()
    _ = try server.register()
    let courier = channel.courier(of: server)
    courier.use(nil)
    #expect(!courier.isOn)
    _ = try settle(courier)
    #expect(try channel.messages.isEmpty && server.waiting() == 1)
    let other = Mutex<[String]>([])
    courier.use(
      DeliveryChannel(name: "other") { message, _ in
        other.withLock { $0.append(message.address) }
        return .delivered
      })
    _ = try settle(courier)
    #expect(courier.isOn && courier.health.channel == "other")
    #expect(other.withLock { $0 } == ["ann@example.org"])
    #expect(try channel.messages.isEmpty && server.waiting() == 0)
  }

  @Test func `a failed try is repeated with growing pauses, under the same identifier, until the token has expired`() throws {
    let server = try Self.server()
    let channel = ScriptedChannel()
    channel.answer([DeliveryOutcome](repeating: .failed("no"), count: 1000))
    let user = try server.register().user.id
    try server.change(user) { $0.isEmailVerified = true }
    let courier = channel.courier(of: server)
    let begin = server.clock.wallMilliseconds()
    var moments: [Int64] = []
    while try server.waiting() > 0 {
      let before = channel.messages.count
      let pause = try settle(courier)
      if channel.messages.count > before { moments.append(server.clock.wallMilliseconds() - begin) }
      server.clock.advance(milliseconds: Int64(pause / 1_000_000) + 1)
    }
    #expect(Set(channel.messages.map(\.id)).count == 1)
    #expect(moments.count > 20 && moments.count < 60, "\(moments.count)")
    for (last, next) in zip(moments, moments.dropFirst()) { #expect(next - last >= 3_700 && next - last <= 4_600_000) }
    #expect(moments.last! > 80_000_000 && moments.last! <= 86_400_000)
    guard case .expired(_, let attempts)? = channel.events.last else { return #expect(Bool(false), "it is given up in the log") }
    #expect(attempts == moments.count)
    #expect(server.isSound)
  }

  @Test func `the pauses of one message double up to an hour, each within a quarter`() {
    for attempt in 0..<40 as Range<UInt8> {
      let length = min(5_000 << Int64(min(attempt, 20)), 3_600_000)
      for _ in 0..<50 {
        let pause = Backoff.milliseconds(after: attempt, .system)
        #expect(pause >= length * 3 / 4 && pause <= length * 5 / 4 + 1)
      }
    }
  }

  @Test func `a message that the channel refuses is gone, and others go on`() throws {
    let server = try Self.server()
    let channel = ScriptedChannel()
    channel.answer([.refused("user unknown")])
    _ = try server.register()
    _ = try server.register("bob@example.org", "correct horse", "Bob")
    let courier = channel.courier(of: server)
    _ = try settle(courier)
    #expect(channel.messages.count == 2)
    #expect(try server.waiting() == 0)
    #expect(channel.events == [.refused(id: channel.messages[0].id.description, reason: "user unknown")])
    #expect(courier.health.failureCount == 1 && courier.health.breaker == .closed)
  }

  @Test func `a channel that keeps failing is left alone, tried with one message, and comes back`() throws {
    let server = try Self.server()
    let channel = ScriptedChannel()
    channel.answer([DeliveryOutcome](repeating: .failed("down"), count: 6))
    for number in 0..<9 { _ = try server.register("u\(number)@example.org", "correct horse", "Ann") }
    let courier = channel.courier(of: server)
    var pause = try settle(courier)
    #expect(channel.messages.count == 5)
    #expect(courier.health.breaker == .open)
    #expect(pause > 22_000_000_000 && pause < 38_000_000_000)
    server.clock.advance(milliseconds: Int64(pause / 1_000_000) / 2)
    _ = try settle(courier)
    #expect(channel.messages.count == 5, "nothing is tried meanwhile")
    server.clock.advance(milliseconds: Int64(pause / 1_000_000))
    #expect(courier.health.breaker == .probing)
    pause = try settle(courier)
    #expect(channel.messages.count == 6 && courier.health.breaker == .open)
    #expect(pause > 44_000_000_000 && pause < 76_000_000_000, "twice as long")
    server.clock.advance(milliseconds: Int64(pause / 1_000_000) + 1)
    _ = try settle(courier)
    #expect(channel.messages.count == 6 + 9 && courier.health.breaker == .closed)
    #expect(channel.events.last == .channelUp)
    #expect(try server.waiting() == 0)
  }

  @Test func `a process that ends between commit and delivery delivers after its next start`() throws {
    let server = try Self.server()
    let user = try server.register().user.id
    try server.reopen()
    let message = try #require(try server.deliver().first)
    try server.verify(try #require(message.code))
    _ = user
  }

  @Test func `a process that ends between delivery and its note delivers again, under the same identifier`() throws {
    let server = try Self.server()
    _ = try server.register()
    let row = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.outbox.due(at: .max - 1, limit: 1, in: &transaction)
    }[0]
    let first = try #require(try server.deliver().first)
    let done = try server.store.write { (transaction) throws(RepositoryError) in
      try server.store.outbox.insert(row, in: &transaction)
    }
    try server.database.waitUntilDurable(done.position)
    try server.reopen()
    let second = try #require(try server.deliver().first)
    #expect(first.id == second.id && first.code == second.code)
  }

  @Test func `a message whose token was used, replaced or voided is not sent any more`() throws {
    let server = try Self.server()
    let user = try server.register().user.id
    try server.forgot("ann@example.org")
    try server.forgot("ann@example.org")
    try server.change(user) { $0.epoch += 1 }
    #expect(try server.deliver().isEmpty)
    #expect(try server.waiting() == 0)
  }

  @Test func `a token is nowhere in the store in clear`() throws {
    let server = try Self.server()
    _ = try server.register()
    let row = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.outbox.due(at: .max - 1, limit: 1, in: &transaction)
    }[0]
    let code = try #require(try server.deliver().first?.code)
    let digits = Array(code.utf8.dropFirst(5))
    let decoded = Base64URL.decode(digits.span)
    let raw = try #require(decoded)
    for secret in [Array(code.utf8), raw] {
      #expect(!row.sealedToken.indices.contains { row.sealedToken[$0...].starts(with: secret.prefix(8)) })
    }
    #expect(row.sealedToken.count == 48 + WrappingKey.overheadByteCount)
    // Sealed for this row alone.
    var moved = row
    moved.id = UUID(high: row.id.high, low: row.id.low ^ 1)
    #expect(server.outbox.open(row) != nil && server.outbox.open(moved) == nil)
  }

  @Test func `a message never prints its token`() throws {
    let server = try Self.server()
    _ = try server.register()
    let message = try #require(try server.deliver().first)
    var dumped = ""
    dump(message, to: &dumped)
    #expect(!"\(message) \(String(reflecting: message)) \(dumped)".contains(try #require(message.code).dropFirst(5)))
  }

  @Test func `a clock that was set back does not keep a message for longer than its pauses`() throws {
    let server = try Self.server()
    let channel = ScriptedChannel()
    channel.answer([.failed("once")])
    _ = try server.register()
    let courier = channel.courier(of: server)
    _ = try settle(courier)
    server.clock.shiftWall(milliseconds: -30 * 86_400_000)
    _ = try settle(courier)
    #expect(channel.messages.count == 2)
  }

  @Test func `a full outbox takes no more, and makes no tokens for it`() throws {
    let server = try Self.server()
    _ = try server.register()
    server.outbox.count(Outbox.maxPendingCount)
    try server.forgot("ann@example.org")
    #expect(try server.waiting() == 1)
    server.outbox.count(Outbox.maxPendingCount - 1)
    try server.forgot("ann@example.org")
    #expect(try server.waiting() == 2)
  }

  @Test func `the thread delivers what is announced, stops when told, and cuts off what is on its way`() throws {
    let server = try Self.server()
    let sent = Atomic<Int>(0)
    let isStuck = Atomic<Bool>(false)
    let channel = DeliveryChannel(name: "thread") { message, isWanted in
      sent.wrappingAdd(1, ordering: .relaxed)
      guard isStuck.load(ordering: .acquiring) else { return .delivered }
      while isWanted() { sleepThread(milliseconds: 1) }
      return .failed("cut off")
    }
    let clock = RunningClock(wall: server.clock)
    let courier = Courier(store: server.store, outbox: server.outbox, channel: channel, clock: clock, random: .system) { _ in }
    try courier.start()
    for number in 0..<20 { _ = try server.register("u\(number)@example.org", "correct horse", "Ann") }
    for _ in 0..<5000 where sent.load(ordering: .relaxed) < 20 { sleepThread(milliseconds: 2) }
    #expect(sent.load(ordering: .relaxed) == 20)
    isStuck.store(true, ordering: .releasing)
    _ = try server.register("last@example.org", "correct horse", "Ann")
    for _ in 0..<5000 where sent.load(ordering: .relaxed) < 21 { sleepThread(milliseconds: 2) }
    courier.stop()
    #expect(try server.waiting() == 1)
    #expect(server.isSound)
  }
}
