// How well the server does: what /readyz and the status line tell. docs/operations.md §5.

import API
import Auth
import HTTP
import Platform
import Storage
import Synchronization

/// The state of a running server. Any thread may ask.
final class ServerCondition: Sendable {
  private let database: Database
  private let folderPath: String
  private let clock: any Clock
  private let isDraining = Atomic<Bool>(false)
  /// The server that asks, from its start to its end.
  private let server = Mutex<Server?>(nil)
  /// nil where nothing is delivered, and nothing reloaded.
  private let courier: Courier?
  private let reloads: ReloadState?
  /// nil where there is no folder for backups.
  private let backups: BackupRunner?
  /// What was seen last; held to compare and note.
  private let memory = Mutex(Memory())

  private struct Memory {
    /// Of each check its last state, and when that began.
    var states: [(name: StaticString, state: Health.State, since: Int64)] = []
    /// The room on the disk when somebody last looked; nil if it could not be told.
    var room: (freeByteCount: Int, byteCount: Int)?
    var roomError: Errno?
    /// How many requests the full hash queue had refused, and until when the last one counts.
    var hashRefusals = 0
    var hashRefusalEnd: UInt64 = 0

    /// Notes the state of a check; returns when it began.
    mutating func since(_ check: Health.Check, _ now: Int64) -> Int64 {
      guard let index = states.firstIndex(where: { "\($0.name)" == "\(check.name)" }) else {
        states.append((check.name, check.state, now))
        return now
      }
      if states[index].state != check.state { states[index] = (check.name, check.state, now) }
      return states[index].since
    }
  }

  /// So long after its last refusal the hash queue still counts as full.
  private static let refusalMemory: UInt64 = 10_000_000_000

  init(
    _ database: Database, in folderPath: String, _ courier: Courier?, _ reloads: ReloadState?,
    _ backups: BackupRunner? = nil, clock: any Clock = SystemClock()
  ) {
    self.database = database
    self.folderPath = folderPath
    self.courier = courier
    self.reloads = reloads
    self.backups = backups
    self.clock = clock
  }

  /// From now on the server asks to be left alone.
  func beginDraining() { isDraining.store(true, ordering: .releasing) }

  /// Tells of this server's queues from now on; nil lets it go.
  func watch(_ server: Server?) { self.server.withLock { $0 = server } }

  /// That server.
  var watched: Server? { server.withLock { $0 } }

  /// Looks at everything, the disk too, so that whoever asks later learns since when it is so. About once a second, on a thread that may wait.
  func look() {
    _ = room()
    _ = health()
  }

  /// The room on the disk, asked for now; nil if it cannot be told. On a thread that may wait.
  func room() -> (freeByteCount: Int, byteCount: Int)? {
    var room: (freeByteCount: Int, byteCount: Int)?
    var failure: Errno?
    do throws(Errno) { room = try roomOnDisk(at: folderPath) } catch { failure = error }
    memory.withLock { memory in (memory.room, memory.roomError) = (room, failure) }
    return room
  }

  /// Waits for nothing: what it says of the disk is as of the last look.
  func health() -> Health {
    let now = clock.wallMilliseconds()
    let figures = database.statistics()
    var checks = [storeCheck(figures), diskCheck()] + hashQueueChecks() + deliveryChecks() + backupChecks()
    checks += [clockCheck(figures), scrubCheck()] + archiveChecks() + (reloads.map { [$0.check] } ?? [])
    memory.withLock { memory in
      for index in checks.indices { checks[index].since = memory.since(checks[index], now) }
    }
    return Health(isDraining: isDraining.load(ordering: .acquiring), checks: checks)
  }

  /// The state in a word, with the names of what is not well.
  var summary: String {
    let health = health()
    let names = health.checks.filter { $0.state != .ok }.map { "\($0.name)" }
    return health.state.rawValue + (names.isEmpty ? "" : ": " + names.joined(separator: ", "))
  }

  private func storeCheck(_ figures: StorageStatistics) -> Health.Check {
    let state: Health.State = figures.hasFailed ? .fail : figures.isFull ? .degraded : .ok
    let why = figures.hasFailed ? "writing failed: reads go on until the process ends" : "the disk is full: writes are refused"
    return Health.Check(
      "store", state, why: state == .ok ? nil : why,
      [
        ("writes", .text(figures.hasFailed ? "failed" : figures.isFull ? "refused: the disk is full" : "ok")),
        ("keys", .number(figures.keys)), ("commits", .number(figures.commits)), ("syncs", .number(figures.syncs)),
        ("logBytes", .number(figures.logByteCount)), ("lastSyncMicroseconds", .number(Int(figures.lastSyncNanoseconds / 1000))),
        ("recoveredTransactions", .number(figures.recoveredTransactions)), ("droppedBytes", .number(figures.droppedByteCount)),
      ])
  }

  /// Room runs out before writes are refused.
  private func diskCheck() -> Health.Check {
    let (room, failure) = memory.withLock { ($0.room, $0.roomError) }
    guard let room else {
      return Health.Check("disk", failure == nil ? .ok : .degraded, why: failure.map { "its room cannot be told: \($0)" })
    }
    let wanted = min(Self.maxWantedRoom, room.byteCount / 20)
    let isLow = room.freeByteCount < wanted
    return Health.Check(
      "disk", isLow ? .degraded : .ok, why: isLow ? "less than \(wanted) bytes are free" : nil,
      [("freeBytes", .number(room.freeByteCount)), ("sizeBytes", .number(room.byteCount))])
  }

  /// Less than this, or than a twentieth of a small disk, is little.
  private static let maxWantedRoom = 256 << 20

  /// Passwords that wait to be hashed: with a full queue logins are refused, and everything else goes on.
  private func hashQueueChecks() -> [Health.Check] {
    guard let server = watched else { return [] }
    let pool = server.hashPool
    let now = clock.monotonicNanoseconds()
    let hasRefused = memory.withLock { memory in
      if pool.refusals > memory.hashRefusals {
        memory.hashRefusals = pool.refusals
        memory.hashRefusalEnd = now + Self.refusalMemory
      }
      return now < memory.hashRefusalEnd
    }
    let isFull = pool.queued >= pool.queueLimit || hasRefused
    return [
      Health.Check(
        "hashQueue", isFull ? .degraded : .ok, why: isFull ? "more passwords than can be checked: some are answered 503" : nil,
        [("waiting", .number(pool.queued)), ("limit", .number(pool.queueLimit)), ("refused", .number(pool.refusals))])
    ]
  }

  /// A channel that is down keeps nobody from being served, so the server is degraded at most.
  private func deliveryChecks() -> [Health.Check] {
    guard let courier, courier.isOn else { return [] }
    let health = courier.health
    let isUp = health.breaker == .closed
    return [
      Health.Check(
        "delivery", isUp ? .ok : .degraded, why: isUp ? nil : "the channel fails; messages wait",
        [
          ("channel", .text(health.channel)), ("breaker", .text(health.breaker.rawValue)),
          ("pending", .number(health.pendingCount)),
          ("oldestSeconds", .number(health.oldestAgeSeconds)), ("failures", .number(health.failureCount)),
        ])
    ]
  }

  /// Sessions and tokens end by the wall clock. One that was set back lets them live longer; one that is ahead cannot be told from a right one.
  private func clockCheck(_ figures: StorageStatistics) -> Health.Check {
    let lag = figures.clockLagMilliseconds
    let isBehind = lag >= Self.maxClockLag
    return Health.Check(
      "clock", isBehind ? .degraded : .ok, why: isBehind ? "the wall clock is before the newest entry of the log" : nil,
      [("behindMilliseconds", .number(Int(lag)))])
  }

  /// Small steps back are how clocks are disciplined.
  private static let maxClockLag: Int64 = 2000

  /// Damage on disk keeps from being served only what needs that page, so the server is degraded.
  private func scrubCheck() -> Health.Check {
    let scrub = database.scrub
    let damage = scrub.problems.prefix(Self.shownProblems).joined(separator: "; ")
    return Health.Check(
      "scrub", scrub.problems.isEmpty ? .ok : .degraded, why: scrub.problems.isEmpty ? nil : "something on disk is damaged",
      [
        ("running", .text(scrub.outcome == .running ? "yes" : "no")), ("pages", .number(scrub.pages)),
        ("problems", .number(scrub.problems.count)), ("damage", .text(damage)),
      ])
  }

  private static let shownProblems = 8

  /// An archive that takes nothing keeps writes from going on only when the log has no more room.
  private func archiveChecks() -> [Health.Check] {
    let archive = database.archive
    guard archive.isOn else { return [] }
    let isGood = archive.failure == nil && !archive.isBehind
    return [
      Health.Check(
        "archive", isGood ? .ok : .degraded, why: isGood ? nil : "the log is not archived as fast as it grows, or not at all",
        [
          ("through", .text(archive.through.map { "\($0)" } ?? "unknown")), ("waiting", .number(archive.waiting)),
          ("segments", .number(archive.segments)), ("error", .text(archive.failure ?? "")),
        ])
    ]
  }

  /// A scheduled backup that failed keeps nobody from being served, but somebody must look.
  private func backupChecks() -> [Health.Check] {
    guard let backup = backups?.state else { return [] }
    return [
      Health.Check(
        "backup", backup.scheduleFailure == nil ? .ok : .degraded,
        why: backup.scheduleFailure == nil ? nil : "the last scheduled backup failed",
        [
          ("running", .text(backup.id > 0 && backup.outcome == .running ? "yes" : "no")), ("failures", .number(backup.failures)),
          ("lastSuccessMilliseconds", .number(Int(backup.lastSuccessMilliseconds))),
          ("nextMilliseconds", .number(Int(backup.nextMilliseconds))), ("error", .text(backup.scheduleFailure ?? "")),
        ])
    ]
  }
}
