// Damage at rest: what happens to files behind everybody's back, on the device itself.

extension SimulatedDisk {
  /// The names in a folder.
  package func names(in folder: String) -> [String] { (folders[folder] ?? [:]).keys.sorted() }

  package func contents(_ path: String) -> [UInt8]? { node(path).map { nodes[$0]!.visible } }

  /// Changes a file in any way.
  package mutating func damage(_ path: String, _ change: (inout [UInt8]) -> Void) {
    let id = node(path)!
    change(&nodes[id]!.visible)
    nodes[id] = Node(visible: nodes[id]!.visible, durable: nodes[id]!.visible, opens: nodes[id]!.opens)
  }

  /// Changes one bit.
  package mutating func flip(_ path: String, byte offset: Int, mask: UInt8) { damage(path) { $0[offset] ^= mask } }

  package mutating func zero(_ path: String, _ range: Range<Int>) {
    damage(path) { for offset in range { $0[offset] = 0 } }
  }

  /// A write that went to the wrong place: `range` also stands at `offset`, over what was there.
  package mutating func misdirect(_ path: String, _ range: Range<Int>, to offset: Int) {
    damage(path) { $0.replaceSubrange(offset..<offset + range.count, with: Array($0[range])) }
  }

  /// Two places of equal length that hold each other's bytes.
  package mutating func swap(_ path: String, _ first: Range<Int>, _ second: Int) {
    damage(path) { bytes in
      let old = Array(bytes[first])
      bytes.replaceSubrange(first, with: Array(bytes[second..<second + first.count]))
      bytes.replaceSubrange(second..<second + first.count, with: old)
    }
  }

  /// A write that was lost: the range is as it was on `older`, zeros where that file was shorter.
  package mutating func revert(_ path: String, _ range: Range<Int>, to older: SimulatedDisk) {
    let old = older.contents(path) ?? []
    damage(path) { bytes in for offset in range { bytes[offset] = offset < old.count ? old[offset] : 0 } }
  }

  /// Cuts a file off.
  package mutating func shorten(_ path: String, to byteCount: Int) { damage(path) { $0.removeSubrange(byteCount...) } }

  /// Takes a name away.
  package mutating func lose(_ path: String) {
    let (folder, name) = Self.split(path)
    folders[folder]?[name] = nil
    durableFolders[folder]?[name] = nil
  }

  /// Puts a file there, over any that has the name; its folder too if that is missing.
  package mutating func place(_ path: String, _ bytes: [UInt8]) {
    let (folder, name) = Self.split(path)
    nodes[nextNode] = Node(visible: bytes, durable: bytes)
    folders[folder, default: [:]][name] = nextNode
    durableFolders[folder, default: [:]][name] = nextNode
    nextNode += 1
  }
}
