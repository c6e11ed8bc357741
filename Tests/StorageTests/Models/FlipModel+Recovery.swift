// What a crash leaves of the model's files, and what the next process concludes from it.

extension FlipModel {
  /// A kill leaves what was written to be seen; of what was not flushed a power cut leaves any part. And the newest superblock may rot.
  func addCrashes(from state: State, to steps: inout Steps<State>) {
    guard state.phase != .down else { return }
    if state.phase != .ended && state.left.crashes > 0 {
      var down = state
      down.left.crashes -= 1
      forgetProcess(&down)
      steps.add("KILL", down)
      addPowerCuts(from: down, to: &steps)
    }
    if state.left.rots > 0 {
      let pairs = state.pairs.indices.filter { state.pairs[$0].visible != nil }
      let newest = pairs.max { state.pairs[$0].visible!.checkpoint < state.pairs[$1].visible!.checkpoint }!
      guard state.phase == .ended || state.left.crashes > 0, pairs.count > 1 else { return }
      steps.add("KILL, superblock \(state.pairs[newest].visible!.checkpoint) rots", from: state) {
        if $0.phase != .ended { $0.left.crashes -= 1 }
        $0.left.rots -= 1
        $0.isRotten = true
        $0.pairs[newest] = Stored(nil)
        forgetProcess(&$0)
      }
    }
  }

  /// Nothing of it counts any more, and equal files should make equal states.
  func forgetProcess(_ state: inout State) {
    state.phase = .down
    state.step = .idle
    state.pending = nil
    state.predecessor = nil
    state.cut = nil
    state.idLimit = Int8(pageCount)
    state.isRootWritten = true
    state.mustRoll = false
  }

  private func addPowerCuts(from down: State, to steps: inout Steps<State>) {
    var cuts = [down]
    /// Continues every outcome so far with each value that one place may have afterwards.
    func divide<Value: Hashable>(_ stored: Stored<Value>, torn: Value? = nil, _ set: (inout State, Stored<Value>) -> Void) {
      guard stored.durable != stored.visible else { return }
      var values = [stored.durable, stored.visible]
      if let torn, !values.contains(torn) { values.append(torn) }
      cuts = cuts.flatMap { cut in
        values.map { value in
          var next = cut
          set(&next, Stored(value))
          return next
        }
      }
    }
    for index in down.pairs.indices { divide(down.pairs[index], torn: .some(nil)) { $0.pairs[index] = $1 } }
    for index in down.pages.indices { divide(down.pages[index]) { $0.pages[index] = $1 } }
    for (index, segment) in down.segments.enumerated() {
      divide(segment.name) { $0.segments[index].name = $1 }
      divide(segment.header) { $0.segments[index].header = $1 }
      for place in segment.frames.indices {
        divide(segment.frames[place], torn: .some(nil)) { $0.segments[index].frames[place] = $1 }
      }
    }
    let before = Set(down.segments.map(\.name.durable)).subtracting([0])
    let after = Set(down.segments.map(\.name.visible)).subtracting([0])
    for var cut in cuts {
      let names = cut.segments.map(\.name.visible).filter { $0 > 0 }
      // A name that changes its file is never missing and never there twice: rename is atomic.
      guard Set(names).count == names.count, before.intersection(after).isSubset(of: names) else { continue }
      cut.segments.removeAll { $0.name.visible == 0 }
      steps.add("POWER CUT, leaves \(describe(cut))", cut)
    }
  }

  private func describe(_ state: State) -> String {
    let pairs = state.pairs.map { $0.visible.map { "\($0.checkpoint)" } ?? "-" }.joined(separator: " ")
    let pages = state.pages.map { $0.visible.map { "\($0.epoch)" } ?? "-" }.joined(separator: " ")
    let segments = state.segments.map { segment in
      "\(segment.name.visible):" + segment.frames.map { $0.visible.map { "\($0.lsn)" } ?? "-" }.joined(separator: ",")
    }
    return "superblocks \(pairs); pages of epochs \(pages); segments \(segments.joined(separator: " "))"
  }

  // MARK: Open

  /// What the log says beside a superblock.
  private struct LogVerdict {
    var endLSN: Int8
    var proofLSN: Int8
    var value: Int8
    var batch: Int8
    var highestNumber: Int8
    var lastHolds = false
    var isUntouched = false
  }

  func open(_ state: State, _ steps: inout Steps<State>) {
    var state = state
    flushNames(&state)
    if mutation != .opensWithoutFlush { flushContents(&state) }
    let segments = state.segments.filter { $0.name.visible > 0 }.sorted { $0.name.visible < $1.name.visible }
    let superblocks = state.pairs.compactMap(\.visible)
    guard let best = superblocks.max(by: { $0.checkpoint < $1.checkpoint }) else {
      return steps.fail("refused without damage: no superblock")
    }
    // Nothing of the log is read if it ended orderly in its last segment: whoever writes after that begins another one.
    let isUntouched = best.cleanEndLSN == best.logLSN && segments.last?.name.visible == best.segment
    let named = segments.flatMap { segment in
      [segment.header.visible?.durableCheckpoint ?? 0] + (isUntouched ? [] : validFrames(segment).map(\.durableCheckpoint))
    }.max()!
    // Rot that the log tells of may keep the database shut; anything else must open, with everything that was acknowledged.
    if named > best.checkpoint {
      if !state.isRotten {
        steps.fail("refused without damage: the log names checkpoint \(named), the superblock \(best.checkpoint)")
      }
      return
    }
    if segments.contains(where: { $0.header.visible?.number != $0.name.visible }) {
      return steps.fail("refused without damage: a segment without its header")
    }
    let untouched = LogVerdict(
      endLSN: best.logLSN, proofLSN: best.logLSN, value: best.value, batch: best.batch,
      highestNumber: max(best.checkpoint, segments.last?.header.visible?.epoch ?? 0), isUntouched: true)
    guard let verdict = isUntouched ? untouched : judge(segments, best) else {
      return steps.fail("refused without damage: no segment holds LSN \(best.logLSN)")
    }
    guard verdict.proofLSN <= verdict.endLSN else {
      return steps.fail("refused without damage: the log ends at \(verdict.endLSN), but \(verdict.proofLSN) was on disk")
    }
    guard state.pages[Int(best.root.page)].visible == best.root.version else {
      return steps.fail("checkpoint \(best.checkpoint) is open, but its page \(best.root.page) holds something else")
    }
    guard verdict.value >= state.acknowledged else {
      return steps.fail("opened with \(verdict.value) transactions of \(state.acknowledged) acknowledged")
    }
    begin(state, segments, best, verdict, named, &steps)
  }

  private func flushContents(_ state: inout State) {
    for index in state.pages.indices { state.pages[index].flush() }
    for index in state.pairs.indices { state.pairs[index].flush() }
    for index in state.segments.indices {
      state.segments[index].header.flush()
      for place in state.segments[index].frames.indices { state.segments[index].frames[place].flush() }
    }
  }

  /// The frames that are right at their own place under the salt of their segment.
  private func validFrames(_ segment: Segment) -> [Frame] {
    guard let header = segment.header.visible else { return [] }
    return segment.frames.enumerated().compactMap { place, stored in
      guard let frame = stored.visible, frame.salt == header.salt, frame.lsn == header.startLSN + Int8(place) else { return nil }
      return frame
    }
  }

  /// X, D and what counts, as in docs/storage.md §5; nil if the log does not reach back to the superblock.
  private func judge(_ segments: [Segment], _ best: Superblock) -> LogVerdict? {
    guard let first = segments.lastIndex(where: { $0.header.visible!.startLSN <= best.logLSN }) else { return nil }
    var verdict = LogVerdict(
      endLSN: best.logLSN, proofLSN: max(best.logLSN, best.cleanEndLSN ?? 0), value: best.value, batch: best.batch,
      highestNumber: best.checkpoint)
    var counts = true
    var previous: Int8 = 0
    for (index, segment) in segments.enumerated() {
      let header = segment.header.visible!
      let frames = validFrames(segment)
      verdict.highestNumber = max(verdict.highestNumber, header.epoch, frames.map(\.epoch).max() ?? 0)
      guard index >= first else { continue }
      if index > first {
        verdict.proofLSN = max(verdict.proofLSN, header.startLSN)
        counts = verdict.endLSN == header.startLSN
      }
      verdict.lastHolds = false
      for frame in frames {
        verdict.proofLSN = max(verdict.proofLSN, frame.durableLSN)
        if frame.lsn < best.logLSN {
          verdict.lastHolds = true
          continue
        }
        counts = counts && frame.lsn == verdict.endLSN && frame.batch > previous
        guard counts else { continue }
        verdict.lastHolds = true
        verdict.endLSN += 1
        previous = frame.batch
        if frame.batch > best.batch { verdict.value += frame.transactions }
        verdict.batch = max(verdict.batch, frame.batch)
      }
    }
    return verdict
  }

  /// The process begins: after a clean end without a segment to write into, else with a new one.
  private func begin(
    _ state: State, _ segments: [Segment], _ best: Superblock, _ verdict: LogVerdict, _ named: Int8, _ steps: inout Steps<State>
  ) {
    var next = state
    next.segments = segments
    next.phase = .running
    next.run += 1
    next.batch = verdict.batch
    next.value = verdict.value
    next.endLSN = verdict.endLSN
    next.durableLSN = verdict.endLSN
    let highest = max(verdict.highestNumber, state.pairs.compactMap(\.visible?.checkpoint).max()!)
    next.epoch = 1 + (mutation == .takesEpochFromSuperblock ? best.checkpoint : highest)
    next.loggedEpoch = highest
    next.loggedCheckpoint = named
    next.durable = best
    next.root = best.root
    next.isRootWritten = true
    next.isRotten = false
    if mutation == .takesEpochFromSuperblock { next.loggedEpoch = best.checkpoint }
    if verdict.isUntouched {
      next.acknowledged = verdict.value
      next.mustRoll = mutation != .appendsBehindCleanEnd
      return steps.add("opened after a clean end, epoch \(next.epoch)", next)
    }
    let last = segments.last!.name.visible
    if verdict.lastHolds {
      nameSegment(&next, number: last + 1, spare: nil)
    } else {
      next.segments[segments.count - 1].name.visible = 0
      nameSegment(&next, number: last, spare: nil)
    }
    let opened =
      "opened at checkpoint \(best.checkpoint), LSN \(verdict.endLSN), \(verdict.value) transactions, epoch \(next.epoch)"
    guard verdict.value > best.value else { return steps.add(opened, next) }
    for page in 0..<Int8(pageCount) where page != best.root.page {
      steps.add(opened + ", replayed into page \(page)", from: next) {
        $0.root = Root(page: page, version: Version(epoch: $0.epoch, run: $0.run, batch: $0.batch))
        $0.isRootWritten = false
      }
    }
  }
}
