// What a power cut may leave of what was not flushed.

/// One thing that a power cut may keep or lose.
package enum UnsyncedItem: Hashable, Sendable {
  case sector(node: Int, index: Int)
  /// The change of a file's size at this place in their order.
  case size(node: Int, index: Int)
  case name(index: Int)
  case folder(String)
}

/// What became of one unsynced item.
package enum Fate: CaseIterable, Sendable {
  case lost
  case kept
  /// The sector was being written: its first bytes are new, the others old.
  case torn
  /// The sector holds neither.
  case garbage
}

extension SimulatedDisk {
  /// Everything whose loss would make a difference, in a fixed order.
  package var unsynced: [UnsyncedItem] {
    var items: [UnsyncedItem] = []
    for (id, node) in nodes.sorted(by: { $0.key < $1.key }) {
      var device = node.durable
      for change in node.sizeChanges { change.apply(to: &device) }
      for sector in node.dirtySectors.sorted() {
        let range = Self.bytes(of: sector, in: node.visible.count)
        if device[range] != node.visible[range] { items.append(.sector(node: id, index: sector)) }
      }
      items += node.sizeChanges.indices.map { .size(node: id, index: $0) }
    }
    items += nameChanges.indices.map { .name(index: $0) }
    items += newFolders.sorted().map { .folder($0) }
    return items
  }

  /// The disk after a power cut in which each unsynced item met its fate; those without one are lost. Everything left is durable.
  package func afterPowerCut(
    _ fates: [UnsyncedItem: Fate], using generator: inout some RandomNumberGenerator
  ) -> SimulatedDisk {
    func isKept(_ item: UnsyncedItem) -> Bool { fates[item].map { $0 != .lost } ?? false }
    var after = self
    for (id, node) in nodes.sorted(by: { $0.key < $1.key }) {
      var contents = node.durable
      for (index, change) in node.sizeChanges.enumerated() where isKept(.size(node: id, index: index)) {
        change.apply(to: &contents)
      }
      for sector in node.dirtySectors.sorted() {
        let range = Self.bytes(of: sector, in: min(contents.count, node.visible.count))
        guard !range.isEmpty, let fate = fates[.sector(node: id, index: sector)] else { continue }
        switch fate {
        case .lost: break
        case .kept: contents.replaceSubrange(range, with: node.visible[range])
        case .torn:
          let cut = range.lowerBound + Int.random(in: 0...range.count, using: &generator)
          contents.replaceSubrange(range.lowerBound..<cut, with: node.visible[range.lowerBound..<cut])
        case .garbage:
          for offset in range { contents[offset] = UInt8.random(in: 0...255, using: &generator) }
        }
      }
      after.nodes[id] = Node(visible: contents, durable: contents)
    }
    var names = durableFolders
    for (index, change) in nameChanges.enumerated() where isKept(.name(index: index)) { Self.apply(change, to: &names) }
    for folder in newFolders where !isKept(.folder(folder)) {
      for path in names.keys where path == folder || path.hasPrefix(folder + "/") { names[path] = nil }
    }
    after.folders = names
    after.durableFolders = names
    after.nameChanges = []
    after.newFolders = []
    let named = Set(names.values.flatMap(\.values))
    after.nodes = after.nodes.filter { named.contains($0.key) }
    return after
  }

  /// A power cut in which chance decides everything.
  package func afterPowerCut(using generator: inout some RandomNumberGenerator) -> SimulatedDisk {
    var fates: [UnsyncedItem: Fate] = [:]
    // Some cuts lose nearly everything, some nearly nothing: both ends are where mistakes hide.
    let keeping = [0.05, 0.5, 0.95].randomElement(using: &generator)!
    for item in unsynced {
      let spoils = Double.random(in: 0..<1, using: &generator) < 0.1
      let keeps = Double.random(in: 0..<1, using: &generator) < keeping
      if spoils, case .sector = item {
        fates[item] = Bool.random(using: &generator) ? .torn : .garbage
      } else {
        fates[item] = keeps ? .kept : .lost
      }
    }
    return afterPowerCut(fates, using: &generator)
  }
}
