// The rest of what a database does by itself in a rig's life: the archive of the log, and the scrub.

import Storage

extension CrashRig {
  private static var archive: String { "data/archive" }

  /// Draws whether the log is archived and whether the store is scrubbed, after all other faults of the run.
  func drawUpkeep() {
    archivesLog = generator.number(0..<2) == 0
    scrubs = generator.number(0..<2) == 0
    guard archivesLog else { return }
    system.disk.makeFolder(Self.archive)
    options.archivePath = Self.archive
    // A few segments only, so that an archive that is late stops writers now and then.
    options.archiveByteCount = generator.number(4..<12) * options.segmentByteCount
  }

  /// Something of it, if it is turned on and its time has come.
  ///
  /// - Returns: whether that was all for this time.
  func actOnUpkeep() throws -> Bool {
    if archivesLog && generator.number(0..<5) == 0 {
      try turnArchive()
      return true
    }
    if scrubs && generator.number(0..<40) == 0 {
      do throws(StorageError) { _ = try database?.requestScrub() } catch { try expectEnding(error) }
      return true
    }
    return false
  }

  /// A turn of the archive's thread.
  package func turnArchive() throws {
    _ = database?.turn(.archive)
    try after()
  }

  func noteUpkeep(_ event: StorageEvent) {
    switch event {
    case .scrubbed(let progress, _):
      if progress.outcome == .done { marks.insert(.scrub) }
    case .scrubFound(let text, _):
      // What a crash leaves behind is no damage.
      if oracle.isDeviceHonest && !mayFail && !system.hasCrashed {
        hidden = Violation("a scrub found damage on a sound disk: \(text)")
      }
    default: break
    }
  }

  /// After a crash: each segment that ever was is in the log or in the archive, all the way to the newest.
  func judgeArchive() throws {
    guard archivesLog, oracle.isDeviceHonest else { return }
    func numbers(_ folder: String, from start: Int) -> [UInt64] {
      system.disk.names(in: folder).filter { $0.hasSuffix(".wal") }.compactMap {
        UInt64($0.utf8.dropFirst(start).dropLast(4).reduce("") { $0 + String(UnicodeScalar($1)) })
      }
    }
    // A name in the archive has the timeline and a hyphen before the number.
    let archived = numbers(Self.archive, from: 9), there = Set(archived + numbers("data/db/wal", from: 0))
    if !archived.isEmpty { marks.insert(.archivedSegment) }
    guard let last = there.max() else { return }
    for number in 1...last where !there.contains(number) {
      throw Violation("segment \(number) is neither in the log nor in the archive, which go on to \(last)")
    }
  }
}
