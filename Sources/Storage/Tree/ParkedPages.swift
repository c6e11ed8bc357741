// Replaced pages that somebody may still read, each parked where it will be asked about again, so that nothing is scanned. docs/storage.md §9.

/// The rule by which replaced pages are reused. All but `sound` are planted bugs, for tests that must find them.
enum ReuseRule: Sendable, CaseIterable {
  /// A page is reused if no holder h has birth <= h < free (S3).
  case sound
  case forgetsClosed
  case forgetsPublished
  case forgetsReaders
  /// Takes a page as unheld if the oldest holder is younger than its birth's successor.
  case ignoresBirthBatch
}

/// The parking place. It belongs to the holder of the writer lock.
struct ParkedPages {
  /// Contiguous page ids replaced together: readable in the roots of the batches birth ..< free.
  struct Run {
    let first: UInt64
    let count: Int
    let birth: UInt64
    var free: UInt64 = 0
  }

  /// Pages parked on the newest holder that covers them.
  private struct Lot {
    let holder: UInt64
    var runs: [Run]
  }

  private let rule: ReuseRule
  /// Replaced in the open batch; their `free` is known when it closes.
  private var fresh: [Run] = []
  private var lots: [Lot] = []
  private var loose: [Run] = []
  private var holders: [UInt64] = []
  /// Pages in all lots and in the open batch.
  private(set) var pageCount = 0

  init(_ rule: ReuseRule) { self.rule = rule }

  /// Takes pages that the open batch replaced and that an earlier batch wrote.
  mutating func add(_ first: UInt64, _ count: Int, birth: UInt64) {
    fresh.append(Run(first: first, count: count, birth: birth))
    pageCount += count
  }

  /// At the close of `batch`: gives to `release` every page that no holder covers any more.
  ///
  /// A lot is looked at only when its holder has ended. No newer holder can have come to cover its pages meanwhile: batches between birth and
  /// free were all closed before the page was replaced, and the newest of them that was still held is where it was parked.
  ///
  /// - Parameters:
  ///   - checkpoints: batches held for checkpoints.
  ///   - evict: called with pages that only checkpoints hold from now on: whoever reads those reads main.udb, so they need no frames.
  mutating func settle(
    _ batch: UInt64, _ roots: PublishedRoots, _ checkpoints: CheckpointHolders, evict: (_ first: UInt64, _ count: Int) -> Void,
    release: (_ first: UInt64, _ count: Int) -> Void
  ) {
    if fresh.isEmpty && lots.isEmpty { return }
    roots.holders(into: &holders, checkpoints, by: rule)
    loose.removeAll(keepingCapacity: true)
    for index in fresh.indices { fresh[index].free = batch }
    swap(&loose, &fresh)
    settleLots(checkpoints, evict: evict, release: release)
  }

  /// Between two closes, when a holder has ended: the same for the pages that were parked on it.
  mutating func settleEnded(
    _ roots: PublishedRoots, _ checkpoints: CheckpointHolders, evict: (_ first: UInt64, _ count: Int) -> Void,
    release: (_ first: UInt64, _ count: Int) -> Void
  ) {
    if lots.isEmpty { return }
    roots.holders(into: &holders, checkpoints, by: rule)
    loose.removeAll(keepingCapacity: true)
    settleLots(checkpoints, evict: evict, release: release)
  }

  /// Settles what is loose and what was parked on holders that have ended.
  private mutating func settleLots(
    _ checkpoints: CheckpointHolders, evict: (_ first: UInt64, _ count: Int) -> Void,
    release: (_ first: UInt64, _ count: Int) -> Void
  ) {
    for index in lots.indices.reversed() where !isHolder(lots[index].holder) {
      loose.append(contentsOf: lots.remove(at: index).runs)
    }
    for run in loose {
      if let holder = newestHolder(covering: run) {
        if isHeldOnDisk(holder, checkpoints) { evict(run.first, run.count) }
        park(run, on: holder)
      } else {
        pageCount -= run.count
        release(run.first, run.count)
      }
    }
  }

  private mutating func park(_ run: Run, on holder: UInt64) {
    if let index = lots.lastIndex(where: { $0.holder == holder }) {
      lots[index].runs.append(run)
    } else {
      lots.append(Lot(holder: holder, runs: [run]))
    }
  }

  private func isHolder(_ batch: UInt64) -> Bool {
    let index = firstHolder(notBelow: batch)
    return index < holders.count && holders[index] == batch
  }

  /// Whether nobody but checkpoints holds this batch.
  private func isHeldOnDisk(_ batch: UInt64, _ checkpoints: CheckpointHolders) -> Bool {
    var others = 0
    for index in firstHolder(notBelow: batch)..<holders.count where holders[index] == batch { others += 1 }
    if checkpoints.inFlight == batch { others -= 1 }
    if checkpoints.durable == batch { others -= 1 }
    for pinned in checkpoints.pinned where pinned == batch { others -= 1 }
    return others == 0
  }

  private func newestHolder(covering run: Run) -> UInt64? {
    let index = firstHolder(notBelow: run.free)
    guard index > 0 else { return nil }
    let holder = holders[index - 1]
    let birth = rule == .ignoresBirthBatch ? run.birth + 1 : run.birth
    return holder >= birth ? holder : nil
  }

  private func firstHolder(notBelow batch: UInt64) -> Int {
    var low = 0, high = holders.count
    while low < high {
      let middle = (low + high) / 2
      if holders[middle] < batch { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Calls `body` with every parked run, for the integrity check.
  func forEach(_ body: (Run) -> Void) {
    fresh.forEach(body)
    for lot in lots { lot.runs.forEach(body) }
  }
}
