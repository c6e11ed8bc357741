// A file system in memory that crashes, fails and fills up when a test says so.

package import Platform
package import Storage
import Synchronization

/// What the call at which a process ends still does.
package enum CrashEffect: CaseIterable, Sendable {
  case none
  /// A write stops after some of its sectors; all other calls do what they should.
  case part
  case whole
}

/// What a simulated file system does wrong.
package struct Faults: Sendable {
  /// The process ends at this call: nothing has an effect from then on. Calls count from 1.
  package var crashCall: Int?
  package var crashEffect = CrashEffect.none
  /// The process ends also at the call that contains this text, after so many that do.
  package var crashText: String?
  package var crashTextCount = 0
  /// Flushes of files fail from this call on, until this many have failed.
  package var failingSyncs = 0
  package var firstFailingSyncCall = 0
  /// What such a flush leaves behind.
  package var syncFailure = SimulatedDisk.SyncFailure.forgotten
  /// One flush in this many says that it is done and does nothing; 0 for none.
  package var lies = 0
  /// Reads fail at this call.
  package var failingReadCall: Int?
  /// Writes fail at this call.
  package var failingWriteCall: Int?
  /// New names are refused for want of room.
  package var hasNoRoomForNames = false
  /// From the first of these calls to the last, everything that takes room is refused.
  package var fullCalls: ClosedRange<Int>?
  /// One call in this many is interrupted, and one in as many is short; 0 for none.
  package var disturbance = 0
  package var grantsDirect = true
  /// Direct transfers are granted at open and refused afterwards.
  package var refusesDirectTransfers = false
  /// Room cannot be reserved without writing.
  package var cannotAllocate = false
  /// The process is out of descriptors: nothing can be opened.
  package var hasNoDescriptors = false

  package init() {}

  func isFull(_ call: Int) -> Bool { fullCalls?.contains(call) ?? false }
}

/// Files for one process at a time. `kill` and `cutPower` end the process: its open files fail from then on.
package final class SimulatedFileSystem: FileSystem {
  struct State {
    var disk: SimulatedDisk
    var faults = Faults()
    var calls = 0
    var isDead = false
    var process = 1
    var locks: Set<Int> = []
    var generator: SeededGenerator
    var trace: [String] = []
  }

  let state: Mutex<State>
  /// Called before each call, from which the test may do something else with the database: what happens "meanwhile".
  private let meanwhile = Mutex<Hook<Void>?>(nil)

  /// Told of each call that is made, before it has an effect.
  private let observer = Mutex<Hook<String>?>(nil)

  /// What every call of a process that was ended throws.
  package static let ended = Errno(9999)

  package init(_ disk: SimulatedDisk, seed: UInt64 = 1) {
    state = Mutex(State(disk: disk, generator: SeededGenerator(seed: seed)))
  }

  // MARK: What tests see and set

  package var disk: SimulatedDisk {
    get { state.withLock { $0.disk } }
    set { state.withLock { $0.disk = newValue } }
  }

  package var faults: Faults {
    get { state.withLock { $0.faults } }
    set { state.withLock { $0.faults = newValue } }
  }

  /// How many calls were made since the beginning.
  package var calls: Int { state.withLock { $0.calls } }
  package var hasCrashed: Bool { state.withLock { $0.isDead } }
  /// The last calls, oldest first, for failure messages.
  package var trace: [String] { state.withLock { $0.trace } }

  /// Leaves this many bytes for files to grow; nil for as many as they like.
  package func limitRoom(to byteCount: Int?) {
    state.withLock { state in state.disk.capacity = byteCount.map { state.disk.usedByteCount + $0 } ?? Int.max }
  }

  package func setMeanwhile(_ body: (@Sendable () -> Void)?) {
    let hook = body.map { body in Hook<Void> { _ in body() } }
    meanwhile.withLock { $0 = hook }
  }

  package func setObserver(_ body: (@Sendable (String) -> Void)?) {
    let hook = body.map { Hook($0) }
    observer.withLock { $0 = hook }
  }

  /// The process forgets everything; what it wrote stays visible, and unsynced as it was.
  package func kill() {
    state.withLock { state in
      state.process += 1
      state.isDead = false
      state.locks = []
      state.disk.closeAll()
      state.faults.crashCall = nil
      state.faults.crashText = nil
    }
  }

  /// The machine stops; `disk` is what it finds when it starts again.
  package func cutPower(leaving disk: SimulatedDisk) {
    kill()
    state.withLock { $0.disk = disk }
  }

  // MARK: FileSystem

  package func open(_ path: String, _ access: FileAccess, direct: Bool) throws(Errno) -> any StoredFile {
    let (node, process, isDirect) = try call("open \(path)") { state throws(Errno) in
      if state.faults.hasNoDescriptors { throw .tooManyOpen }
      let (folder, name) = SimulatedDisk.split(path)
      guard state.disk.folders[folder] != nil else { throw .notFound }
      if let node = state.disk.node(path) {
        if access == .createNew { throw .exists }
        state.disk.nodes[node]!.opens += 1
        return (node, state.process, direct && state.faults.grantsDirect)
      }
      guard access == .createNew || access == .createOrOpen else { throw .notFound }
      if state.faults.hasNoRoomForNames || state.faults.isFull(state.calls) { throw .noSpace }
      let node = state.disk.nextNode
      state.disk.nextNode += 1
      state.disk.nodes[node] = SimulatedDisk.Node(opens: 1)
      state.disk.change(SimulatedDisk.NameChange(folder: folder, removed: nil, added: (name, node)))
      return (node, state.process, direct && state.faults.grantsDirect)
    }
    return SimulatedFile(self, path, node: node, process: process, isDirect: isDirect)
  }

  package func names(in path: String) throws(Errno) -> [String] {
    try call("list \(path)") { state throws(Errno) in
      guard let names = state.disk.folders[path] else { throw .notFound }
      return names.keys.sorted()
    }
  }

  package func createDirectory(_ path: String) throws(Errno) {
    try call("mkdir \(path)") { state throws(Errno) in
      if state.disk.folders[path] != nil { throw .exists }
      if state.faults.hasNoRoomForNames || state.faults.isFull(state.calls) { throw .noSpace }
      state.disk.folders[path] = [:]
      state.disk.durableFolders[path] = [:]
      state.disk.newFolders.insert(path)
    }
  }

  package func rename(_ old: String, to new: String) throws(Errno) {
    try call("rename \(old) \(new)") { state throws(Errno) in
      guard let node = state.disk.node(old) else { throw .notFound }
      if state.faults.hasNoRoomForNames || state.faults.isFull(state.calls) { throw .noSpace }
      let (folder, name) = SimulatedDisk.split(new)
      state.disk.change(
        SimulatedDisk.NameChange(folder: folder, removed: SimulatedDisk.split(old).name, added: (name, node)))
      state.disk.freeNameless()
    }
  }

  package func remove(_ path: String) throws(Errno) {
    try call("unlink \(path)") { state throws(Errno) in
      guard state.disk.node(path) != nil else { throw .notFound }
      let (folder, name) = SimulatedDisk.split(path)
      state.disk.change(SimulatedDisk.NameChange(folder: folder, removed: name, added: nil))
      state.disk.freeNameless()
    }
  }

  package func syncDirectory(_ path: String) throws(Errno) {
    if faults.hasNoDescriptors { throw .tooManyOpen }
    try syncDirectory(path, of: nil)
  }

  package func openDirectory(_ path: String) throws(Errno) -> any StoredDirectory {
    let process = try call("open \(path)") { state throws(Errno) in
      if state.faults.hasNoDescriptors { throw .tooManyOpen }
      guard state.disk.folders[path] != nil else { throw .notFound }
      return state.process
    }
    return SimulatedDirectory(self, path, process: process)
  }

  func syncDirectory(_ path: String, of process: Int?) throws(Errno) {
    try call("fsync \(path)", of: process) { state throws(Errno) in
      try Self.failSync(&state)
      if !Self.lies(&state) { state.disk.syncFolder(path) }
    }
  }

  // MARK: The call counter

  func call<Value: Sendable>(
    _ what: String, of process: Int? = nil, _ body: (inout State) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    // Not while a page is read: that happens inside a transaction of this thread, which must not begin another one.
    if !what.hasPrefix("read "), let hook = meanwhile.withLock({ $0 }) { hook.body(()) }
    if let hook = observer.withLock({ $0 }) { hook.body(what) }
    return try state.withLock { state throws(Errno) in
      if state.isDead || process.map({ $0 != state.process }) ?? false { throw Self.ended }
      state.calls += 1
      state.trace.append(what)
      if state.trace.count > 60 { state.trace.removeFirst(20) }
      guard Self.isEnd(what, &state.faults, call: state.calls) else { return try body(&state) }
      state.isDead = true
      if state.faults.crashEffect != .none { _ = try body(&state) }
      throw Self.ended
    }
  }

  static func failSync(_ state: inout State) throws(Errno) {
    guard state.faults.failingSyncs > 0, state.calls >= state.faults.firstFailingSyncCall else { return }
    state.faults.failingSyncs -= 1
    throw .io
  }

  private static func isEnd(_ what: String, _ faults: inout Faults, call: Int) -> Bool {
    if call == faults.crashCall { return true }
    guard let text = faults.crashText, what.contains(text) else { return false }
    faults.crashTextCount -= 1
    return faults.crashTextCount < 0
  }

  static func lies(_ state: inout State) -> Bool {
    state.faults.lies > 0 && state.generator.number(0..<state.faults.lies) == 0
  }

  static func isDisturbed(_ state: inout State) -> Bool {
    state.faults.disturbance > 0 && state.generator.number(0..<state.faults.disturbance) == 0
  }
}

/// A closure behind a reference. Taken out of a mutex as it is, a closure comes back wrapped once more each time, and after a few
/// thousand calls most of the time goes into the wrappings.
private final class Hook<Argument>: Sendable {
  let body: @Sendable (Argument) -> Void
  init(_ body: @escaping @Sendable (Argument) -> Void) { self.body = body }
}
