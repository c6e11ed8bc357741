// A copy of a data folder by somebody who does not know that it is open: file by file, piece by piece, while the database goes on.

/// Copies in steps, each of which sees the files as they are at that moment.
package struct SlowCopy: Sendable {
  private var pending: [String]
  private var taken: [UInt8] = []
  private let pieceByteCount: Int
  /// What was copied so far, at rest under the names it had.
  package private(set) var copy = SimulatedDisk(folder: "data")

  /// Takes the names that are there now, in an order that chance picks.
  package init(_ disk: SimulatedDisk, using generator: inout SeededGenerator) {
    pending = ["data/db", "data/db/wal"].flatMap { folder in disk.names(in: folder).map { folder + "/" + $0 } }
    pending.shuffle(using: &generator)
    pieceByteCount = [4096, 8192, 65_536, 1 << 30][generator.number(0..<4)]
    copy.makeFolder("data/db")
    copy.makeFolder("data/db/wal")
  }

  package var isDone: Bool { pending.isEmpty }

  /// Copies the next piece. A file that has gone meanwhile is left out.
  package mutating func step(_ disk: SimulatedDisk) {
    guard let path = pending.last else { return }
    let contents = disk.contents(path)
    let rest = (contents ?? []).dropFirst(taken.count)
    taken += rest.prefix(pieceByteCount)
    guard rest.count <= pieceByteCount else { return }
    if contents != nil || !taken.isEmpty { copy.place(path, taken) }
    taken = []
    pending.removeLast()
  }
}
