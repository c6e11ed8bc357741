// What operators ask of the store, over the admin socket or on a folder that no server has open.

import API
import Auth
import Repositories
import Storage

extension StoreWork {
  init(of database: Database, _ backups: BackupRunner?) {
    var backUp: (@Sendable (String?, String?) throws(AuthError) -> UInt64)?
    if let backups { backUp = { name, base throws(AuthError) in try backups.begin(name, base) } }
    self.init(
      checkpoint: { () throws(AuthError) in
        try serving { () throws(StorageError) in try database.checkpoint() }
        return database.statistics().checkpoint
      },
      compact: { erases throws(AuthError) in
        try serving { () throws(StorageError) in try database.requestCompaction(erases: erases) }
      },
      endCompaction: { database.cancelCompaction() },
      scrub: { () throws(AuthError) in try serving { () throws(StorageError) in try database.requestScrub() } },
      backUp: backUp,
      figures: { StoreFigures(of: database, backups?.state) })
  }
}

extension StoreFigures {
  init(of database: Database, _ backup: BackupState? = nil) {
    let statistics = database.statistics(), progress = database.compaction, scrub = database.scrub
    let archive = database.archive
    self.init(
      store: [
        ("fileBytes", statistics.dataFileByteCount), ("logBytes", statistics.logFileByteCount), ("keys", statistics.keys),
        ("pages", statistics.pages), ("heldPages", statistics.heldPages), ("freePages", statistics.freePages),
        ("dirtyPages", statistics.dirtyPages), ("checkpoint", Int(statistics.checkpoint)),
        ("checkpoints", statistics.checkpoints), ("commits", statistics.commits), ("syncs", statistics.syncs),
        ("cacheFrames", statistics.cache.frames), ("cacheMisses", statistics.cache.misses),
        ("damagedPages", statistics.cache.damagedPages), ("lsn", Int(clamping: statistics.durableLSN)),
        ("archivedSegments", archive.segments), ("archiveWaiting", archive.waiting),
      ],
      compaction: Work(
        id: progress.id, outcome: progress.outcome.rawValue,
        [
          ("passes", progress.passes), ("movedPages", progress.movedPages), ("bytesBefore", progress.beginByteCount),
          ("bytes", progress.byteCount), ("erasedPages", progress.erasedPages),
        ]),
      scrub: Work(
        id: scrub.id, outcome: scrub.outcome.rawValue,
        [
          ("pages", scrub.pages), ("segments", scrub.segments), ("bytes", scrub.byteCount),
          ("endMilliseconds", Int(scrub.endMilliseconds)),
        ], problems: scrub.problems),
      backup: backup.map { Work(of: $0) })
  }
}

extension StoreFigures.Work {
  fileprivate init(of backup: BackupState) {
    self.init(
      id: backup.id, outcome: backup.outcome.rawValue, name: backup.name,
      [
        ("checkpoint", Int(backup.checkpoint)), ("pages", backup.pages), ("pagesExpected", backup.pageCount),
        ("bytes", backup.byteCount), ("beginMilliseconds", Int(backup.beginMilliseconds)),
        ("endMilliseconds", Int(backup.endMilliseconds)), ("successes", backup.successes), ("failures", backup.failures),
        ("lastSuccessMilliseconds", Int(backup.lastSuccessMilliseconds)), ("nextMilliseconds", Int(backup.nextMilliseconds)),
      ], problems: backup.failure.map { [$0] } ?? [])
  }
}

/// Runs a call on the store and converts its refusal.
func serving<Value>(_ work: () throws(StorageError) -> Value) throws(AuthError) -> Value {
  do throws(StorageError) { return try work() } catch {
    switch RepositoryError(error).kind {
    case .readOnly: throw .readOnly
    case .storageFull: throw .storageFull
    case .commitOutcomeUnknown: throw .commitOutcomeUnknown
    case .wouldBlock, .emailTaken, .tooLarge, .failure: throw .storageFailed("\(error)")
    }
  }
}
