// The few frames that a scan goes through, so that it leaves the rest of the cache to others.

/// The pages that one scan brought in last. Before it takes another frame, it gives the oldest of them up, unless somebody else has used it.
struct FrameRing {
  private static let count = 8

  private var pages = InlineArray<8, Place>(repeating: Place(id: 0, entry: .absent))
  private var noted = 0
  private var given = 0
  private let isScan: Bool

  struct Place {
    let id: UInt64
    let entry: FrameEntry
  }

  /// - Parameter isScan: false for single pages, which stay where they are.
  init(isScan: Bool = false) { self.isScan = isScan }

  var isFull: Bool { noted - given == Self.count }

  /// Takes the oldest page out of the ring.
  var oldest: Place {
    mutating get {
      given += 1
      return pages[(given - 1) % Self.count]
    }
  }

  mutating func note(_ id: UInt64, _ entry: FrameEntry) {
    guard isScan, !isFull else { return }
    pages[noted % Self.count] = Place(id: id, entry: entry)
    noted += 1
  }
}
