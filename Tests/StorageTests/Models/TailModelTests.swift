// How the end of the log is found, as a model: frames, rolls, segments made by recovery, crashes, and one rotten block. docs/storage.md §5.

import TestSupport
import Testing

@Suite struct `The model of the end of the log` {
  @Test func `nothing acknowledged is lost silently and one rotten header block does not keep it shut`() {
    let outcome = TailModel().search()
    #expect(outcome.violation == nil, "\(outcome)")
    #expect(outcome.isWhole)
    // A model that reaches little proves little.
    #expect(outcome.states > 100_000)
  }

  @Test(arguments: TailModel.Mutation.allCases)
  func `each rule about the end of the log is needed`(_ mutation: TailModel.Mutation) {
    #expect(TailModel(mutation: mutation).search().violation != nil)
  }
}

/// One process, one log. An LSN counts frames here, a segment takes two, and a frame that was written either reached the disk or did not.
struct TailModel: ProtocolModel {
  enum Mutation: CaseIterable, Sendable {
    /// Rolling gives the segment its name first, and writes the headers then.
    case writesHeaderAfterRename
    case writesHeaderOnce
    /// Recovery judges bytes that the next power cut may take away.
    case opensWithoutFlush
    /// Recovery takes whatever lies behind the last good frame for a torn tail.
    case appendsAfterDamage
    /// A frame follows only upon the batch right before its own.
    case chainsBatchesByOne
  }

  var mutation: Mutation?
  private let maxFrames = testScale > 1 ? 5 : 4
  private let maxCrashes = testScale > 1 ? 3 : 2
  private let maxSegments = 4
  private let maxBatch: Int8 = 6
  private let segmentFrames = 2

  struct Frame: Hashable {
    var lsn: Int8
    var batch: Int8
    /// What was on disk when the frame was written.
    var durableLSN: Int8
    /// 0 for a seal.
    var transactions: Int8
    var isFlushed = false
    var isRotten = false
  }

  struct Segment: Hashable {
    var startLSN: Int8
    /// The copies of the header that are valid.
    var headers: Int8
    var frames: [Frame] = []
  }

  enum Phase: Hashable {
    case running
    /// The last segment has its name, but the folder is not flushed.
    case naming
    /// As before, and the headers are still to be written.
    case namedWithoutHeader
    case down
  }

  /// The one block that may rot in a run.
  enum Rot: Hashable { case none, header, frame }

  struct State: Hashable {
    var phase = Phase.running
    var segments: [Segment]
    /// What a power cut while naming brings back: the segment that the last one replaces.
    var replaced: Segment?
    var nextBatch: Int8 = 1
    var endLSN: Int8 = 0
    var durableLSN: Int8 = 0
    /// Transactions so far; of these those acknowledged or read; and of these those that the log itself proves to have been on disk.
    var committed: Int8 = 0
    var acknowledged: Int8 = 0
    var proven: Int8 = 0
    var crashes: Int8 = 0
    var rot = Rot.none
  }

  private var headerCopies: Int8 { mutation == .writesHeaderOnce ? 1 : 2 }

  var start: State { State(segments: [Segment(startLSN: 0, headers: headerCopies)]) }

  func addSteps(from state: State, to steps: inout Steps<State>) {
    switch state.phase {
    case .running: addLogSteps(from: state, to: &steps)
    case .naming:
      steps.add("the folder is flushed", from: state) {
        $0.phase = .running
        $0.replaced = nil
        // The start of a durable segment proves what lies before it; after an open, readers come in.
        $0.acknowledged = $0.committed
        $0.proven = $0.committed
      }
    case .namedWithoutHeader:
      steps.add("the headers are written and flushed", from: state) {
        $0.segments[$0.segments.count - 1].headers = headerCopies
        $0.phase = .running
      }
    case .down:
      addRot(from: state, to: &steps)
      open(state, &steps)
    }
    if state.phase != .down && state.crashes < maxCrashes { addCrashes(from: state, to: &steps) }
  }

  private func addLogSteps(from state: State, to steps: inout Steps<State>) {
    let last = state.segments.count - 1
    let segment = state.segments[last]
    if let frame = segment.frames.last, !frame.isFlushed {
      steps.add("frame \(frame.lsn) is flushed and acknowledged", from: state) {
        $0.segments[last].frames[segment.frames.count - 1].isFlushed = true
        $0.durableLSN = $0.endLSN
        $0.acknowledged = $0.committed
        $0.proven = $0.committed - frame.transactions
      }
      return
    }
    let frames = state.segments.reduce(0) { $0 + $1.frames.count }
    if segment.frames.count < segmentFrames && frames < maxFrames {
      for transactions in [Int8(1), 0] {
        steps.add("batch \(state.nextBatch) is written as frame \(state.endLSN), \(transactions) transactions", from: state) {
          $0.segments[last].frames.append(
            Frame(lsn: $0.endLSN, batch: $0.nextBatch, durableLSN: $0.durableLSN, transactions: transactions))
          $0.endLSN += 1
          $0.nextBatch += 1
          $0.committed += transactions
        }
      }
    }
    if state.nextBatch < maxBatch {
      steps.add("batch \(state.nextBatch) closes without a frame", from: state) { $0.nextBatch += 1 }
    }
    if segment.frames.count == segmentFrames && state.segments.count < maxSegments {
      let isLate = mutation == .writesHeaderAfterRename
      steps.add("the log rolls at \(state.endLSN): \(isLate ? "renamed" : "header flushed, renamed")", from: state) {
        $0.segments.append(Segment(startLSN: $0.endLSN, headers: isLate ? 0 : headerCopies))
        $0.phase = isLate ? .namedWithoutHeader : .naming
      }
    }
  }

  /// A kill leaves what was written to be seen; of what was not flushed a power cut leaves any part.
  private func addCrashes(from state: State, to steps: inout Steps<State>) {
    var down = state
    down.phase = .down
    down.crashes += 1
    // Opening flushes the folders before it looks, in every variant.
    down.replaced = nil
    steps.add("KILL", down)
    var folders = [("", down.segments)]
    if state.phase != .running {
      folders.append((", the name is lost", state.segments.dropLast() + (state.replaced.map { [$0] } ?? [])))
    }
    for (what, segments) in folders {
      var cut = down
      cut.segments = segments
      addPowerCut("POWER CUT" + what, cut, &steps)
    }
  }

  private func addPowerCut(_ name: String, _ state: State, _ steps: inout Steps<State>) {
    for segment in state.segments.indices {
      guard let frame = state.segments[segment].frames.firstIndex(where: { !$0.isFlushed }) else { continue }
      let lsn = state.segments[segment].frames[frame].lsn
      var lost = state, kept = state
      lost.segments[segment].frames.remove(at: frame)
      kept.segments[segment].frames[frame].isFlushed = true
      addPowerCut(name + ", frame \(lsn) is lost", lost, &steps)
      addPowerCut(name + ", frame \(lsn) is kept", kept, &steps)
      return
    }
    steps.add(name, state)
  }

  private func addRot(from state: State, to steps: inout Steps<State>) {
    guard state.rot == .none else { return }
    for (index, segment) in state.segments.enumerated() {
      if segment.headers > 0 {
        steps.add("a header block of segment \(index + 1) rots", from: state) {
          $0.segments[index].headers -= 1
          $0.rot = .header
        }
      }
      for (place, frame) in segment.frames.enumerated() where frame.isFlushed {
        steps.add("frame \(frame.lsn) rots", from: state) {
          $0.segments[index].frames[place].isRotten = true
          $0.rot = .frame
        }
      }
    }
  }

  /// What recovery concludes from the bytes, and whether it may.
  private func open(_ state: State, _ steps: inout Steps<State>) {
    func refuse(_ why: String) {
      switch state.rot {
      case .none: steps.fail("refused without damage: \(why)")
      case .header: steps.fail("refused for one rotten header block: \(why)")
      case .frame: break
      }
    }
    if state.segments.contains(where: { $0.headers == 0 }) { return refuse("a segment without a header") }

    // X, what counts before it, and D.
    var end: Int8 = 0, proof: Int8 = 0, recovered: Int8 = 0, batch: Int8 = 0
    var counts = true
    var lastHolds = false
    for (index, segment) in state.segments.enumerated() {
      proof = max(proof, segment.startLSN)
      counts = end == segment.startLSN
      lastHolds = false
      let limit = index + 1 < state.segments.count ? state.segments[index + 1].startLSN : Int8.max
      for frame in segment.frames {
        if frame.isRotten {
          counts = false
          continue
        }
        proof = max(proof, frame.durableLSN)
        let chains = mutation == .chainsBatchesByOne ? frame.batch == batch + 1 : frame.batch > batch
        counts = counts && frame.lsn == end && frame.lsn < limit && chains
        guard counts else { continue }
        end += 1
        recovered += frame.transactions
        batch = frame.batch
        lastHolds = true
      }
    }
    if proof > end && mutation != .appendsAfterDamage { return refuse("the log ends at \(end), but \(proof) was on disk") }
    // Rot in the last frame before its seal cannot be told from an unfinished write; nothing else may be lost.
    if recovered < (state.rot == .frame ? state.proven : state.acknowledged) {
      return steps.fail("opened with \(recovered) transactions of \(state.acknowledged) acknowledged, \(state.proven) proven")
    }
    guard lastHolds == false || state.segments.count < maxSegments else { return }

    steps.add(
      "opened at \(end) with \(recovered) transactions; a new segment is \(lastHolds ? "named" : "put in the last one's place")",
      from: state
    ) {
      if mutation != .opensWithoutFlush {
        for segment in $0.segments.indices {
          for frame in $0.segments[segment].frames.indices { $0.segments[segment].frames[frame].isFlushed = true }
        }
      }
      if !lastHolds { $0.replaced = $0.segments.removeLast() }
      $0.segments.append(Segment(startLSN: end, headers: headerCopies))
      $0.phase = .naming
      $0.endLSN = end
      $0.durableLSN = end
      $0.nextBatch = batch + 1
      $0.committed = recovered
      $0.acknowledged = min($0.acknowledged, recovered)
    }
  }
}
