// What a simulated disk holds: contents and names as the process sees them, and as they would be after a power cut.

import Platform

/// The state of a simulated file system, a value: a copy is a snapshot.
///
/// Contents are tracked by sectors of 512 bytes and names by single changes. Until the right flush, each changed sector, each new size
/// and each changed name may or may not survive a power cut, independently of the others.
package struct SimulatedDisk: Sendable {
  package static let sectorByteCount = 512
  static let blockByteCount = 4096

  struct Node: Sendable {
    /// As the process reads it.
    var visible: [UInt8] = []
    /// As the device has it.
    var durable: [UInt8] = []
    /// Sectors that may differ and that the next flush writes. A sector that differs and is not here was marked clean by a failed flush.
    var dirtySectors: Set<Int> = []
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
    if let added = change.added { folders[change.folder]?[added.name] = added.node }
  }

  mutating func write(_ bytes: [UInt8], to node: Int, at offset: Int) throws(Errno) {
    let end = offset + bytes.count
    let old = nodes[node]!.visible.count
    if end > old {
      let growth = Self.blocks(end) - Self.blocks(old)
      if growth * Self.blockByteCount > capacity - usedByteCount { throw .noSpace }
      nodes[node]!.visible += [UInt8](repeating: 0, count: end - old)
    }
    nodes[node]!.visible.replaceSubrange(offset..<end, with: bytes)
    for sector in offset / Self.sectorByteCount..<(end + Self.sectorByteCount - 1) / Self.sectorByteCount {
      nodes[node]!.dirtySectors.insert(sector)
    }
  }

  private static func blocks(_ byteCount: Int) -> Int { (byteCount + blockByteCount - 1) / blockByteCount }

  package var usedByteCount: Int { nodes.values.reduce(0) { $0 + Self.blocks($1.visible.count) * Self.blockByteCount } }

  // MARK: Making durable

  mutating func sync(_ node: Int) {
    let visible = nodes[node]!.visible
    if nodes[node]!.durable.count != visible.count { nodes[node]!.durable = Self.resized(nodes[node]!.durable, visible.count) }
    for sector in nodes[node]!.dirtySectors {
      let range = Self.bytes(of: sector, in: visible.count)
      nodes[node]!.durable.replaceSubrange(range, with: visible[range])
    }
    nodes[node]!.dirtySectors = []
  }

  /// A flush that failed the way Linux fails: what was to be written counts as clean, is readable, and is lost.
  mutating func loseDirtySectors(_ node: Int) { nodes[node]!.dirtySectors = [] }

  mutating func dropCache(_ node: Int) {
    var contents = nodes[node]!.visible
    let durable = Self.resized(nodes[node]!.durable, contents.count)
    for sector in 0..<(contents.count + Self.sectorByteCount - 1) / Self.sectorByteCount
    where !nodes[node]!.dirtySectors.contains(sector) {
      let range = Self.bytes(of: sector, in: contents.count)
      contents.replaceSubrange(range, with: durable[range])
    }
    nodes[node]!.visible = contents
  }

  mutating func syncFolder(_ folder: String) {
    for change in nameChanges where change.folder == folder { Self.apply(change, to: &durableFolders) }
    nameChanges.removeAll { $0.folder == folder }
    newFolders = newFolders.filter { Self.split($0).folder != folder }
    freeNameless()
  }

  /// Gives back the blocks of files that have no name any more, not even one that a power cut could bring back.
  mutating func freeNameless() {
    var named = Set(folders.values.flatMap(\.values) + durableFolders.values.flatMap(\.values))
    for change in nameChanges { if let added = change.added { named.insert(added.node) } }
    nodes = nodes.filter { named.contains($0.key) }
  }

  static func bytes(of sector: Int, in count: Int) -> Range<Int> {
    min(count, sector * sectorByteCount)..<min(count, (sector + 1) * sectorByteCount)
  }

  static func resized(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    bytes.count >= count ? Array(bytes.prefix(count)) : bytes + [UInt8](repeating: 0, count: count - bytes.count)
  }
}
