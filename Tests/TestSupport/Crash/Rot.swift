// One thing that happened to files at rest, drawn from a seed.

/// Damage at rest, with words for it.
package struct Rot: Sendable, CustomStringConvertible {
  package let description: String
  /// The file that was changed.
  package let path: String
  /// How many blocks of 4,096 bytes it touched. One never makes the log shorter unnoticed, two at its very end can.
  package let blockCount: Int
  private let change: @Sendable (inout SimulatedDisk) -> Void

  package init(
    _ description: String, _ path: String, blockCount: Int = 1, _ change: @escaping @Sendable (inout SimulatedDisk) -> Void
  ) {
    self.description = "\(path): \(description)"
    self.path = path
    self.blockCount = blockCount
    self.change = change
  }

  package func apply(to disk: inout SimulatedDisk) { change(&disk) }

  static let main = "data/db/main.udb"
  static let wal = "data/db/wal"

  /// - Parameter older: the disk at an earlier time, from which lost writes are restored.
  package static func draw(on disk: SimulatedDisk, older: SimulatedDisk, using generator: inout SeededGenerator) -> Rot {
    let segments = disk.names(in: wal).filter { $0.hasSuffix(".wal") }.map { wal + "/" + $0 }
    let path = generator.number(0..<3) == 0 ? segments[generator.number(0..<segments.count)] : main
    let byteCount = disk.contents(path)!.count
    let unit = path == main ? 8192 : 4096
    let units = max(1, byteCount / unit)
    func place() -> Int { generator.number(0..<units) * unit }
    let (first, second) = (place(), place())
    let block = first..<min(byteCount, first + unit)
    switch generator.number(0..<100) {
    case 0..<30:
      // Half of the bits hit the first bytes of a unit, where the heads are.
      let offset = Bool.random(using: &generator) ? first + generator.number(0..<128) : generator.number(0..<byteCount)
      let mask = UInt8(1) << UInt8(generator.number(0..<8))
      return Rot("bit \(mask) of byte \(offset) flipped", path) { $0.flip(path, byte: offset, mask: mask) }
    case 30..<40:
      let start = first + generator.number(0..<unit / 512) * 512
      let end = min(byteCount, start + 512)
      return Rot("sector at \(start) zeroed", path) { $0.zero(path, start..<end) }
    case 40..<50:
      return Rot("unit at \(first) zeroed", path) { $0.zero(path, block) }
    case 50..<60:
      let noise = generator.bytes(block.count)
      return Rot("garbage at \(first)", path) { disk in
        disk.damage(path) { bytes in if block.upperBound <= bytes.count { bytes.replaceSubrange(block, with: noise) } }
      }
    case 60..<70:
      return Rot("\(first) and \(second) swapped", path, blockCount: 2) { $0.swap(path, block, second) }
    case 70..<80:
      return Rot("\(first) written to \(second) too", path) { $0.misdirect(path, block, to: second) }
    case 80..<90:
      return Rot("the last write of \(first) lost", path) { $0.revert(path, block, to: older) }
    case 90..<94:
      let end = generator.number(0..<byteCount)
      return Rot("cut off at \(end)", path, blockCount: 2) { $0.shorten(path, to: end) }
    case 94..<97:
      let lost = generator.number(0..<4) == 0 ? main : segments[generator.number(0..<segments.count)]
      return Rot("missing", lost, blockCount: 2) { $0.lose(lost) }
    default:
      let names = disk.names(in: wal)
      let target = wal + "/" + names[generator.number(0..<names.count)]
      let source = segments[generator.number(0..<segments.count)]
      return Rot("holds what \(source) holds", target, blockCount: 2) { disk in
        if let contents = disk.contents(source) { disk.place(target, contents) }
      }
    }
  }
}
