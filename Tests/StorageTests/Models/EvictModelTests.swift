// How a frame of the cache is taken from under its readers, as a model in which every thread has a store buffer. docs/storage.md §11.

import TestSupport
import Testing

@Suite struct `The model of eviction` {
  @Test(arguments: testScale > 1 ? [(2, 1), (1, 2), (2, 2)] : [(2, 1), (1, 2)])
  func `nobody reads a frame that holds something else and no change is lost`(readers: Int, evictors: Int) {
    let outcome = EvictModel(readers: readers, evictors: evictors).search()
    #expect(outcome.violation == nil, "\(outcome)")
    #expect(outcome.isWhole)
    // A model that reaches little proves little.
    #expect(outcome.states > 10_000)
  }

  @Test(arguments: EvictModel.Mutation.allCases)
  func `each rule of eviction is needed`(_ mutation: EvictModel.Mutation) {
    #expect(EvictModel(mutation: mutation, evictors: 2).search().violation != nil)
  }
}

/// One page id in two versions: the one that snapshots see, and the one that reuses the id when none is left.
///
/// A store goes into the buffer of its thread and from there to memory at any later moment, in order; loads see memory and the
/// thread's own buffer; a fence or a locked instruction waits until the buffer is empty. That is what x86 does (total store order).
struct EvictModel: ProtocolModel {
  enum Mutation: CaseIterable, Sendable {
    /// The snapshot is given up while the page is read, and the page is installed nevertheless.
    case installsWithoutSnapshot
    /// No fence between the store of the reader's epoch and its first load of the translation.
    case omitsFence
    case revokesLeaseInsideStep
    /// A store instead of a compare-and-swap takes the frame out of the translation.
    case unlinksByStore
    /// The new version goes into the translation only where nothing stands.
    case addsNewPageOnlyToEmpty
    /// Between choosing a frame and unlinking it the evictor holds no epoch.
    case evictsOutsideEpoch
  }

  var mutation: Mutation?
  var readers = 1
  var evictors = 1
  private var maxEpoch: Int8 { readers == 1 || testScale > 1 ? 4 : 3 }
  private let frames = 3

  enum Step: Hashable {
    case between, epochLoaded, epochStored, frameFound, missed, looksForFrame, pageRead, outside
  }

  struct Reader: Hashable {
    var step = Step.between
    /// The version that the snapshot covers, 0 without one; and the one that the reader must find.
    var snapshot: Int8 = 1
    var version: Int8 = 1
    var epoch: Int8 = 0
    var frame: Int8 = 0
    /// In memory; 0 is idle. And the stores to it that are still in the buffer.
    var slot: Int8 = 0
    var buffer: [Int8] = []
    var isRevoked = false
  }

  struct Evictor: Hashable {
    /// 0 without work, 1 a frame chosen, 2 it is unlinked.
    var step: Int8 = 0
    /// One more than the number of the frame, as in the translation.
    var chosen: Int8 = 0
    var slot: Int8 = 0
    /// Whether a store of 0 to the translation is still in the buffer.
    var isUnlinkBuffered = false
  }

  struct Unlinked: Hashable {
    var frame: Int8
    var epoch: Int8
  }

  struct State: Hashable {
    /// One more than the number of the frame; 0 where the page is not in memory.
    var translation: Int8 = 1
    var globalEpoch: Int8 = 1
    /// The version in each frame; 0 is free.
    var frames: [Int8]
    var limbo: [Unlinked] = []
    var disk: Int8 = 1
    var current: Int8 = 1
    /// As in the translation: what is not on disk yet.
    var dirty: Int8 = 0
    var readers: [Reader]
    var evictors: [Evictor]
  }

  var start: State {
    State(
      frames: [1] + Array(repeating: 0, count: frames - 1), readers: Array(repeating: Reader(), count: readers),
      evictors: Array(repeating: Evictor(), count: evictors))
  }

  func addSteps(from state: State, to steps: inout Steps<State>) {
    if let violation = violation(in: state) { return steps.fail(violation) }
    for index in state.readers.indices {
      addReaderSteps(from: state, index, to: &steps)
      if steps.violation != nil { return }
    }
    for index in state.evictors.indices { addEvictorSteps(from: state, index, to: &steps) }
    addReclaim(from: state, to: &steps)
    addWriterSteps(from: state, to: &steps)
  }

  /// Whoever looks for the current version must find it, in memory or on disk; and a frame has one way to freedom.
  private func violation(in state: State) -> String? {
    for (index, unlinked) in state.limbo.enumerated() {
      if state.limbo[..<index].contains(where: { $0.frame == unlinked.frame }) {
        return "frame \(unlinked.frame) is unlinked twice"
      }
      if state.frames[Int(unlinked.frame)] == 0 { return "frame \(unlinked.frame) is free and will be freed again" }
    }
    guard state.current == 2 else { return nil }
    if state.translation > 0, state.frames[Int(state.translation - 1)] != 2 { return "the translation leads to the old version" }
    if state.translation == 0, state.disk != 2 { return "the new version is neither in memory nor on disk" }
    return nil
  }

  private func freeFrame(_ state: State) -> Int? { state.frames.firstIndex(of: 0) }

  // MARK: Reader

  private func addReaderSteps(from state: State, _ index: Int, to steps: inout Steps<State>) {
    let reader = state.readers[index]
    func step(_ name: @autoclosure () -> String, _ change: (inout State, inout Reader) -> Void) {
      var next = state
      var changed = reader
      change(&next, &changed)
      next.readers[index] = changed
      steps.add("reader \(index) \(name())", next)
    }
    if let store = reader.buffer.first {
      step("has its epoch \(store) reach memory") {
        $1.buffer.removeFirst()
        $1.slot = store
      }
    }
    if !reader.isRevoked && reader.snapshot == 1 && (reader.step == .between || mutation == .revokesLeaseInsideStep) {
      step("has its lease revoked") {
        $1.isRevoked = true
        $1.snapshot = 0
        if $1.step == .between { $1.step = .outside }
      }
    }
    switch reader.step {
    case .outside:
      if state.current == 2 && reader.buffer.isEmpty {
        step("takes a snapshot of the new version") {
          $1 = Reader()
          $1.snapshot = 2
          $1.version = 2
        }
      }
    case .between:
      step("loads the global epoch \(state.globalEpoch)") {
        $1.step = .epochLoaded
        $1.epoch = $0.globalEpoch
      }
      if reader.buffer.isEmpty {
        step("ends its snapshot") {
          $1.step = .outside
          $1.snapshot = 0
        }
      }
    case .epochLoaded:
      guard reader.buffer.count < 2 else { break }
      step("stores its epoch \(reader.epoch)") {
        $1.step = .epochStored
        $1.buffer.append($1.epoch)
        $1.epoch = 0
      }
    case .epochStored:
      guard reader.buffer.isEmpty || mutation == .omitsFence else { break }
      step("finds \(state.translation == 0 ? "nothing" : "frame \(state.translation - 1)") in the translation") {
        $1.step = $0.translation == 0 ? .missed : .frameFound
        $1.frame = $0.translation
      }
    case .frameFound:
      let found = state.frames[Int(reader.frame - 1)]
      guard found == reader.version else {
        return steps.fail("a reader of version \(reader.version) finds \(found) in frame \(reader.frame - 1)")
      }
      guard reader.buffer.count < 2 else { break }
      step("reads its frame and sets its epoch idle") {
        $1.buffer.append(0)
        $1.frame = 0
        $1.step = $1.isRevoked ? .outside : .between
      }
    case .missed:
      guard reader.buffer.count < 2 else { break }
      step("sets its epoch idle to read from disk") {
        $1.buffer.append(0)
        $1.step = .looksForFrame
        if mutation == .installsWithoutSnapshot { $1.snapshot = 0 }
      }
    case .looksForFrame:
      guard let frame = freeFrame(state) else { break }
      step("reads version \(state.disk) from disk into frame \(frame)") {
        $0.frames[frame] = $0.disk
        $1.frame = Int8(frame + 1)
        $1.step = .pageRead
      }
    case .pageRead:
      guard reader.buffer.isEmpty else { break }
      step(state.translation == 0 ? "installs its frame" : "comes too late to install and frees its frame") {
        if $0.translation == 0 { $0.translation = $1.frame } else { $0.frames[Int($1.frame - 1)] = 0 }
        $1.frame = 0
        $1.step = $1.snapshot == 0 ? .outside : .between
      }
    }
  }

  // MARK: Evictor

  private func addEvictorSteps(from state: State, _ index: Int, to steps: inout Steps<State>) {
    let evictor = state.evictors[index]
    func step(_ name: @autoclosure () -> String, _ change: (inout State, inout Evictor) -> Void) {
      var next = state
      var changed = evictor
      change(&next, &changed)
      next.evictors[index] = changed
      steps.add("evictor \(index) \(name())", next)
    }
    if evictor.isUnlinkBuffered {
      step("has its 0 reach the translation") {
        $0.translation = 0
        $1.isUnlinkBuffered = false
      }
    }
    switch evictor.step {
    case 0:
      guard state.translation > 0, state.translation != state.dirty, state.globalEpoch < maxEpoch else { break }
      step("chooses frame \(state.translation - 1)") {
        $1.step = 1
        $1.chosen = $0.translation
        $1.slot = mutation == .evictsOutsideEpoch ? 0 : $0.globalEpoch
      }
    case 1:
      if mutation == .unlinksByStore {
        step("stores 0 into the translation") {
          $1.isUnlinkBuffered = true
          $1.step = 2
        }
      } else if state.translation == evictor.chosen {
        step("swaps frame \(evictor.chosen - 1) for 0") {
          $0.translation = 0
          $1.step = 2
        }
      } else {
        step("finds another entry and gives up") { $1 = Evictor() }
      }
    default:
      guard !evictor.isUnlinkBuffered, state.globalEpoch < maxEpoch else { break }
      step("advances the global epoch and puts frame \(evictor.chosen - 1) in limbo") {
        $0.globalEpoch += 1
        $0.limbo.append(Unlinked(frame: $1.chosen - 1, epoch: $0.globalEpoch))
        $1 = Evictor()
      }
    }
  }

  /// Anyone who looks for a free frame may find that nobody can be reading this one any more.
  private func addReclaim(from state: State, to steps: inout Steps<State>) {
    for (index, unlinked) in state.limbo.enumerated() {
      let slots = state.readers.map(\.slot) + state.evictors.map(\.slot)
      guard slots.allSatisfy({ $0 == 0 || $0 >= unlinked.epoch }) else { continue }
      steps.add("frame \(unlinked.frame) is free", from: state) {
        $0.limbo.remove(at: index)
        $0.frames[Int(unlinked.frame)] = 0
      }
    }
  }

  // MARK: Writer

  private func addWriterSteps(from state: State, to steps: inout Steps<State>) {
    if state.dirty > 0 {
      steps.add("the new version is written to disk", from: state) {
        $0.disk = 2
        $0.dirty = 0
      }
    }
    guard state.current == 1, state.readers.allSatisfy({ $0.snapshot == 0 }), let frame = freeFrame(state) else { return }
    if mutation == .addsNewPageOnlyToEmpty && state.translation != 0 {
      steps.add("the id is used again, but its entry is not empty", from: state) { $0.current = 2 }
      return
    }
    guard state.globalEpoch < maxEpoch else { return }
    steps.add("the id is used again, in frame \(frame)", from: state) {
      if $0.translation > 0 {
        $0.globalEpoch += 1
        $0.limbo.append(Unlinked(frame: $0.translation - 1, epoch: $0.globalEpoch))
      }
      $0.current = 2
      $0.frames[frame] = 2
      $0.translation = Int8(frame + 1)
      $0.dirty = $0.translation
    }
  }
}
