// The files of a database at rest, and what opening them must show, whatever happened to them.

import Platform
package import Storage

/// Files that a process left behind, with everything acknowledged and noted in the log or in a superblock.
package struct StoredImage: Sendable {
  package var disk: SimulatedDisk
  /// The files at some moment before.
  package let older: SimulatedDisk
  package let oracle: CrashOracle
  /// Whether the process ended orderly.
  package let isClosed: Bool
  let options: DatabaseOptions

  /// What came of opening damaged files.
  package enum Outcome: Equatable, Sendable {
    /// All that was acknowledged is there.
    case right
    /// It opens, and some of it is refused by name.
    case partlyRefused
    /// It does not open, and says why.
    case refused(StorageError)
    /// It opens as it was at an earlier time.
    case earlier
  }

  /// Works until there are several segments, then ends in one way or the other.
  package init(seed: UInt64, commits: Int = 40) throws {
    let rig = CrashRig(seed: seed)
    _ = try rig.open()
    var older = rig.system.disk
    let moment = rig.generator.number(commits / 3..<commits)
    for round in 0..<commits {
      try rig.commit()
      if rig.generator.number(0..<3) > 0 { try rig.waitForLast() }
      try rig.maintain()
      if rig.generator.number(0..<6) == 0 { try rig.checkpoint() }
      if round == moment { older = rig.system.disk }
    }
    try rig.waitForLast()
    rig.clock.advance(milliseconds: 60)
    try rig.step()
    isClosed = Bool.random(using: &rig.generator)
    if isClosed { try rig.close() } else { rig.kill() }
    rig.note()
    disk = rig.system.disk.afterPowerCut(using: &rig.generator)
    self.older = older
    oracle = rig.oracle
    options = rig.options
  }

  /// Opens `disk` and reads all there is, key by key where a whole scan fails.
  ///
  /// - Throws: a violation if anything is wrong that is not said.
  package func read(_ disk: SimulatedDisk, bug: PlantedBug? = nil, seed: UInt64 = 9) throws -> Outcome {
    try opened(disk, bug, seed).outcome
  }

  /// The same, then goes on, ends, and opens again.
  package func judge(_ disk: SimulatedDisk, bug: PlantedBug? = nil, seed: UInt64 = 9) throws -> Outcome {
    let opened = try opened(disk, bug, seed)
    if let (rig, database, found) = opened.whole { try goOn(rig, database, from: found) }
    return opened.outcome
  }

  /// What came of opening and reading; `whole` where everything could be read.
  private func opened(_ disk: SimulatedDisk, _ bug: PlantedBug?, _ seed: UInt64) throws
    -> (outcome: Outcome, whole: (rig: CrashRig, database: Database, found: CrashOracle.Contents)?)
  {
    let rig = CrashRig(seed: seed, bug: bug, disk: disk)
    rig.options.segmentByteCount = options.segmentByteCount
    rig.options.maxLogByteCount = options.maxLogByteCount
    rig.options.pageByteCount = options.pageByteCount
    rig.options.growthByteCount = options.growthByteCount
    rig.options.cacheByteCount = options.cacheByteCount
    let database: Database
    do throws(StorageError) {
      database = try Database.simulated(rig.options)
    } catch {
      return (try refusal(error), nil)
    }
    let found: CrashOracle.Contents
    do throws(StorageError) {
      found = try database.contents()
    } catch {
      _ = try refusal(error)
      try judgeEachKey(database)
      _ = database.checkIntegrity()
      return (.partlyRefused, nil)
    }
    guard oracle.knows(found) else { throw Violation("it shows what never was: \(CrashOracle.brief(found))") }
    _ = database.checkIntegrity()
    return (found == oracle.newest ? .right : .earlier, (rig, database, found))
  }

  private func refusal(_ error: StorageError) throws -> Outcome {
    switch error {
    case .damaged, .pageDamaged, .newerFormat: return .refused(error)
    default: throw Violation("refused, but not as damage: \(error)")
    }
  }

  /// What a whole scan cannot give, single reads must give right or refuse; all of one version.
  private func judgeEachKey(_ database: Database) throws {
    var fitting = oracle.versions.indices.filter { _ in true }
    for key in Set(oracle.versions.flatMap(\.keys)).sorted() {
      let value: String?
      do throws(StorageError) { value = try database.text(key) } catch {
        _ = try refusal(error)
        continue
      }
      fitting = fitting.filter { oracle.versions[$0][key] == value }
      if fitting.isEmpty {
        throw Violation("\(key.prefix(8)) is \(value?.prefix(12) ?? "absent") where other keys are of other versions")
      }
    }
  }

  /// Damage that showed nothing must not come out later: some commits, an end, and all is there.
  private func goOn(_ rig: CrashRig, _ database: Database, from found: CrashOracle.Contents) throws {
    var expected = found
    let contents: CrashOracle.Contents
    do throws(StorageError) {
      for round in 0..<3 {
        expected["after"] = "\(round)"
        try database.waitUntilDurable(try put(round, database))
      }
      try database.close()
      contents = try Database.simulated(rig.options).contents()
    } catch {
      // A damaged page may be met late: then it is named.
      _ = try refusal(error)
      return
    }
    if contents != expected { throw Violation("after going on it shows what never was: \(CrashOracle.brief(contents))") }
  }

  /// Commits one put; where it would have to wait for room, the maintenance thread makes some.
  private func put(_ round: Int, _ database: Database) throws(StorageError) -> LogPosition {
    for _ in 0..<20 {
      do throws(StorageError) {
        return try database.put("after", "\(round)")
      } catch {
        if error != .wouldBlock { throw error }
      }
      _ = database.turn(.maintenance)
    }
    throw .wouldBlock
  }

  /// Damages a copy in the ways that `rots` say and judges it by how much may be lost.
  package func judge(_ rots: [Rot], bug: PlantedBug? = nil) throws -> Outcome {
    var damaged = disk
    for rot in rots { rot.apply(to: &damaged) }
    let outcome: Outcome
    do { outcome = try judge(damaged, bug: bug) } catch {
      throw Violation("\(rots.map(\.description).joined(separator: "; ")): \(error)")
    }
    let last = disk.names(in: Rot.wal).last { $0.hasSuffix(".wal") }.map { Rot.wal + "/" + $0 }
    // One rotten block loses nothing in silence. Two at the very end of the log can, unless the process ended orderly: then it takes
    // both copies of a superblock as well.
    let blockCount = rots.reduce(0) { $0 + $1.blockCount }
    let mayShorten = blockCount > 2 || (!isClosed && (rots.count > 1 || rots.contains { $0.path == last && $0.blockCount > 1 }))
    if outcome == .earlier && !mayShorten {
      throw Violation("\(rots.map(\.description).joined(separator: "; ")): what was acknowledged is gone, and nothing says so")
    }
    return outcome
  }
}

extension StoredImage {
  /// What a rig's process left, by what was known at its end.
  package init(_ rig: CrashRig, older: SimulatedDisk, isClosed: Bool) {
    rig.note()
    disk = rig.system.disk
    self.older = older
    oracle = rig.oracle
    self.isClosed = isClosed
    options = rig.options
  }

  /// What somebody copied from a database that was open, by what was known when the copy was done.
  package init(copy: SimulatedDisk, of rig: CrashRig) {
    rig.note()
    disk = copy
    older = copy
    oracle = rig.oracle
    isClosed = false
    options = rig.options
  }
}
