// Cuts the payload of a frame into transactions. docs/file-format.md §6.

/// The transactions of one frame, each the length of its operations and the operations.
enum FramePayload {
  /// A varint of five bytes holds 35 bits, more than any length.
  private static let maxLengthByteCount = 5

  /// - Throws: `.operationMalformed` if the payload is not whole transactions; what `body` throws.
  static func forEachTransaction(
    _ payload: Span<UInt8>, _ body: (_ operations: Span<UInt8>) throws(StorageError) -> Void
  ) throws(StorageError) {
    var offset = 0
    while offset < payload.count {
      var count = 0, used = 0, more = true
      while more {
        guard offset < payload.count, used < maxLengthByteCount else { throw .operationMalformed(offset: offset) }
        count |= Int(payload[offset] & 0x7F) << (7 * used)
        more = payload[offset] & 0x80 != 0
        offset += 1
        used += 1
      }
      guard count <= payload.count - offset else { throw .operationMalformed(offset: offset) }
      try body(payload.extracting(offset..<offset + count))
      offset += count
    }
  }
}
