// The encoding of puts and deletes: what a transaction writes, a log frame carries and the tree applies. docs/file-format.md §6.

/// The number of an operation. Values are stored on disk; never renumber.
enum OperationKind: UInt8 {
  case put = 1
  case delete = 2
}

/// One decoded operation; its bytes lie in what it was decoded from.
struct Operation {
  let kind: OperationKind
  let key: LentBytes
  /// Empty for a delete.
  let value: LentBytes
}

/// Reads operations one after another: `{kind u8, key count varint, key}` and for a put `{value count varint, value}`.
struct OperationDecoder {
  private let bytes: LentBytes
  private let limits: PageLimits
  /// Where the next operation begins.
  private(set) var offset = 0

  init(_ bytes: LentBytes, _ limits: PageLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// The next operation; nil at the end.
  ///
  /// - Throws: `.operationMalformed`, `.emptyKey`, `.keyTooLarge`, `.valueTooLarge`.
  mutating func next() throws(StorageError) -> Operation? {
    if offset == bytes.count { return nil }
    let start = offset
    guard let kind = OperationKind(rawValue: bytes[offset]) else { throw .operationMalformed(offset: start) }
    offset += 1
    let key = try field(from: start)
    if key.isEmpty { throw .emptyKey }
    if key.count > limits.maxKeyByteCount { throw .keyTooLarge(byteCount: key.count, limit: limits.maxKeyByteCount) }
    guard kind == .put else { return Operation(kind: kind, key: key, value: .none) }
    let value = try field(from: start)
    if value.count > StorageLimits.maxValueByteCount {
      throw .valueTooLarge(byteCount: value.count, limit: StorageLimits.maxValueByteCount)
    }
    return Operation(kind: kind, key: key, value: value)
  }

  /// The key of an operation that was decoded before, so that its length has one byte or two.
  static func key(of operation: LentBytes) -> LentBytes {
    let low = Int(operation[1])
    return low < 0x80
      ? operation.dropping(2).prefix(low) : operation.dropping(3).prefix(low & 0x7F | Int(operation[2]) << 7)
  }

  /// The end of the first operation that reaches the middle of these; the end of all if they are one.
  ///
  /// - Throws: as `next`.
  static func middle(of operations: Span<UInt8>, _ limits: PageLimits) throws(StorageError) -> Int {
    try operations.withLentBytes { bytes throws(StorageError) in
      var decoder = OperationDecoder(bytes, limits)
      var before = 0
      while try decoder.next() != nil {
        if 2 * decoder.offset >= bytes.count { break }
        before = decoder.offset
      }
      // An operation that is more than half of them stands alone.
      return decoder.offset == bytes.count && before > 0 ? before : decoder.offset
    }
  }

  private mutating func field(from start: Int) throws(StorageError) -> LentBytes {
    var count = 0, shift = 0
    while true {
      guard offset < bytes.count, shift < 35 else { throw .operationMalformed(offset: start) }
      let byte = bytes[offset]
      offset += 1
      count |= Int(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 {
        // One number has one encoding.
        if byte == 0 && shift > 7 { throw .operationMalformed(offset: start) }
        break
      }
    }
    guard count <= bytes.count - offset else { throw .operationMalformed(offset: start) }
    let field = bytes.dropping(offset).prefix(count)
    offset += count
    return field
  }
}

/// Bytes that a varint of this number takes.
func varintByteCount(_ number: Int) -> Int { max(1, (Int.bitWidth - number.leadingZeroBitCount + 6) / 7) }
