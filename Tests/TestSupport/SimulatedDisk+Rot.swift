// Damage at rest: what happens to files behind everybody's back, on the device itself.

extension SimulatedDisk {
  /// The names in a folder.
  package func names(in folder: String) -> [String] { (folders[folder] ?? [:]).keys.sorted() }

  package func contents(_ path: String) -> [UInt8]? { node(path).map { nodes[$0]!.visible } }

  /// Changes a file in any way; one that is not there stays away.
  package mutating func damage(_ path: String, _ change: (inout [UInt8]) -> Void) {
    guard let id = node(path) else { return }
    change(&nodes[id]!.visible)
    nodes[id] = Node(visible: nodes[id]!.visible, durable: nodes[id]!.visible, opens: nodes[id]!.opens)
  }

  /// Changes one bit.
  package mutating func flip(_ path: String, byte offset: Int, mask: UInt8) {
    damage(path) { bytes in if offset < bytes.count { bytes[offset] ^= mask } }
  }

  package mutating func zero(_ path: String, _ range: Range<Int>) {
    damage(path) { bytes in for offset in range.clamped(to: bytes.indices) { bytes[offset] = 0 } }
  }

  /// A write that went to the wrong place: `range` also stands at `offset`, over what was there.
  package mutating func misdirect(_ path: String, _ range: Range<Int>, to offset: Int) {
    damage(path) { bytes in
      guard max(offset + range.count, range.upperBound) <= bytes.count else { return }
      bytes.replaceSubrange(offset..<offset + range.count, with: Array(bytes[range]))
    }
  }

  /// Two places of equal length that hold each other's bytes.
  package mutating func swap(_ path: String, _ first: Range<Int>, _ second: Int) {
    damage(path) { bytes in
      guard max(second + first.count, first.upperBound) <= bytes.count else { return }
      let old = Array(bytes[first])
      bytes.replaceSubrange(first, with: Array(bytes[second..<second + first.count]))
      bytes.replaceSubrange(second..<second + first.count, with: old)
    }
  }

  /// A write that was lost: the range is as it was on `older`, zeros where that file was shorter.
  package mutating func revert(_ path: String, _ range: Range<Int>, to older: SimulatedDisk) {
    let old = older.contents(path) ?? []
    damage(path) { bytes in
      for offset in range.clamped(to: bytes.indices) { bytes[offset] = offset < old.count ? old[offset] : 0 }
    }
  }

  /// Cuts a file off.
  package mutating func shorten(_ path: String, to byteCount: Int) {
    damage(path) { bytes in if byteCount < bytes.count { bytes.removeSubrange(byteCount...) } }
  }

  /// Takes a name away.
  package mutating func lose(_ path: String) {
    let (folder, name) = Self.split(path)
    folders[folder]?[name] = nil
    durableFolders[folder]?[name] = nil
  }

  package mutating func makeFolder(_ path: String) {
    folders[path] = [:]
    durableFolders[path] = [:]
  }

  /// Puts a file into a folder that is there, over any that has the name.
  package mutating func place(_ path: String, _ bytes: [UInt8]) {
    let (folder, name) = Self.split(path)
    nodes[nextNode] = Node(visible: bytes, durable: bytes)
    folders[folder]![name] = nextNode
    durableFolders[folder]![name] = nextNode
    nextNode += 1
  }
}
