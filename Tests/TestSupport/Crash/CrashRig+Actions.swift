// What a rig does with its database: commits, reads, turns of threads, full disks.

import Platform
package import Storage

extension CrashRig {
  /// The keys that transactions draw from: short ones, and a few as long as may be.
  private func key() -> String {
    let number = generator.number(0..<keyCount)
    if number < keyCount - 2 { return "k\(number)" }
    let name = "long\(number)", limit = min(StorageLimits.maxKeyByteCount, options.pageByteCount / 16)
    return name + String(repeating: "-", count: limit - name.utf8.count)
  }

  private func value(_ marker: String) -> String {
    let filler =
      switch isBulky ? 4 : generator.number(0..<16) {
      case 0: generator.number(1900..<2100)
      case 1: generator.number(2100..<3300)
      case 2, 3, 4: generator.number(isBulky ? 1000..<1900 : 200..<1500)
      default: generator.number(0..<60)
      }
    if filler > 2048 { marks.insert(.overflowValue) }
    return marker + "." + String(repeating: "x", count: filler)
  }

  /// Commits a transaction with a content of its own. Refusals for want of room are no violations.
  package func commit(_ durability: CommitDurability = .durable) throws {
    guard let database else { return }
    let before = oracle.newest
    var next = before
    let marker = oracle.newMarker()
    next[CrashOracle.marker] = marker
    var changes: [(key: String, value: String?)] = [(CrashOracle.marker, marker)]
    if generator.number(0..<25) == 0 {
      // A few transactions empty a good part of the map.
      for key in next.keys.sorted() where key != CrashOracle.marker && Bool.random(using: &generator) {
        next[key] = nil
        changes.append((key, nil))
      }
    } else {
      for _ in 0..<generator.number(0..<3) {
        let key = key()
        let value = generator.number(0..<4) == 0 ? nil : value(marker)
        next[key] = value
        changes.append((key, value))
      }
    }
    let looksAt = generator.number(0..<4) == 0 ? key() : nil
    var found: String??
    // It may bring pages in, and holds a snapshot meanwhile.
    let wasMeanwhile = isMeanwhile
    isMeanwhile = true
    defer { isMeanwhile = wasMeanwhile }
    let position: LogPosition
    do throws(StorageError) {
      position = try database.write(durability) { transaction throws(StorageError) in
        if let looksAt {
          let key = Array(looksAt.utf8)
          found = .some(try transaction.get(key.span) { value throws(StorageError) in String(copying: value) })
        }
        for (key, value) in changes {
          let key = Array(key.utf8)
          if let value {
            let value = Array(value.utf8)
            try transaction.put(key.span, value.span)
          } else {
            try transaction.delete(key.span)
          }
        }
      }.position
    } catch {
      switch error {
      case .storageFull, .wouldBlock, .readOnly, .closed: return
      case .io where system.hasCrashed || mayFail: return
      case .pageDamaged where !oracle.isDeviceHonest: return
      default: throw Violation("a commit was refused: \(error)")
      }
    }
    if let looksAt, let found, found != before[looksAt] {
      throw Violation("a transaction saw another value of \(looksAt.prefix(8)) than the one before it left")
    }
    oracle.append(next, at: position)
    say("committed \(marker) in batch \(position.batch), \(durability)")
  }

  /// Commits one put and makes it durable; for tests that do not ask the oracle.
  package func put(_ key: String, _ value: String) throws {
    guard let database else { return }
    try database.waitUntilDurable(try database.put(key, value))
  }

  /// Reads like any reader, all or a part, and judges it against the version that it turns out to see.
  package func look() throws {
    guard let database else { return }
    note()
    // No other work of this simulated thread may come between the calls of one read.
    let wasMeanwhile = isMeanwhile
    isMeanwhile = true
    defer { isMeanwhile = wasMeanwhile }
    let part = generator.number(0..<3)
    let lower = part == 0 ? "" : key(), upper = part == 1 ? key() : ""
    let order = Bool.random(using: &generator) ? ScanOrder.ascending : .descending
    var marker: String?
    var found: [(key: String, value: String)] = []
    do throws(StorageError) {
      try database.read { transaction throws(StorageError) in
        found = []
        let name = Array(CrashOracle.marker.utf8), lower = Array(lower.utf8), upper = Array(upper.utf8)
        marker = try transaction.get(name.span) { value throws(StorageError) in String(copying: value) }
        try transaction.scan(from: lower.span, below: upper.span, order) { key, value throws(StorageError) in
          found.append((String(copying: key), String(copying: value)))
          return .next
        }
      }
    } catch {
      switch error {
      case .io where system.hasCrashed || mayFail: return
      case .pageDamaged where !oracle.isDeviceHonest: return
      default: throw Violation("a read failed: \(error)")
      }
    }
    try oracle.judgeReader(marker) { version in
      let range = version.filter { $0.key >= lower && (upper.isEmpty || $0.key < upper) }
      let expected = range.sorted { order == .ascending ? $0.key < $1.key : $0.key > $1.key }
      let isEqual = expected.count == found.count && zip(expected, found).allSatisfy { $0.key == $1.key && $0.value == $1.value }
      return isEqual
        ? nil : "\(found.count) entries from \(lower.prefix(8)) below \(upper.prefix(8)), not the \(expected.count) it has"
    }
  }

  /// Notes what has been acknowledged by now.
  package func note() { if let durable = database?.durability.durablePosition { oracle.note(durable: durable) } }

  // MARK: The threads of the engine

  package func step() throws {
    let isEmpty = database?.hasEmptyBatch ?? false
    if database?.turn(.log) ?? false, isEmpty { marks.insert(.seal) }
    try after()
  }

  package func maintain() throws {
    _ = database?.turn(.maintenance)
    try after()
  }

  /// A turn of the thread of checkpoints.
  package func turnCheckpoint() throws {
    _ = database?.turn(.checkpoint)
    try after()
  }

  /// Has a checkpoint written to its end, if there is room for it.
  package func checkpoint() throws {
    guard let database else { return }
    do throws(StorageError) {
      try database.checkpoint()
    } catch {
      switch error {
      case .storageFull, .readOnly, .closed, .wouldBlock: break
      case .pageDamaged where !oracle.isDeviceHonest: break
      default: throw Violation("a checkpoint failed: \(error)")
      }
    }
    try after()
  }

  /// Asks for compaction; the turns of the thread of checkpoints do it.
  package func askForCompaction() throws {
    do throws(StorageError) { _ = try database?.requestCompaction() } catch { try expectEnding(error) }
  }

  /// Has the store compacted to its end, if nothing stands in the way.
  package func compact() throws {
    guard let database else { return }
    do throws(StorageError) { _ = try database.compact() } catch {
      switch error {
      case .storageFull, .readOnly, .closed, .wouldBlock: break
      case .pageDamaged where !oracle.isDeviceHonest: break
      default: throw Violation("compaction failed: \(error)")
      }
    }
    try after()
  }

  package func waitForLast() throws {
    guard let database else { return }
    do throws(StorageError) { try database.waitUntilDurable(database.heldPosition) } catch { try expectEnding(error) }
    try after()
  }

  /// Closes orderly; the process then ends.
  package func close() throws {
    do throws(StorageError) { try database?.close() } catch { try expectEnding(error) }
    note()
    if let hidden { throw hidden }
    if !system.hasCrashed { database = nil }
  }

  func expectEnding(_ error: StorageError) throws {
    switch error {
    case .commitOutcomeUnknown, .storageFull, .closed, .io: return
    case .readOnly where system.hasCrashed || mayFail: return
    case .pageDamaged where !oracle.isDeviceHonest: return
    default: throw Violation("an unexpected error: \(error)")
    }
  }

  func after() throws {
    note()
    if let hidden { throw hidden }
    if let database, database.statistics().hasFailed, !system.hasCrashed, !mayFail {
      throw Violation("writing ended for good although no write and no flush failed")
    }
  }

  // MARK: Chance

  /// Leaves so little room on the device that spares cannot be made.
  package func fillDisk() {
    system.limitRoom(to: generator.number(0..<40_000))
    isFull = true
  }

  /// Gives room back; from then on writes must be taken again.
  package func makeRoom() throws {
    guard isFull else { return }
    isFull = false
    system.limitRoom(to: nil)
    guard database != nil, !system.hasCrashed, !mayFail else { return }
    clock.advance(milliseconds: 1100)
    try expectProgress("there is room again, but writes are refused")
  }

  /// With room and a sound device, writes are taken after every thread had its turns.
  func expectProgress(_ complaint: String) throws {
    guard let database, !isFull, !mayFail else { return }
    // Room for spares, for pages once a transaction asked for them, and perhaps a whole checkpoint for which the log waits.
    let before = oracle.versions.count
    for _ in 0..<40 where oracle.versions.count == before {
      try step()
      try maintain()
      try turnCheckpoint()
      if archivesLog { try turnArchive() }
      try commit()
    }
    if oracle.versions.count == before && !system.hasCrashed && !database.statistics().hasFailed { throw Violation(complaint) }
  }

  /// One action that chance picks.
  package func act() throws {
    if fillPercentage > 0 && generator.number(0..<100) < fillPercentage {
      if isFull { try makeRoom() } else { fillDisk() }
    }
    if try actOnUpkeep() { return }
    if generator.number(0..<100) < checkpointPercentage {
      switch generator.number(0..<20) {
      case 0, 1: return try checkpoint()
      case 2: return try compact()
      case 3: return try askForCompaction()
      default: return try turnCheckpoint()
      }
    }
    switch generator.number(0..<100) {
    case 0..<44: try commit(generator.number(0..<5) == 0 ? .relaxed : .durable)
    case 44..<69: try step()
    case 69..<77: try look()
    case 77..<85: clock.advance(milliseconds: generator.number(1..<130))
    case 85: clock.advance(seconds: 61)
    case 86: try expectProgress("writes are refused although there is room and nothing failed")
    case 87..<93: try maintain()
    case 93..<98: try waitForLast()
    default:
      try close()
      if !system.hasCrashed { _ = try open() }
    }
  }

  /// Lets other threads do something in the middle of file-system calls: while the disk works, writers and readers go on.
  package func enableMeanwhile() {
    system.setMeanwhile { [unowned self] in
      guard !isMeanwhile, database != nil, generator.number(0..<6) == 0 else { return }
      isMeanwhile = true
      defer { isMeanwhile = false }
      do {
        switch generator.number(0..<7) {
        case 0: try maintain()
        case 1: try look()
        case 2: try turnCheckpoint()
        case 3: try step()
        case 4: try commit()
        default:
          if database?.isWritingLog ?? false { marks.insert(.commitDuringWrite) }
          if isInCheckpoint { marks.insert(.commitDuringCheckpoint) }
          try commit(.relaxed)
        }
      } catch {
        hidden = error as? Violation ?? Violation("\(error)")
      }
    }
  }
}
