// Whole lives of a database: work, a crash, recoveries that crash themselves.

import Platform
import Storage

extension CrashRig {
  package func kill() {
    crashes += 1
    note()
    noteCrash()
    database = nil
    say("KILLED")
    system.kill()
  }

  package func cutPower(leaving disk: SimulatedDisk? = nil) {
    crashes += 1
    note()
    noteCrash()
    database = nil
    say("POWER CUT: \(system.disk.unsynced)")
    let left = disk ?? system.disk.afterPowerCut(using: &generator)
    noteTornFrames(left)
    system.cutPower(leaving: left)
  }

  /// Draws the faults of a run from its seed, so that a seed alone repeats it.
  ///
  /// - Parameter upkeep: whether the archive of the log and the scrub take part; the other draws are the same without them.
  package func drawProfile(upkeep: Bool = false) {
    system.faults.grantsDirect = generator.number(0..<3) != 0
    system.faults.disturbance = generator.number(0..<4) == 0 ? 25 : 0
    system.faults.syncFailure = SimulatedDisk.SyncFailure.allCases.randomElement(using: &generator)!
    fillPercentage = generator.number(0..<7) == 0 ? 5 : 0
    hasFailingDevice = generator.number(0..<6) == 0
    options.segmentByteCount = generator.number(0..<4) == 0 ? 64 << 10 : 32 << 10
    options.maxLogByteCount = generator.number(8..<14) * options.segmentByteCount
    // Small pages make a deep tree of little data; those of less than a block cannot pass the page cache.
    options.pageByteCount = [8192, 8192, 4096, 1024, 512].randomElement(using: &generator)!
    options.growthByteCount = generator.number(1..<9) * 16 << 10
    keyCount = generator.number(0..<3) == 0 ? 120 : 24
    losesUnnamedCheckpoints = generator.number(0..<3) == 0
    comparesPages = generator.number(0..<4) == 0
    checkpointPercentage = [5, 20, 50][generator.number(0..<3)]
    if generator.number(0..<5) != 0 { enableMeanwhile() }
    if upkeep { drawUpkeep() }
  }

  /// A whole life: actions, a crash, recoveries that crash themselves, up to four deep, then an opening that must succeed.
  ///
  /// - Returns: whether it goes on: a device that lies may ruin the files, and they say so.
  @discardableResult
  package func live(actions: Int) throws -> Bool {
    if database == nil, try !reopen(depth: 4) { return false }
    armCrash(within: [8, 30, 120, 400])
    if hasFailingDevice { armFault() }
    for _ in 0..<actions where !system.hasCrashed {
      try act()
      if shouldLoseSuperblock { break }
    }
    try look()
    try comparePages()
    let losesSuperblock = shouldLoseSuperblock
    crash()
    if losesSuperblock { loseNewestSuperblock() }
    try comparePages()
    try judgeArchive()
    return try reopen(depth: generator.number(0..<5))
  }

  /// Half of the crashes come at any call, the others at calls of a kind: there are few of some, and mistakes sit there.
  private func armCrash(within ranges: [Int]) {
    system.faults.crashEffect = CrashEffect.allCases.randomElement(using: &generator)!
    if Bool.random(using: &generator) {
      let texts = [
        "main.udb", "write data/db/main.udb 0", "write data/db/main.udb 16384", "rename", "unlink", "fsync", "fallocate",
        "ftruncate",
        "write data/db/wal", "fdatasync data/db/wal",
      ]
      system.faults.crashText = texts[generator.number(0..<texts.count)]
      system.faults.crashTextCount = generator.number(0..<12)
    } else {
      let range = ranges[generator.number(0..<ranges.count)]
      system.faults.crashCall = system.calls + 1 + generator.number(0..<range)
    }
  }

  // MARK: Checkpoints

  /// Only between the turns of threads: a frame that was being written may have named it already.
  private var shouldLoseSuperblock: Bool {
    guard losesUnnamedCheckpoints, !system.hasCrashed, !mayFail, let database, database.hasUnnamedCheckpoint else { return false }
    return checkpointsOfPairs().allSatisfy { $0 > 1 }
  }

  /// The newest checkpoint in each pair of superblocks; 0 where there is none.
  private func checkpointsOfPairs() -> [UInt64] {
    guard let bytes = system.disk.contents("data/db/main.udb"), bytes.count >= 32_768 else { return [0, 0] }
    func number(_ copy: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[copy * 8192 + 72 + $1]) << UInt64(8 * $1) } }
    return [max(number(0), number(1)), max(number(2), number(3))]
  }

  private func loseNewestSuperblock() {
    let pairs = checkpointsOfPairs()
    guard pairs.allSatisfy({ $0 > 1 }) else { return }
    let newest = pairs[0] > pairs[1] ? 0 : 1
    system.disk.zero("data/db/main.udb", newest * 16_384..<newest * 16_384 + 16_384)
    marks.insert(.lostSuperblock)
  }

  private func comparePages() throws {
    // A device that lies may forget the header that had an epoch, and so may whoever opens next.
    guard comparesPages, oracle.isDeviceHonest, let bytes = system.disk.contents("data/db/main.udb") else { return }
    for (pointer, contents) in Database.wholePages(in: bytes, pageByteCount: options.pageByteCount) {
      if let old = pageContents.updateValue(contents, forKey: pointer), old != contents {
        throw Violation("epoch \(pointer >> 36) names two versions of page \(pointer & (1 << 36 - 1))")
      }
    }
  }

  private func armFault() {
    mayFail = true
    let call = system.calls + 1 + generator.number(0..<60)
    if generator.number(0..<4) == 0 {
      system.faults.failingWriteCall = call
    } else {
      system.faults.failingSyncs = generator.number(1..<3)
      system.faults.firstFailingSyncCall = call
    }
  }

  private func disarm() {
    system.faults.crashCall = nil
    system.faults.crashText = nil
    system.faults.failingSyncs = 0
    system.faults.failingWriteCall = nil
    system.faults.failingReadCall = nil
    mayFail = false
  }

  package func crash() { if Bool.random(using: &generator) { kill() } else { cutPower() } }

  /// Opens again, with up to `depth` crashes on the way. Returns false if a device that lies has ruined the files, and they say so.
  func reopen(depth: Int) throws -> Bool {
    isFull = false
    system.limitRoom(to: nil)
    for _ in 0..<depth {
      armCrash(within: [6, 20, 40])
      // One opening in a few meets a read that fails, and must not judge what it did not read.
      if generator.number(0..<6) == 0 { system.faults.failingReadCall = system.calls + 1 + generator.number(0..<20) }
      mayFail = system.faults.failingReadCall != nil
      let isOpen = try open()
      if isOpen && generator.number(0..<3) == 0 { try look() }
      crash()
      disarm()
    }
    disarm()
    if try open() { return true }
    if oracle.isDeviceHonest { throw Violation("did not open on a sound disk; last calls: \(system.trace.suffix(8))") }
    return false
  }
}
