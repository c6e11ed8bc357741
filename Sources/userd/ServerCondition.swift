// How well the server does: what /readyz and the status line tell.

import API
import Storage
import Synchronization

/// The state of a running server. Any thread may ask.
final class ServerCondition: Sendable {
  private let database: Database
  private let isDraining = Atomic<Bool>(false)

  init(_ database: Database) { self.database = database }

  /// From now on the server asks to be left alone.
  func beginDraining() { isDraining.store(true, ordering: .releasing) }

  func health() -> Health {
    Health(isDraining: isDraining.load(ordering: .acquiring), checks: [storeCheck()])
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
}
