// What replay applies together: operations of many frames in the order of their keys, of each key the last one. docs/storage.md §10.

/// The operations of a part of the log. Nobody reads a state inside of it, so of each key only the last operation counts, and the order among
/// different keys does not matter.
///
/// SAFETY: an operation's bytes lie in a segment that `segments` keeps in memory, where it was decoded once: so all that `operation` gives is
/// well-formed and stays as long as this value does.
struct ReplayWindow {
  private struct Entry {
    /// The first eight bytes of the key as a big-endian number, zeros after its end.
    let head: UInt64
    /// Which of the segments, and the offset of the operation in it.
    let place: UInt32
    let byteCount: UInt32
  }

  private static let offsetBits: UInt32 = 24
  static let maxSegments = 255

  private var segments: [SegmentBytes] = []
  private var entries: [Entry] = []
  private(set) var frameCount = 0

  var segmentCount: Int { segments.count }
  /// Operations; after `sort` one for each key.
  var count: Int { entries.count }

  /// Takes the transactions of a frame that counts.
  ///
  /// - Parameters:
  ///   - payload: that of the frame, in the memory of `segment`.
  /// - Returns: how many transactions they are.
  /// - Throws: `.operationMalformed`, `.emptyKey`, `.keyTooLarge`, `.valueTooLarge`.
  mutating func add(_ payload: Span<UInt8>, of segment: SegmentBytes, _ limits: PageLimits) throws(StorageError) -> Int {
    if segments.last !== segment { segments.append(segment) }
    frameCount += 1
    let begin = segment.lentBytes, number = UInt32(segments.count - 1) << Self.offsetBits
    var transactions = 0
    try FramePayload.forEachTransaction(payload) { operations throws(StorageError) in
      transactions += 1
      try operations.withLentBytes { operations throws(StorageError) in
        var decoder = OperationDecoder(operations, limits)
        let offset = unsafe operations.base - begin.base
        var start = 0
        while let operation = try decoder.next() {
          entries.append(
            Entry(
              head: Self.head(operation.key), place: number | UInt32(offset + start), byteCount: UInt32(decoder.offset - start)))
          start = decoder.offset
        }
      }
    }
    return transactions
  }

  /// Brings the operations into the order of their keys and leaves out those that a later one replaces.
  mutating func sort() {
    var entries = entries
    self.entries = []
    entries.sort { left, right in
      if left.head != right.head { return left.head < right.head }
      let order = key(left).compared(to: key(right))
      return order == 0 ? left.place < right.place : order < 0
    }
    var kept = 0
    for index in entries.indices {
      let entry = entries[index]
      if kept > 0, entries[kept - 1].head == entry.head, key(entries[kept - 1]).compared(to: key(entry)) == 0 { kept -= 1 }
      entries[kept] = entry
      kept += 1
    }
    entries.removeSubrange(kept...)
    self.entries = entries
  }

  func key(_ index: Int) -> LentBytes { key(entries[index]) }

  /// The place behind operations from one on: at least that one, and no more bytes or operations than given.
  func end(from index: Int, byteCount: Int, count: Int) -> Int {
    var end = index + 1, sum = Int(entries[index].byteCount)
    while end < entries.count, end - index < count, sum + Int(entries[end].byteCount) <= byteCount {
      sum += Int(entries[end].byteCount)
      end += 1
    }
    return end
  }

  /// Fills `bytes` with these operations, one after another.
  func copy(_ range: Range<Int>, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    for index in range {
      let operation = operation(entries[index])
      unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: operation.base, count: operation.count))
    }
  }

  private func operation(_ entry: Entry) -> LentBytes {
    segments[Int(entry.place >> Self.offsetBits)].lentBytes
      .dropping(Int(entry.place & (1 << Self.offsetBits - 1))).prefix(Int(entry.byteCount))
  }

  private func key(_ entry: Entry) -> LentBytes { OperationDecoder.key(of: operation(entry)) }

  private static func head(_ key: LentBytes) -> UInt64 {
    if key.count >= 8 { return unsafe UInt64(bigEndian: key.base.loadUnaligned(as: UInt64.self)) }
    let rest = key.count > 4 ? key.dropping(4).head : 0
    return UInt64(key.head) << 32 | UInt64(rest)
  }
}
