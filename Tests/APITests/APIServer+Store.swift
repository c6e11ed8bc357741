// What the process gives the API of its store, made here of the server's own database, and the mail that it would send.

import Platform
import Repositories
import Storage
import Synchronization

@testable import API
@testable import Auth

extension Pins {
  init(of database: Database) {
    self.init(
      pin: { () throws(AuthError) in
        let pin = try working { () throws(StorageError) in try database.pinCheckpoint() }
        return (pin.id, pin.record)
      },
      renew: { database.renewPin($0) }, release: { database.unpinCheckpoint($0) })
  }
}

extension StoreWork {
  init(of database: Database, _ backups: BackupRunner) {
    self.init(
      checkpoint: { () throws(AuthError) in
        try working { () throws(StorageError) in try database.checkpoint() }
        return database.statistics().checkpoint
      },
      compact: { erases throws(AuthError) in
        try working { () throws(StorageError) in try database.requestCompaction(erases: erases) }
      },
      endCompaction: { database.cancelCompaction() },
      scrub: { () throws(AuthError) in try working { () throws(StorageError) in try database.requestScrub() } },
      backUp: { name, base throws(AuthError) in
        do throws(BackupRefusal) { return try backups.request(name: name, base: base) } catch {
          switch error {
          case .inProgress: throw .backupInProgress
          case .closed: throw .readOnly
          case .unusable(let name, let base):
            throw .invalid(
              [("#/name", name), ("#/incrementalFrom", base)].compactMap { pointer, reason in
                reason.map { Auth.FieldError(pointer, .invalidValue, $0) }
              })
          }
        }
      },
      figures: {
        let progress = database.compaction, scrub = database.scrub
        return StoreFigures(
          store: [("keys", database.statistics().keys)],
          compaction: StoreFigures.Work(id: progress.id, outcome: progress.outcome.rawValue, [("passes", progress.passes)]),
          scrub: StoreFigures.Work(
            id: scrub.id, outcome: scrub.outcome.rawValue, [("pages", scrub.pages)], problems: scrub.problems),
          backup: StoreFigures.Work(
            id: backups.state.id, outcome: backups.state.outcome.rawValue, name: backups.state.name,
            [("bytes", backups.state.byteCount)], problems: backups.state.failure.map { [$0] } ?? []))
      })
  }
}

private func working<Value>(_ work: () throws(StorageError) -> Value) throws(AuthError) -> Value {
  do throws(StorageError) { return try work() } catch { throw .storageFailed("\(error)") }
}

extension APIServer {
  /// The codes of the messages that wait, taken by whoever they are for.
  func deliver() throws -> [String] {
    let codes = Mutex<[String]>([])
    let channel = DeliveryChannel(name: "test") { message, _ in
      codes.withLock { $0.append(message.code ?? "") }
      return .delivered
    }
    let courier = Courier(store: store, outbox: outbox, channel: channel, clock: clock, random: .system) { _ in }
    while try courier.pass() == 0 {}
    return codes.withLock { $0 }
  }
}
