// How well the server does: what /readyz and the status line tell.

import API
import Auth
import HTTP
import Storage
import Synchronization

/// The state of a running server. Any thread may ask.
final class ServerCondition: Sendable {
  private let database: Database
  private let isDraining = Atomic<Bool>(false)
  /// The server that asks, from its start to its end.
  private let server = Mutex<Server?>(nil)

  /// nil where nothing is delivered, and nothing reloaded.
  private let courier: Courier?
  private let reloads: ReloadState?
  /// nil where there is no folder for backups.
  private let backups: BackupRunner?

  init(_ database: Database, _ courier: Courier?, _ reloads: ReloadState?, _ backups: BackupRunner? = nil) {
    self.database = database
    self.courier = courier
    self.reloads = reloads
    self.backups = backups
  }

  /// From now on the server asks to be left alone.
  func beginDraining() { isDraining.store(true, ordering: .releasing) }

  /// Tells of this server's queues from now on; nil lets it go.
  func watch(_ server: Server?) { self.server.withLock { $0 = server } }

  func health() -> Health {
    Health(
      isDraining: isDraining.load(ordering: .acquiring),
      checks: [storeCheck(), scrubCheck()] + (reloads.map { [$0.check] } ?? []) + archiveChecks() + backupChecks()
        + hashQueueChecks()
        + deliveryChecks())
  }

  /// The state in a word, with the names of what is not well.
  var summary: String {
    let health = health()
    let names = health.checks.filter { $0.state != .ok }.map { "\($0.name)" }
    return health.state.rawValue + (names.isEmpty ? "" : ": " + names.joined(separator: ", "))
  }

  private func storeCheck() -> Health.Check {
    let figures = database.statistics()
    let state: Health.State = figures.hasFailed ? .fail : figures.isFull ? .degraded : .ok
    return Health.Check(
      "store", state,
      [
        ("writes", .text(figures.hasFailed ? "failed" : figures.isFull ? "refused: the disk is full" : "ok")),
        ("keys", .number(figures.keys)), ("commits", .number(figures.commits)), ("syncs", .number(figures.syncs)),
        ("logBytes", .number(figures.logByteCount)), ("lastSyncMicroseconds", .number(Int(figures.lastSyncNanoseconds / 1000))),
        ("recoveredTransactions", .number(figures.recoveredTransactions)), ("droppedBytes", .number(figures.droppedByteCount)),
      ])
  }

  /// Damage on disk keeps from being served only what needs that page, so the server is degraded.
  private func scrubCheck() -> Health.Check {
    let scrub = database.scrub
    return Health.Check(
      "scrub", scrub.problems.isEmpty ? .ok : .degraded,
      [
        ("running", .text(scrub.outcome == .running ? "yes" : "no")), ("pages", .number(scrub.pages)),
        ("problems", .number(scrub.problems.count)),
        ("damage", .text(scrub.problems.prefix(Self.shownProblems).joined(separator: "; "))),
      ])
  }

  private static let shownProblems = 8

  /// An archive that takes nothing keeps writes from going on only when the log has no more room.
  private func archiveChecks() -> [Health.Check] {
    let archive = database.archive
    guard archive.isOn else { return [] }
    return [
      Health.Check(
        "archive", archive.failure == nil && !archive.isBehind ? .ok : .degraded,
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
        [
          ("running", .text(backup.id > 0 && backup.outcome == .running ? "yes" : "no")), ("failures", .number(backup.failures)),
          ("lastSuccessMilliseconds", .number(Int(backup.lastSuccessMilliseconds))),
          ("nextMilliseconds", .number(Int(backup.nextMilliseconds))), ("error", .text(backup.scheduleFailure ?? "")),
        ])
    ]
  }

  /// Passwords that wait to be hashed: with a full queue logins are refused, and everything else goes on.
  private func hashQueueChecks() -> [Health.Check] {
    guard let server = server.withLock({ $0 }) else { return [] }
    let (depth, limit) = (server.hashQueueDepth, server.hashQueueLimit)
    return [Health.Check("hashQueue", depth < limit ? .ok : .degraded, [("waiting", .number(depth)), ("limit", .number(limit))])]
  }

  /// A channel that is down keeps nobody from being served, so the server is degraded at most.
  private func deliveryChecks() -> [Health.Check] {
    guard let courier, courier.isOn else { return [] }
    let health = courier.health
    return [
      Health.Check(
        "delivery", health.breaker == .closed ? .ok : .degraded,
        [
          ("channel", .text(health.channel)), ("breaker", .text(health.breaker.rawValue)),
          ("pending", .number(health.pendingCount)),
          ("oldestSeconds", .number(health.oldestAgeSeconds)), ("failures", .number(health.failureCount)),
        ])
    ]
  }
}
