// The protocol of checkpoints as a model: superblock pairs, pages that are never overwritten while needed, and the log beside them. docs/storage.md §11.

/// One process, a tree of one page, and a log whose LSN counts frames. Everything on disk is there twice: as a reader sees it now, and
/// as a power cut would leave it.
struct FlipModel: ProtocolModel {
  enum Mutation: CaseIterable, Sendable {
    /// Recovery judges bytes that the next power cut may take away.
    case opensWithoutFlush
    /// Checkpoint n goes to pair n mod 2, whatever that pair holds.
    case choosesPairByParity
    /// The pages of the checkpoint before the last are free before the log names the last.
    case freesPredecessorPagesEarly
    /// The same with the segments that only that checkpoint needs.
    case freesPredecessorSegmentsEarly
    /// A page of a batch without a frame is written before any frame or header of its epoch is durable.
    case writesFramelessPageEarly
    /// A segment is made a spare and overwritten before the folder is flushed.
    case overwritesSpareBeforeFolderFlush
    /// The epoch of a run follows upon the superblock's number only, not upon the log's.
    case takesEpochFromSuperblock
    /// Free pages are zeroed after a clean end before the log names its checkpoint.
    case scrubsAfterCleanEnd
    /// After a clean end the log goes on in its last segment, though the next open takes that one for untouched.
    case appendsBehindCleanEnd
    /// A log that is in the pages altogether begins again at its start, under the same salt.
    case restartsLogUnderSameSalt
    /// The end of the file is cut off although the durable checkpoint needs it, for the one in flight does not.
    case cutsBeforeFlip
    /// It is cut off although the log does not name the durable checkpoint yet, and so its predecessor may have to do.
    case cutsBeforeNamed
    /// It is cut off although the checkpoint in flight needs it.
    case cutsFlight
    /// Ids behind the cut are handed out between the choice of its place and the cut.
    case handsOutCutPages
  }

  /// How often each thing may happen in a run.
  struct Bounds: Hashable {
    var commits: Int8 = 1
    var forcedFrames: Int8 = 2
    var moves: Int8 = 0
    var checkpoints: Int8 = 1
    var cleanEnds: Int8 = 0
    var abandons: Int8 = 0
    var scrubs: Int8 = 0
    var cuts: Int8 = 0
    var crashes: Int8 = 1
    var rots: Int8 = 0
  }

  /// What is seen and what a power cut would leave; two values only while a flush is due.
  struct Stored<Value: Hashable>: Hashable {
    var durable: Value
    var visible: Value

    init(_ value: Value) {
      durable = value
      visible = value
    }

    mutating func flush() { durable = visible }
  }

  /// A version of the tree's page: no two writes of different content are equal.
  struct Version: Hashable {
    var epoch: Int8
    var run: Int8
    var batch: Int8

    static let zeroed = Version(epoch: -1, run: 0, batch: 0)
  }

  struct Root: Hashable {
    var page: Int8
    var version: Version
  }

  /// Both copies of a pair.
  struct Superblock: Hashable {
    var checkpoint: Int8
    var batch: Int8
    var value: Int8
    var root: Root
    var logLSN: Int8
    /// The segment in which that is, or at whose end.
    var segment: Int8
    var cleanEndLSN: Int8?
  }

  struct Header: Hashable {
    var number: Int8
    var startLSN: Int8
    var salt: Int8
    var durableCheckpoint: Int8
    var epoch: Int8
  }

  struct Frame: Hashable {
    var lsn: Int8
    var salt: Int8
    var batch: Int8
    var transactions: Int8
    var durableLSN: Int8
    var durableCheckpoint: Int8
    var epoch: Int8
  }

  struct Segment: Hashable {
    /// The number in the name; 0 is a spare.
    var name: Stored<Int8>
    /// nil is nothing that counts.
    var header: Stored<Header?>
    /// What lies at the place of each frame, also from an earlier life of the file.
    var frames: [Stored<Frame?>]
  }

  enum Phase: Hashable {
    case running
    /// A segment got its name, but the folder is not flushed.
    case naming
    /// Ended in order.
    case ended
    case down
  }

  enum CheckpointStep: Hashable {
    case idle
    /// Its pages are written.
    case began
    case pagesFlushed
    case superblockWritten
    /// It is the durable one, but the log may not say so yet.
    case superblockFlushed
    case named
    /// A segment became a spare, but the folder is not flushed.
    case spareNamed
  }

  struct State: Hashable {
    var left: Bounds
    var phase = Phase.running
    var pairs: [Stored<Superblock?>]
    var pages: [Stored<Version?>]
    var segments: [Segment]
    /// The process: what it knows, gone after a crash.
    var run: Int8 = 0
    var batch: Int8 = 1
    var value: Int8 = 0
    var root: Root
    var isRootWritten = true
    /// Ids from here on are not handed out; and where the file is about to be cut off.
    var idLimit: Int8
    var cut: Int8?
    var endLSN: Int8 = 0
    var durableLSN: Int8 = 0
    /// The next frame begins a segment.
    var mustRoll = false
    var epoch: Int8 = 2
    var salt: Int8 = 1
    /// The highest epoch and checkpoint in durable frames and headers.
    var loggedEpoch: Int8 = 2
    var loggedCheckpoint: Int8 = 1
    var durable: Superblock
    var predecessor: Superblock?
    var step = CheckpointStep.idle
    var pending: Superblock?
    /// For the properties: what may not be lost, what was written where, and whether the newest superblock was made unreadable.
    var acknowledged: Int8 = 0
    var written: [Root] = []
    var isRotten = false

    var isEnding: Bool { pending?.cleanEndLSN != nil }
  }

  var mutation: Mutation?
  var bounds = Bounds()
  var segmentFrames = 2
  var pageCount = 3
  /// Where the tree is in the beginning.
  var startPage: Int8 = 0

  var start: State {
    let root = Root(page: startPage, version: Version(epoch: 1, run: 0, batch: 0))
    let superblock = Superblock(checkpoint: 1, batch: 0, value: 0, root: root, logLSN: 0, segment: 1)
    let header = Header(number: 1, startLSN: 0, salt: 1, durableCheckpoint: 1, epoch: 2)
    return State(
      left: bounds, pairs: [Stored(nil), Stored(superblock)],
      pages: (0..<pageCount).map { Stored($0 == Int(startPage) ? root.version : nil) },
      segments: [Segment(name: Stored(1), header: Stored(header), frames: Array(repeating: Stored(nil), count: segmentFrames))],
      root: root, idLimit: Int8(pageCount), durable: superblock)
  }

  func addSteps(from state: State, to steps: inout Steps<State>) {
    switch state.phase {
    case .running:
      addLogSteps(from: state, to: &steps)
      addPageSteps(from: state, to: &steps)
      addCutSteps(from: state, to: &steps)
      addCheckpointSteps(from: state, to: &steps)
    case .naming:
      steps.add("the folder is flushed", from: state) {
        flushNames(&$0)
        let header = $0.segments[newestSegment($0)].header.visible!
        $0.loggedEpoch = max($0.loggedEpoch, header.epoch)
        $0.loggedCheckpoint = max($0.loggedCheckpoint, header.durableCheckpoint)
        $0.acknowledged = $0.value
        $0.phase = .running
      }
    case .ended: steps.add("the next process opens", from: state) { forgetProcess(&$0) }
    case .down: open(state, &steps)
    }
    addCrashes(from: state, to: &steps)
  }

  // MARK: The log

  func newestSegment(_ state: State) -> Int {
    state.segments.indices.max { state.segments[$0].name.visible < state.segments[$1].name.visible }!
  }

  func flushNames(_ state: inout State) {
    for index in state.segments.indices { state.segments[index].name.flush() }
  }

  func isWriting(_ state: State) -> Bool { state.endLSN > state.durableLSN }

  private func addLogSteps(from state: State, to steps: inout Steps<State>) {
    let newest = newestSegment(state)
    let segment = state.segments[newest]
    if isWriting(state) {
      let place = Int(state.durableLSN - segment.header.visible!.startLSN)
      let frame = segment.frames[place].visible!
      return steps.add("frame \(frame.lsn) is flushed, \(state.value) transactions are acknowledged", from: state) {
        $0.segments[newest].frames[place].flush()
        $0.durableLSN = $0.endLSN
        $0.acknowledged = $0.value
        $0.loggedEpoch = max($0.loggedEpoch, frame.epoch)
        $0.loggedCheckpoint = max($0.loggedCheckpoint, frame.durableCheckpoint)
      }
    }
    guard !state.isEnding else { return }
    let isFull = state.mustRoll || state.endLSN - segment.header.visible!.startLSN == segmentFrames
    let mustForce = state.loggedEpoch < state.epoch || state.loggedCheckpoint < state.durable.checkpoint
    if isFull {
      if state.left.commits > 0 || (mustForce && state.left.forcedFrames > 0) { addRoll(from: state, to: &steps) }
      return
    }
    if state.left.commits > 0 {
      for page in freePages(state) {
        steps.add(
          "batch \(state.batch + 1) is written as frame \(state.endLSN); it put page \(page) in the place of \(state.root.page)",
          from: state
        ) {
          $0.left.commits -= 1
          replaceRoot(&$0, page)
          $0.value += 1
          writeFrame(&$0, newest, transactions: 1)
        }
      }
    }
    if mustForce && state.left.forcedFrames > 0 {
      steps.add("batch \(state.batch + 1), empty, is forced as frame \(state.endLSN)", from: state) {
        $0.left.forcedFrames -= 1
        $0.batch += 1
        writeFrame(&$0, newest, transactions: 0)
      }
    }
  }

  private func writeFrame(_ state: inout State, _ index: Int, transactions: Int8) {
    let header = state.segments[index].header.visible!
    state.segments[index].frames[Int(state.endLSN - header.startLSN)].visible = Frame(
      lsn: state.endLSN, salt: header.salt, batch: state.batch, transactions: transactions, durableLSN: state.durableLSN,
      durableCheckpoint: state.durable.checkpoint, epoch: state.epoch)
    state.endLSN += 1
  }

  private func addRoll(from state: State, to steps: inout Steps<State>) {
    steps.add("the log rolls at \(state.endLSN)", from: state) {
      let number = $0.segments[newestSegment($0)].name.visible + 1
      let spare = $0.segments.firstIndex { $0.name == Stored(0) }
      nameSegment(&$0, number: number, spare: spare)
    }
  }

  /// The header is on disk before the name is given; the name is not on disk yet.
  func nameSegment(_ state: inout State, number: Int8, spare: Int?) {
    state.salt += 1
    state.mustRoll = false
    let header = Header(
      number: number, startLSN: state.endLSN, salt: state.salt, durableCheckpoint: state.durable.checkpoint, epoch: state.epoch)
    var segment =
      spare.map { state.segments.remove(at: $0) }
      ?? Segment(name: Stored(0), header: Stored(nil), frames: Array(repeating: Stored(nil), count: segmentFrames))
    segment.header = Stored(header)
    for place in segment.frames.indices { segment.frames[place].flush() }
    segment.name.visible = number
    state.segments.append(segment)
    state.phase = .naming
  }

  // MARK: Pages

  /// Pages that no root needs, and that were not written before in this epoch.
  private func freePages(_ state: State) -> [Int8] {
    var held = [state.root.page, state.durable.root.page]
    if let pending = state.pending { held.append(pending.root.page) }
    if let predecessor = state.predecessor { held.append(predecessor.root.page) }
    return (0..<state.idLimit).filter { page in
      !held.contains(page) && !state.written.contains { $0.page == page && $0.version.epoch == state.epoch }
    }
  }

  private func replaceRoot(_ state: inout State, _ page: Int8) {
    state.batch += 1
    state.root = Root(page: page, version: Version(epoch: state.epoch, run: state.run, batch: state.batch))
    state.isRootWritten = false
  }

  /// A page waits for its batch, and for a durable frame or header of this run that carries its epoch.
  private func mayWrite(_ epoch: Int8, _ state: State) -> Bool {
    !isWriting(state) && (state.loggedEpoch >= epoch || mutation == .writesFramelessPageEarly)
  }

  /// Writes the root's page, unless it would be a second version under the same id and epoch.
  private func writeRoot(_ state: inout State) -> String? {
    let root = state.root
    if state.written.contains(where: {
      $0.page == root.page && $0.version.epoch == root.version.epoch && $0.version != root.version
    }) {
      return "epoch \(root.version.epoch) names two versions of page \(root.page)"
    }
    if !state.written.contains(root) {
      state.written.append(root)
      state.written.sort { ($0.version.epoch, $0.page, $0.version.run) < ($1.version.epoch, $1.page, $1.version.run) }
    }
    state.pages[Int(root.page)].visible = root.version
    state.isRootWritten = true
    return nil
  }

  private func addPageSteps(from state: State, to steps: inout Steps<State>) {
    if state.left.moves > 0 && !state.isEnding && !isWriting(state) {
      for page in freePages(state) {
        steps.add("batch \(state.batch + 1), without a frame, moves page \(state.root.page) to \(page)", from: state) {
          $0.left.moves -= 1
          replaceRoot(&$0, page)
        }
      }
    }
    if !state.isRootWritten && mayWrite(state.root.version.epoch, state) {
      var next = state
      if let violation = writeRoot(&next) { return steps.fail(violation) }
      steps.add("page \(state.root.page) of epoch \(state.root.version.epoch) is written early", next)
    }
    if state.left.scrubs > 0 && !isWriting(state) && (state.loggedEpoch >= state.epoch || mutation == .scrubsAfterCleanEnd) {
      for page in freePages(state) where state.pages[Int(page)].visible != nil {
        steps.add("free page \(page) is zeroed", from: state) {
          $0.left.scrubs -= 1
          $0.pages[Int(page)].visible = .zeroed
        }
      }
    }
  }

  // MARK: Checkpoints

  private func addCheckpointSteps(from state: State, to steps: inout Steps<State>) {
    switch state.step {
    case .idle: addCheckpointBegin(from: state, to: &steps)
    case .began:
      steps.add("the pages are flushed", from: state) {
        flushMain(&$0)
        $0.step = .pagesFlushed
      }
      if state.left.abandons > 0 && !state.isEnding {
        steps.add("checkpoint \(state.pending!.checkpoint) is abandoned", from: state) {
          $0.left.abandons -= 1
          $0.pending = nil
          $0.step = .idle
        }
      }
    case .pagesFlushed:
      let holds = state.pairs[0].visible == state.durable ? 0 : 1
      let pair = mutation == .choosesPairByParity ? Int(state.pending!.checkpoint % 2) : 1 - holds
      steps.add("superblock \(state.pending!.checkpoint) is written to pair \(pair)", from: state) {
        $0.pairs[pair].visible = $0.pending
        $0.step = .superblockWritten
      }
    case .superblockWritten:
      steps.add("superblock \(state.pending!.checkpoint) is flushed\(state.isEnding ? ", the process ends" : "")", from: state) {
        flushMain(&$0)
        $0.predecessor = mutation == .freesPredecessorPagesEarly ? nil : $0.durable
        $0.durable = $0.pending!
        $0.phase = $0.isEnding ? .ended : .running
        $0.step = $0.isEnding ? .idle : .superblockFlushed
        $0.pending = nil
      }
    case .superblockFlushed:
      let isNamed = state.loggedCheckpoint >= state.durable.checkpoint
      let mayRestart =
        mutation == .restartsLogUnderSameSalt && !isWriting(state) && state.batch == state.durable.batch
      guard isNamed || mayRestart || mutation == .freesPredecessorSegmentsEarly else { break }
      steps.add("what only the checkpoint before needs is let go", from: state) {
        if isNamed { $0.predecessor = nil }
        if mayRestart { restartLog(&$0) }
        $0.step = .named
      }
    case .named: addRecycle(from: state, to: &steps)
    case .spareNamed:
      steps.add("the folder is flushed", from: state) {
        flushNames(&$0)
        $0.step = .idle
      }
    }
  }

  private func addCheckpointBegin(from state: State, to steps: inout Steps<State>) {
    guard state.left.checkpoints > 0, mayWrite(state.epoch, state) else { return }
    for isEnd in state.left.cleanEnds > 0 ? [false, true] : [false] {
      guard isEnd || state.root != state.durable.root else { continue }
      var next = state
      if !state.isRootWritten, let violation = writeRoot(&next) { return steps.fail(violation) }
      let logLSN =
        mutation == .restartsLogUnderSameSalt ? next.segments[newestSegment(next)].header.visible!.startLSN : next.endLSN
      next.pending = Superblock(
        checkpoint: next.epoch, batch: next.batch, value: next.value, root: next.root, logLSN: logLSN,
        segment: next.segments[newestSegment(next)].name.visible, cleanEndLSN: isEnd ? next.endLSN : nil)
      next.step = .began
      next.epoch += 1
      next.left.checkpoints -= 1
      if isEnd { next.left.cleanEnds -= 1 }
      steps.add(
        "\(isEnd ? "the last " : "")checkpoint \(state.epoch) begins, of batch \(state.batch) in page \(state.root.page)", next)
    }
  }

  func flushMain(_ state: inout State) {
    for index in state.pages.indices { state.pages[index].flush() }
    for index in state.pairs.indices { state.pairs[index].flush() }
  }

  private func restartLog(_ state: inout State) {
    let newest = newestSegment(state)
    state.endLSN = state.segments[newest].header.visible!.startLSN
    state.durableLSN = state.endLSN
  }

  private func addRecycle(from state: State, to steps: inout Steps<State>) {
    let named = state.segments.indices.filter { state.segments[$0].name.visible > 0 }
      .sorted { state.segments[$0].name.visible < state.segments[$1].name.visible }
    guard named.count > 1, state.segments[named[1]].header.visible!.startLSN <= state.durable.logLSN else {
      return steps.add("no segment is left over", from: state) { $0.step = .idle }
    }
    steps.add("segment \(state.segments[named[0]].name.visible) becomes a spare", from: state) {
      $0.segments[named[0]].name.visible = 0
      $0.step = .spareNamed
      if mutation == .overwritesSpareBeforeFolderFlush { $0.segments[named[0]].header.visible = nil }
    }
  }
}
