// What a simulated disk holds: contents and names as the process sees them, and as they would be after a power cut.

import Platform

/// The state of a simulated file system, a value: a copy is a snapshot.
///
/// Contents are tracked by sectors of 512 bytes, sizes and names by single changes. Until the right flush, each changed sector, each
/// change of a size and each changed name may or may not survive a power cut, independently of the others.
package struct SimulatedDisk: Sendable {
  package static let sectorByteCount = 512
  static let blockByteCount = 4096

  struct Node: Sendable {
    /// As the process reads it.
    var visible: [UInt8] = []
    /// As the device has it.
    var durable: [UInt8] = []
    /// Sectors that may differ and that the next flush writes.
    var dirtySectors: Set<Int> = []
    /// Sectors that a failed flush marked clean: seen in the page cache only, and written by no flush.
    var forgottenSectors: Set<Int> = []
    /// Changes of the size that are not durable, in their order. `durable` has the size before them.
    var sizeChanges: [SizeChange] = []
    /// How often the process has it open: it lives so long, with or without a name.
    var opens = 0
  }

  /// A change of a file's size, and what made it.
  enum SizeChange: Hashable, Sendable {
    case write(byteCount: Int)
    case allocate(byteCount: Int)
    case truncate(byteCount: Int)

    /// What stays when something is cut off does not come back: what lies behind a cut reads as zeros for ever.
    func apply(to bytes: inout [UInt8]) {
      switch self {
      case .write(let count), .allocate(let count):
        if count > bytes.count { bytes += [UInt8](repeating: 0, count: count - bytes.count) }
      case .truncate(let count):
        if count < bytes.count { bytes.removeSubrange(count...) } else { Self.write(byteCount: count).apply(to: &bytes) }
      }
    }
  }

  /// One step in a folder that happens wholly or not at all.
  struct NameChange: Sendable {
    var folder: String
    var removed: String?
    var added: (name: String, node: Int)?
  }

  var nodes: [Int: Node] = [:]
  var nextNode = 1
  /// Folders that exist, with what the process finds in them.
  var folders: [String: [String: Int]] = [:]
  /// The same as the device has it. A folder's own name may be lost all the same, while it is in `newFolders`.
  var durableFolders: [String: [String: Int]] = [:]
  /// In the order in which they happened.
  var nameChanges: [NameChange] = []
  /// Folders that were made and not yet flushed into their parents.
  var newFolders: Set<String> = []
  /// Bytes that the device has in all, in whole blocks.
  package var capacity = Int.max

  package init(folder: String) {
    folders[folder] = [:]
    durableFolders[folder] = [:]
  }

  static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
  }

  func node(_ path: String) -> Int? {
    let (folder, name) = Self.split(path)
    return folders[folder]?[name]
  }

  // MARK: Changing

  mutating func change(_ change: NameChange) {
    Self.apply(change, to: &folders)
    nameChanges.append(change)
  }

  static func apply(_ change: NameChange, to folders: inout [String: [String: Int]]) {
    if let name = change.removed { folders[change.folder]?[name] = nil }
    guard let added = change.added, let names = folders[change.folder] else { return }
    // A file has one name: if an older change of it was lost, the newer one takes the name away all the same.
    for (name, node) in names where node == added.node { folders[change.folder]?[name] = nil }
    folders[change.folder]?[added.name] = added.node
  }

  mutating func write(_ bytes: [UInt8], to node: Int, at offset: Int) throws(Errno) {
    if bytes.isEmpty { return }
    let end = offset + bytes.count
    try grow(node, .write(byteCount: end), to: end)
    nodes[node]!.visible.replaceSubrange(offset..<end, with: bytes)
    for sector in offset / Self.sectorByteCount..<(end + Self.sectorByteCount - 1) / Self.sectorByteCount {
      nodes[node]!.dirtySectors.insert(sector)
      if !nodes[node]!.forgottenSectors.isEmpty { nodes[node]!.forgottenSectors.remove(sector) }
    }
  }

  /// Takes room for a range; what lies in it keeps its contents.
  mutating func allocate(_ range: Range<Int>, of node: Int) throws(Errno) {
    try grow(node, .allocate(byteCount: range.upperBound), to: range.upperBound)
  }

  mutating func truncate(_ node: Int, to byteCount: Int) throws(Errno) {
    if byteCount > nodes[node]!.visible.count { return try grow(node, .truncate(byteCount: byteCount), to: byteCount) }
    nodes[node]!.visible.removeSubrange(byteCount...)
    nodes[node]!.sizeChanges.append(.truncate(byteCount: byteCount))
    let sectors = (byteCount + Self.sectorByteCount - 1) / Self.sectorByteCount
    nodes[node]!.dirtySectors = nodes[node]!.dirtySectors.filter { $0 < sectors }
    nodes[node]!.forgottenSectors = nodes[node]!.forgottenSectors.filter { $0 < sectors }
  }

  private mutating func grow(_ node: Int, _ change: SizeChange, to byteCount: Int) throws(Errno) {
    let old = nodes[node]!.visible.count
    guard byteCount > old else { return }
    if capacity != Int.max {
      let growth = Self.blocks(byteCount) - Self.blocks(old)
      if growth * Self.blockByteCount > capacity - usedByteCount { throw .noSpace }
    }
    nodes[node]!.visible += [UInt8](repeating: 0, count: byteCount - old)
    // Writes that follow one another grow the file in one go, so that few changes are left to choose among.
    if case .write = change, case .write = nodes[node]!.sizeChanges.last { nodes[node]!.sizeChanges.removeLast() }
    nodes[node]!.sizeChanges.append(change)
  }

  private static func blocks(_ byteCount: Int) -> Int { (byteCount + blockByteCount - 1) / blockByteCount }

  package var usedByteCount: Int { nodes.values.reduce(0) { $0 + Self.blocks($1.visible.count) * Self.blockByteCount } }

  // MARK: Making durable

  mutating func sync(_ node: Int) {
    if !nodes[node]!.sizeChanges.isEmpty {
      for change in nodes[node]!.sizeChanges { change.apply(to: &nodes[node]!.durable) }
      nodes[node]!.sizeChanges = []
    }
    flush(nodes[node]!.dirtySectors, of: node)
    nodes[node]!.dirtySectors = []
  }

  /// Copies sectors to the device, as far as the file is long enough there.
  private mutating func flush(_ sectors: Set<Int>, of node: Int) {
    let count = min(nodes[node]!.visible.count, nodes[node]!.durable.count)
    for sector in sectors {
      let range = Self.bytes(of: sector, in: count)
      if !range.isEmpty { nodes[node]!.durable.replaceSubrange(range, with: nodes[node]!.visible[range]) }
    }
  }

  /// What a flush that fails leaves behind, seen from the process.
  package enum SyncFailure: CaseIterable, Sendable {
    /// What was to be written counts as clean, is written by no later flush, and leaves the page cache at any time.
    case forgotten
    /// The same, but it stays in the page cache, for later processes too, until somebody asks to drop it or the power goes.
    case readableUntilDropped
    /// What was to be written is gone at once, and reads show what was there before.
    case reverted
  }

  /// A flush fails after some sectors arrived.
  mutating func failSync(_ node: Int, _ failure: SyncFailure, isDirect: Bool, using generator: inout SeededGenerator) {
    let arrives = generator.number(0..<3) == 0
    let arrived = nodes[node]!.dirtySectors.sorted().filter { _ in arrives && Bool.random(using: &generator) }
    flush(Set(arrived), of: node)
    nodes[node]!.dirtySectors.subtract(arrived)
    switch failure {
    case .reverted:
      nodes[node]!.forgottenSectors.formUnion(nodes[node]!.dirtySectors)
      nodes[node]!.dirtySectors = []
      dropCache(node)
    case .forgotten, .readableUntilDropped:
      // Past the page cache nothing is clean or not: the sectors may still be on their way, and a later flush writes them.
      if isDirect { return }
      nodes[node]!.forgottenSectors.formUnion(nodes[node]!.dirtySectors)
      nodes[node]!.dirtySectors = []
    }
  }

  /// Shows what the device has wherever nothing is left to write.
  mutating func dropCache(_ node: Int) {
    let forgotten = nodes[node]!.forgottenSectors
    if forgotten.isEmpty { return }
    let count = nodes[node]!.visible.count
    var device = nodes[node]!.durable
    for change in nodes[node]!.sizeChanges { change.apply(to: &device) }
    for sector in forgotten {
      let range = Self.bytes(of: sector, in: count)
      if !range.isEmpty { nodes[node]!.visible.replaceSubrange(range, with: device[range]) }
    }
    nodes[node]!.forgottenSectors = []
  }

  mutating func syncFolder(_ folder: String) {
    for change in nameChanges where change.folder == folder { Self.apply(change, to: &durableFolders) }
    nameChanges.removeAll { $0.folder == folder }
    newFolders = newFolders.filter { Self.split($0).folder != folder }
    freeNameless()
  }

  /// The process ended.
  mutating func closeAll() {
    for id in nodes.keys { nodes[id]!.opens = 0 }
    freeNameless()
  }

  /// Gives back the blocks of files that are not open and have no name, not even one that a power cut could bring back.
  mutating func freeNameless() {
    var named = Set(folders.values.flatMap(\.values) + durableFolders.values.flatMap(\.values))
    for change in nameChanges { if let added = change.added { named.insert(added.node) } }
    if named.count < nodes.count { nodes = nodes.filter { named.contains($0.key) || $0.value.opens > 0 } }
  }

  static func bytes(of sector: Int, in count: Int) -> Range<Int> {
    min(count, sector * sectorByteCount)..<min(count, (sector + 1) * sectorByteCount)
  }
}
