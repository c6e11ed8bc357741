// An open file of the simulated file system.

import Platform
import Storage
import Synchronization

/// One open of a simulated file, by one process.
final class SimulatedFile: StoredFile {
  private let system: SimulatedFileSystem
  private let path: String
  private let node: Int
  private let process: Int
  private let direct: Atomic<Bool>

  var isDirect: Bool { direct.load(ordering: .relaxed) }

  init(_ system: SimulatedFileSystem, _ path: String, node: Int, process: Int, isDirect: Bool) {
    self.system = system
    self.path = path
    self.node = node
    self.process = process
    direct = Atomic(isDirect)
  }

  deinit {
    system.state.withLock { state in
      guard state.process == process else { return }
      state.locks.remove(node)
      state.disk.nodes[node]?.opens -= 1
      if state.disk.nodes[node]?.opens == 0 { state.disk.freeNameless() }
    }
  }

  func read(into bytes: inout MutableSpan<UInt8>, at offset: Int) throws(Errno) -> Int {
    let wanted = bytes.count
    let isAligned = isAligned(offset, wanted, unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) })
    let found = try system.call("read \(path) \(offset)+\(wanted)", of: process) { state throws(Errno) -> [UInt8] in
      precondition(isAligned, "a direct transfer that is not aligned: \(path) \(offset)")
      if isDirect && state.faults.refusesDirectTransfers { throw .invalid }
      if state.calls == state.faults.failingReadCall { throw .io }
      if SimulatedFileSystem.isDisturbed(&state) { throw .interrupted }
      // A clean page leaves the cache when the kernel likes, unless a test says that it stays.
      if isDirect || state.faults.syncFailure == .forgotten && state.generator.number(0..<4) == 0 { state.disk.dropCache(node) }
      let contents = state.disk.nodes[node]!.visible
      guard offset < contents.count else { return [] }
      var count = min(wanted, contents.count - offset)
      if SimulatedFileSystem.isDisturbed(&state) { count = shortened(count, &state) }
      return Array(contents[offset..<offset + count])
    }
    // SAFETY: `found` has at most `wanted` bytes.
    unsafe bytes.withUnsafeMutableBytes { unsafe $0.copyBytes(from: found) }
    return found.count
  }

  func write(_ bytes: Span<UInt8>, at offset: Int) throws(Errno) -> Int {
    let copy = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    let isAligned = isAligned(offset, copy.count, unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) })
    return try system.call("write \(path) \(offset)+\(copy.count)", of: process) { state throws(Errno) -> Int in
      precondition(isAligned, "a direct transfer that is not aligned: \(path) \(offset)")
      if isDirect && state.faults.refusesDirectTransfers { throw .invalid }
      if state.calls == state.faults.failingWriteCall { throw .io }
      if SimulatedFileSystem.isDisturbed(&state) { throw .interrupted }
      var count = SimulatedFileSystem.isDisturbed(&state) ? shortened(copy.count, &state) : copy.count
      if state.isDead && state.faults.crashEffect == .part { count = shortened(count, &state) }
      if state.faults.isFull(state.calls) && offset + count > state.disk.nodes[node]!.visible.count { throw .noSpace }
      try state.disk.write(Array(copy.prefix(count)), to: node, at: offset)
      return count
    }
  }

  func allocate(_ range: Range<Int>) throws(Errno) {
    try system.call("fallocate \(path) \(range.lowerBound)+\(range.count)", of: process) { state throws(Errno) in
      if SimulatedFileSystem.isDisturbed(&state) { throw .interrupted }
      if state.faults.cannotAllocate { throw .notSupported }
      if state.faults.isFull(state.calls) { throw .noSpace }
      try state.disk.allocate(range, of: node)
    }
  }

  func truncate(to byteCount: Int) throws(Errno) {
    try system.call("ftruncate \(path) \(byteCount)", of: process) { state throws(Errno) in
      if state.calls == state.faults.failingWriteCall { throw .io }
      if SimulatedFileSystem.isDisturbed(&state) { throw .interrupted }
      try state.disk.truncate(node, to: byteCount)
    }
  }

  func syncData() throws(Errno) {
    try system.call("fdatasync \(path)", of: process) { state throws(Errno) in
      do throws(Errno) {
        try SimulatedFileSystem.failSync(&state)
      } catch {
        state.disk.failSync(node, state.faults.syncFailure, isDirect: isDirect, using: &state.generator)
        throw error
      }
      if !SimulatedFileSystem.lies(&state) { state.disk.sync(node) }
    }
  }

  func size() throws(Errno) -> Int {
    try system.call("fstat \(path)", of: process) { state throws(Errno) in state.disk.nodes[node]!.visible.count }
  }

  func leaveDirect() throws(Errno) { direct.store(false, ordering: .relaxed) }

  func dropCache() throws(Errno) {
    try system.call("fadvise \(path)", of: process) { state throws(Errno) in state.disk.dropCache(node) }
  }

  func hasNoOtherUser() throws(Errno) -> Bool {
    try system.call("fstat \(path)", of: process) { state throws(Errno) in
      !state.disk.folders.values.contains { $0.values.contains(node) } && state.disk.nodes[node]!.opens == 1
    }
  }

  func lockExclusively() throws(Errno) {
    try system.call("flock \(path)", of: process) { state throws(Errno) in
      if !state.locks.insert(node).inserted { throw .again }
    }
  }

  private func isAligned(_ offset: Int, _ count: Int, _ address: UInt) -> Bool {
    !isDirect || (offset % 4096 == 0 && count % 4096 == 0 && address % 4096 == 0)
  }

  /// At least one sector less, and at least one sector if there is more than one.
  private func shortened(_ count: Int, _ state: inout SimulatedFileSystem.State) -> Int {
    let sectors = count / SimulatedDisk.sectorByteCount
    guard sectors > 1 else { return count }
    return state.generator.number(1..<sectors) * SimulatedDisk.sectorByteCount
  }
}

/// An open folder of one process.
final class SimulatedDirectory: StoredDirectory {
  private let system: SimulatedFileSystem
  private let path: String
  private let process: Int

  init(_ system: SimulatedFileSystem, _ path: String, process: Int) {
    self.system = system
    self.path = path
    self.process = process
  }

  func sync() throws(Errno) { try system.syncDirectory(path, of: process) }
}
