// Frames of the log: a head whose checksum is made right, and the transactions behind it, against plain readings of docs/file-format.md §5, §6.

@testable import Storage

/// Bytes from where a frame may begin to the end of its segment. What no checksum would let through is let through here.
@Sendable func judgeFrame(_ bytes: [UInt8]) -> String? {
  judgeFrameHead(bytes) ?? judgeTransactions(Array(bytes.dropFirst(80))) ?? judgeTransactions(bytes)
}

private func judgeFrameHead(_ bytes: [UInt8]) -> String? {
  // The rest of a segment is whole blocks, mostly zeros.
  var frame = bytes + [UInt8](repeating: 0, count: (4096 - bytes.count % 4096) % 4096)
  let payload = frame.count >= 80 ? Int(plain(frame, 32, 4)) : .max
  // Rounded up to whole blocks, as frames lie.
  let fits = payload <= 8 << 20 && (80 + payload + 4095) / 4096 * 4096 <= frame.count
  if fits {
    let hash = XXH64.hash(frame.span.extracting(8..<80 + payload), seed: 5 ^ plain(frame, 16, 8))
    for index in 0..<8 { frame[index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index)) }
  }
  let lsn: UInt64 = frame.count >= 24 ? plain(frame, 16, 8) : 0
  for place in [lsn, lsn &+ 512] {
    let found = FrameHeader.find(frame.span, at: place, salt: 5)
    let isHere = fits && place == lsn && plain(frame, 8, 4) == 0x4D52_4655
    switch found {
    case .invalid: if isHere { return "no frame in \(bytes.shown)" }
    case .newer: if !isHere || plain(frame, 12, 2) == 1 && plain(frame, 14, 2) <= 1 { return "a newer frame in \(bytes.shown)" }
    case .valid(let header, let hash):
      let isOurs = isHere && plain(frame, 12, 2) == 1 && plain(frame, 14, 2) <= 1 && hash == plain(frame, 0, 8)
      let fields: [UInt64] = [
        header.isSeal ? 1 : 0, header.lsn, header.batch, UInt64(header.payloadByteCount), UInt64(header.transactionCount),
        header.durableLSN, header.durableCheckpoint, header.previousHash, UInt64(bitPattern: header.milliseconds),
        UInt64(header.epoch),
      ]
      let places = [(14, 2), (16, 8), (24, 8), (32, 4), (36, 4), (40, 8), (48, 8), (56, 8), (64, 8), (72, 4)]
      if !isOurs || fields != places.map({ plain(frame, $0.0, $0.1) }) { return "\(header) in \(bytes.shown)" }
    }
  }
  return nil
}

/// A little-endian number.
private func plain(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
  bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
}

/// An operation as a text, and where reading ended before the end.
private struct Story: Equatable {
  var operations: [[UInt8]] = []
  var isWhole = true
}

private func judgeTransactions(_ payload: [UInt8]) -> String? {
  var story = Story()
  let limits = PageLimits(pageByteCount: 512)
  do throws(StorageError) {
    try FramePayload.forEachTransaction(payload.span) { operations throws(StorageError) in
      try operations.withLentBytes { bytes throws(StorageError) in
        var decoder = OperationDecoder(bytes, limits)
        while let operation = try decoder.next() {
          story.operations.append([operation.kind.rawValue] + Array(operation.key) + [0xff] + Array(operation.value))
        }
      }
    }
  } catch { story.isWhole = false }
  let plain = PlainFrame(payload, limits).story
  return story == plain ? nil : "\(payload.shown) is \(story), not \(plain)"
}

extension Array<UInt8> {
  fileprivate init(_ bytes: LentBytes) { self = (0..<bytes.count).map { bytes[$0] } }
}

/// Transactions read by taking bytes from the front of a list.
private struct PlainFrame {
  private var rest: ArraySlice<UInt8>
  var story = Story()

  init(_ payload: [UInt8], _ limits: PageLimits) {
    rest = payload[...]
    while !rest.isEmpty, story.isWhole {
      guard let operations = field(isCanonical: false) else {
        story.isWhole = false
        return
      }
      let behind = rest
      rest = operations
      while !rest.isEmpty, story.isWhole {
        if let operation = operation(limits) { story.operations.append(operation) } else { story.isWhole = false }
      }
      rest = behind
    }
  }

  private mutating func operation(_ limits: PageLimits) -> [UInt8]? {
    guard let kind = rest.popFirst(), kind == 1 || kind == 2, let key = field(isCanonical: true), !key.isEmpty,
      key.count <= limits.maxKeyByteCount
    else { return nil }
    guard kind == 1 else { return [kind] + key + [0xff] }
    guard let value = field(isCanonical: true), value.count <= StorageLimits.maxValueByteCount else { return nil }
    return [kind] + key + [0xff] + value
  }

  /// A length of seven bits a byte, the lowest first, and so many bytes.
  private mutating func field(isCanonical: Bool) -> ArraySlice<UInt8>? {
    var digits: [Int] = []
    repeat {
      guard digits.count < 5, let byte = rest.popFirst() else { return nil }
      digits.append(Int(byte))
    } while digits[digits.count - 1] >= 128
    if isCanonical && digits.count > 1 && digits[digits.count - 1] == 0 { return nil }
    let count = digits.reversed().reduce(0) { $0 * 128 + $1 % 128 }
    guard count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}
