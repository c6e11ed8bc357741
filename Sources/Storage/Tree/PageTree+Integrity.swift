// Proving a tree sound: every page against its parent, every entry against its neighbours, what is reachable against what is allocated.

/// A root to check, held by the slot of the thread that checks it.
struct CheckedRoot {
  let root: PagePointer
  /// The last batch that can have written a page of it.
  let batch: UInt64
  /// What the tree counts of it, where that is known.
  let counts: Counts?

  struct Counts {
    let height: Int
    let keys: Int
    let innerPages: Int
  }
}

extension PageTree {
  typealias Walk = IntegrityWalk<CopiedPages>

  /// Walks the working root and the allocator and compares them, with the writer lock. Takes time and memory in proportion to the tree.
  func checkIntegrity() -> IntegrityReport {
    var walk = IntegrityWalk(CopiedPages(cache, writerSlot), limits)
    var report = check(CheckedRoot(root: root, batch: openBatch, counts: counts), &walk)
    checkAllocator(walk, &report)
    return report
  }

  /// Takes a root to check and holds its batch: the working root if the open batch is empty, else the published one. Under the lock.
  func holdForCheck(_ slot: Int) -> CheckedRoot {
    if isOpenBatchEmpty {
      slots.hold(openBatch - 1, slot)
      return CheckedRoot(root: root, batch: openBatch - 1, counts: counts)
    }
    guard let (slot, batch, root) = roots.enter() else { preconditionFailure("a slot that belongs to no thread") }
    slots.endEpoch(slot)
    return CheckedRoot(root: root, batch: batch, counts: nil)
  }

  /// Whether the working root still is the one that was taken. Under the lock.
  func isUnchanged(since snapshot: CheckedRoot) -> Bool {
    snapshot.counts != nil && isOpenBatchEmpty && openBatch - 1 == snapshot.batch
  }

  private var counts: CheckedRoot.Counts { CheckedRoot.Counts(height: height, keys: keyCount, innerPages: innerPageCount) }

  /// Walks a held root, without the lock.
  func check(_ snapshot: CheckedRoot, _ walk: inout Walk) -> IntegrityReport {
    let height = snapshot.counts?.height ?? walk.height(of: snapshot.root)
    walk.check(snapshot.root, height: height, batch: snapshot.batch)
    var report = walk.report
    guard let counts = snapshot.counts, !walk.isPartial else { return report }
    if report.keys != counts.keys { report.add("the tree counts \(counts.keys) keys, but \(report.keys) are reachable") }
    if walk.innerPages != counts.innerPages {
      report.add("the tree counts \(counts.innerPages) inner pages, but \(walk.innerPages) are reachable")
    }
    return report
  }

  /// Compares the allocator with what a walk over the working root found. Under the lock.
  func checkAllocator(_ walk: Walk, _ report: inout IntegrityReport) {
    if report.pages != arena.live.count { report.add("\(arena.live.count) pages are live, but \(report.pages) are reachable") }
    for id in walk.seen where !arena.live[Int(id)] { report.add("page \(id) is reachable, but not live") }
    for id in walk.seen where !arena.busy[Int(id)] { report.add("page \(id) is reachable and free") }
    checkParked(&report)
  }

  /// Live and parked pages together are exactly those that are not free.
  private func checkParked(_ report: inout IntegrityReport) {
    var parkedPages: Set<UInt64> = []
    parked.forEach { run in
      for id in run.first..<run.first + UInt64(run.count) {
        if !parkedPages.insert(id).inserted { report.add("page \(id) is parked twice") }
        if arena.live[Int(id)] { report.add("page \(id) is parked and live") }
        if !arena.busy[Int(id)] { report.add("page \(id) is parked and free") }
      }
    }
    if parkedPages.count != parked.pageCount {
      report.add("\(parked.pageCount) pages count as parked, but \(parkedPages.count) are")
    }
    if arena.pageCount != arena.live.count + parkedPages.count {
      report.add("\(arena.pageCount) pages are taken, but \(arena.live.count) are live and \(parkedPages.count) parked")
    }
  }
}

extension IntegrityWalk {
  /// Levels of a tree, as its root says; 1 if that cannot be read, which the walk will report.
  fileprivate mutating func height(of root: PagePointer) -> Int {
    do throws(StorageError) { return try source.page(root, level: 0).level + 1 } catch { return 1 }
  }
}
