// The open batch: encoded transactions in the memory from which their frame is written.

/// Collects the transactions of one batch behind room for the frame's head.
///
/// It belongs to the writer lock while the batch is open, and to the holder of the log right once it is closed.
final class FrameBuffer {
  private var buffer: AlignedBuffer
  private(set) var payloadByteCount = 0
  private(set) var transactionCount = 0
  /// When the first commit came that somebody waits for, on the monotonic clock; 0 if none did.
  var dueSince: UInt64 = 0
  /// Set when the batch is closed.
  var batch: UInt64 = 0
  /// What the frame says of checkpoints, set when the batch is closed: no batch up to it has a page of a later epoch.
  var epoch: UInt32 = 0
  var durableCheckpoint: UInt64 = 0

  private static let initialByteCount = 16 << 10
  /// A buffer that grew beyond this is given back after use, so that one large batch does not cost memory for ever.
  private static let maxKeptByteCount = 1 << 20

  init() { buffer = AlignedBuffer(count: Self.initialByteCount) }

  var isEmpty: Bool { transactionCount == 0 }

  /// Bytes that the frame will take in the log.
  var frameByteCount: Int { FrameHeader.paddedByteCount(payload: payloadByteCount) }

  /// Appends the operations of one transaction and leaves none behind; returns where they stand.
  ///
  /// The first transaction brings its memory along: a large load is not copied.
  func append(_ operations: OperationBuffer) -> Range<Int> {
    let count = operations.count, start = OnDisk.Frame.headerByteCount
    guard payloadByteCount == 0, count >= 1 << 14, count < 1 << 21 else {
      return operations.bytes.withSpan { append($0) }
    }
    operations.exchange(&buffer)
    buffer.withMutableBytes(start..<OperationBuffer.offset) { bytes in
      bytes[0] = UInt8(truncatingIfNeeded: count) | 0x80
      bytes[1] = UInt8(truncatingIfNeeded: count >> 7) | 0x80
      bytes[2] = UInt8(truncatingIfNeeded: count >> 14)
    }
    payloadByteCount = OperationBuffer.offset - start + count
    transactionCount = 1
    return OperationBuffer.offset..<OperationBuffer.offset + count
  }

  /// Appends the operations of one transaction behind their length; returns where they stand.
  func append(_ operations: Span<UInt8>) -> Range<Int> {
    var length: (UInt64, Int) = (0, 0)
    var rest = operations.count
    repeat {
      let more: UInt64 = rest > 0x7F ? 0x80 : 0
      length.0 |= (UInt64(rest & 0x7F) | more) << UInt64(8 * length.1)
      length.1 += 1
      rest >>= 7
    } while rest > 0
    var offset = OnDisk.Frame.headerByteCount + payloadByteCount
    grow(to: offset + length.1 + operations.count)
    buffer.withMutableBytes(offset..<offset + length.1) { bytes in
      for index in 0..<length.1 { bytes[index] = UInt8(truncatingIfNeeded: length.0 >> UInt64(8 * index)) }
    }
    offset += length.1
    buffer.copy(operations, to: offset)
    payloadByteCount += length.1 + operations.count
    transactionCount += 1
    return offset..<offset + operations.count
  }

  func withBytes<Value, Failure: Error>(
    _ range: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try buffer.withBytes(range, body)
  }

  /// Completes the frame; returns its checksum. Afterwards `withFrame` lends it, padding included.
  func finish(_ header: FrameHeader, salt: UInt64) -> UInt64 {
    let end = OnDisk.Frame.headerByteCount + payloadByteCount
    buffer.zero(end..<frameByteCount)
    return buffer.withMutableBytes(0..<end) { header.encode(into: &$0, salt: salt) }
  }

  func withFrame<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    try buffer.withBytes(0..<frameByteCount, body)
  }

  func removeAll() {
    payloadByteCount = 0
    transactionCount = 0
    dueSince = 0
    if buffer.count > Self.maxKeptByteCount { buffer = AlignedBuffer(count: Self.initialByteCount) }
  }

  private func grow(to byteCount: Int) {
    let padded = (byteCount + OnDisk.blockByteCount - 1) / OnDisk.blockByteCount * OnDisk.blockByteCount
    guard padded > buffer.count else { return }
    var larger = AlignedBuffer(count: max(padded, buffer.count * 2))
    buffer.withBytes(0..<OnDisk.Frame.headerByteCount + payloadByteCount) { larger.copy($0, to: 0) }
    buffer = larger
  }
}
