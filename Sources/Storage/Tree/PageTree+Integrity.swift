// Proving a tree sound: every page against its parent, every entry against its neighbours, what is reachable against what is allocated.

extension PageTree {
  /// Walks the working root and the allocator and compares them. Takes time and memory in proportion to the tree.
  func checkIntegrity() -> IntegrityReport {
    var walk = IntegrityWalk(CopiedPages(cache, writerSlot), limits)
    walk.check(root, height: height, batch: openBatch)
    var report = walk.report
    if report.keys != keyCount { report.add("the tree counts \(keyCount) keys, but \(report.keys) are reachable") }
    if walk.innerPages != innerPageCount {
      report.add("the tree counts \(innerPageCount) inner pages, but \(walk.innerPages) are reachable")
    }
    if report.pages != arena.live.count { report.add("\(arena.live.count) pages are live, but \(report.pages) are reachable") }
    for id in walk.seen where !arena.live[Int(id)] { report.add("page \(id) is reachable, but not live") }
    for id in walk.seen where !arena.busy[Int(id)] { report.add("page \(id) is reachable and free") }
    checkParked(&report)
    return report
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
