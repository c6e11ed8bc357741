// The protocol of docs/storage.md §9 as a small model, searched exhaustively: every order in which its steps can interleave.

import TestSupport
import Testing

@Suite struct `The model of reuse and publication` {
  @Test func `no interleaving lets a page be reused that somebody may read`() {
    let outcome = ReuseModel().search()
    #expect(outcome.violation == nil, "\(outcome)")
    #expect(outcome.isWhole)
    // A model that reaches little proves little.
    #expect(outcome.states > 50_000)
  }

  @Test(arguments: ReuseModel.Mutation.allCases)
  func `each part of the protocol is needed`(_ mutation: ReuseModel.Mutation) {
    #expect(ReuseModel(mutation: mutation).search().violation != nil)
  }
}

/// A tree of one page: a writer, a log that publishes, one reader, and a collector that reads one kind of holder at a time.
struct ReuseModel: ProtocolModel {
  enum Mutation: CaseIterable, Sendable {
    /// The reader does not load the published batch again after storing its slot.
    case entersWithoutTest
    case forgetsClosed
    case forgetsPublished
    case forgetsReaders
    /// The collector reads against the direction in which batches move.
    case readsPublishedFirst
    case readsSlotsFirst
    /// A batch leaves the queue before it is published.
    case publishesLate
    /// A page of a closed batch is changed in place.
    case writesClosedPages
  }

  var mutation: Mutation?
  private let maxWrites = testScale > 1 ? 5 : 4
  private let pages = 4

  enum Place: Hashable { case closed, published, slots }

  private var order: [Place] {
    switch mutation {
    case .readsPublishedFirst: [.published, .closed, .slots]
    case .readsSlotsFirst: [.slots, .closed, .published]
    default: [.closed, .published, .slots]
    }
  }

  struct Root: Hashable {
    var page: Int
    var birth: Int
  }

  struct Retired: Hashable {
    var page: Int
    var birth: Int
    var free: Int
  }

  struct State: Hashable {
    var open = 2
    var writes = 0
    var isDirty = false
    /// The batch that wrote what each page holds now.
    var births: [Int]
    var free: Set<Int>
    var retired: [Retired] = []
    var working = 0
    /// The root of each closed batch.
    var roots = [1: Root(page: 0, birth: 1)]
    var closed: [Int] = []
    var published = 1
    /// The batch that is between queue and published.
    var moving: Int?
    /// 0 outside, 1 a number loaded, 2 slot stored, 3 reading.
    var readerStep = 0
    var readerBatch = 0
    var slot: Int?
    /// How many kinds of holders the collector has read, and what it found; nil if none is at work.
    var collected: Int?
    var holders: Set<Int> = []
  }

  var start: State { State(births: [1] + Array(repeating: 0, count: pages - 1), free: Set(1..<pages)) }

  func addSteps(from state: State, to steps: inout Steps<State>) {
    // A root that is read, or can be from now on, must not lose its page.
    var readable = state.closed + [state.published]
    if let moving = state.moving { readable.append(moving) }
    if state.readerStep == 3 { readable.append(state.readerBatch) }
    for batch in readable {
      let root = state.roots[batch]!
      guard state.births[root.page] == root.birth else {
        return steps.fail("page \(root.page) was used again, and batch \(batch) needs it")
      }
    }
    func step(_ name: @autoclosure () -> String, _ change: (inout State) -> Void) {
      var next = state
      change(&next)
      // Roots that nobody will ask for again would only tell equal states apart.
      for batch in next.roots.keys
      where batch != next.published && batch != next.readerBatch && batch != next.moving && !next.closed.contains(batch) {
        next.roots[batch] = nil
      }
      steps.add(name(), next)
    }
    if let collected = state.collected {
      step("the collector reads the \(order[collected])") { collect(&$0, collected) }
    } else {
      writerSteps(state, step)
    }
    logSteps(state, step)
    readerSteps(state, step)
  }

  private func writerSteps(_ state: State, _ step: (@autoclosure () -> String, (inout State) -> Void) -> Void) {
    if state.writes < maxWrites {
      if state.isDirty {
        step("a page of the open batch is changed in place") { $0.writes += 1 }
      } else if mutation == .writesClosedPages && !state.closed.isEmpty {
        step("page \(state.working) of a closed batch is changed in place") {
          $0.births[$0.working] = $0.open
          $0.writes += 1
        }
      } else {
        // The two lowest: which one is taken makes no difference in kind.
        for page in state.free.sorted().prefix(2) {
          step("batch \(state.open) puts page \(page) in the place of \(state.working)") {
            $0.retired.append(Retired(page: $0.working, birth: $0.births[$0.working], free: $0.open))
            $0.free.remove(page)
            $0.births[page] = $0.open
            $0.working = page
            $0.writes += 1
            $0.isDirty = true
          }
        }
      }
    }
    if state.isDirty && state.closed.count < 2 {
      step("batch \(state.open) is closed") {
        $0.roots[$0.open] = Root(page: $0.working, birth: $0.births[$0.working])
        $0.closed.append($0.open)
        $0.open += 1
        $0.isDirty = false
        $0.collected = 0
        $0.holders = []
      }
    }
  }

  /// One kind of holder; after the last one the pages that none of them covers are freed.
  private func collect(_ state: inout State, _ collected: Int) {
    switch order[collected] {
    case .closed where mutation != .forgetsClosed: state.holders.formUnion(state.closed)
    case .published where mutation != .forgetsPublished: state.holders.insert(state.published)
    case .slots where mutation != .forgetsReaders: if let slot = state.slot { state.holders.insert(slot) }
    case .closed, .published, .slots: break
    }
    state.collected = collected + 1
    guard collected + 1 == order.count else { return }
    let holders = state.holders
    let unheld = state.retired.filter { page in !holders.contains { page.birth <= $0 && $0 < page.free } }
    state.retired.removeAll { unheld.contains($0) }
    state.free.formUnion(unheld.map(\.page))
    state.collected = nil
    state.holders = []
  }

  private func logSteps(_ state: State, _ step: (@autoclosure () -> String, (inout State) -> Void) -> Void) {
    let isLate = mutation == .publishesLate
    if let moving = state.moving {
      step(isLate ? "batch \(moving) is published" : "batch \(moving) leaves the queue") {
        if isLate { $0.published = moving } else { $0.closed.removeFirst() }
        $0.moving = nil
      }
    } else if let oldest = state.closed.first {
      step(isLate ? "batch \(oldest) leaves the queue" : "batch \(oldest) is published") {
        if isLate { $0.closed.removeFirst() } else { $0.published = oldest }
        $0.moving = oldest
      }
    }
  }

  private func readerSteps(_ state: State, _ step: (@autoclosure () -> String, (inout State) -> Void) -> Void) {
    switch state.readerStep {
    case 0:
      step("the reader loads the published batch \(state.published)") {
        $0.readerBatch = $0.published
        $0.readerStep = 1
      }
    case 1:
      step("the reader stores \(state.readerBatch) into its slot") {
        $0.slot = $0.readerBatch
        $0.readerStep = 2
      }
    case 2:
      step("the reader tests whether \(state.readerBatch) is still published") {
        if $0.published == $0.readerBatch || mutation == .entersWithoutTest { $0.readerStep = 3 } else { leave(&$0) }
      }
    default: step("the reader leaves") { leave(&$0) }
    }
  }

  private func leave(_ state: inout State) {
    state.readerStep = 0
    state.readerBatch = 0
    state.slot = nil
  }
}
