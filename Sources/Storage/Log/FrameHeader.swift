// The head of a log frame and the test whether a frame is valid. docs/file-format.md §5.

/// The fields before a frame's payload.
struct FrameHeader: Equatable, Sendable {
  var isSeal: Bool
  var lsn: UInt64
  var batch: UInt64
  var payloadByteCount: Int
  var transactionCount: Int
  /// Everything before this position was on disk when the frame was written.
  var durableLSN: UInt64
  var durableCheckpoint: UInt64
  /// The checksum of the frame before.
  var previousHash: UInt64
  var milliseconds: Int64
  var epoch: UInt32

  /// Bytes that the frame takes in the log, padding included.
  var byteCount: Int { Self.paddedByteCount(payload: payloadByteCount) }

  var endLSN: UInt64 { lsn + UInt64(byteCount) }

  static func paddedByteCount(payload: Int) -> Int {
    let block = OnDisk.blockByteCount
    return (OnDisk.Frame.headerByteCount + payload + block - 1) / block * block
  }

  /// What stands at a place where a frame may begin.
  enum Found: Equatable {
    /// A frame that was written there in full, and the value of its checksum.
    case valid(FrameHeader, hash: UInt64)
    /// A frame that a later version of the program wrote.
    case newer(version: UInt16)
    case invalid
  }

  /// Judges the bytes from a frame's possible start to the end of its segment.
  static func find(_ bytes: Span<UInt8>, at lsn: UInt64, salt: UInt64) -> Found {
    guard bytes.count >= OnDisk.Frame.headerByteCount, bytes.integer(at: 8) == OnDisk.Frame.magic, bytes.integer(at: 16) == lsn
    else {
      return .invalid
    }
    let payload = Int(bytes.integer(at: 32, as: UInt32.self))
    guard payload <= OnDisk.Frame.maxByteCount, paddedByteCount(payload: payload) <= bytes.count else { return .invalid }
    let hash: UInt64 = bytes.integer(at: 0)
    guard hash == checksum(bytes, payload: payload, lsn: lsn, salt: salt) else { return .invalid }
    let version = bytes.integer(at: 12, as: UInt16.self), flags = bytes.integer(at: 14, as: UInt16.self)
    guard version == OnDisk.Frame.version, flags & ~OnDisk.Frame.knownFlags == 0 else { return .newer(version: version) }
    let header = FrameHeader(
      isSeal: flags & OnDisk.Frame.flagSeal != 0, lsn: lsn, batch: bytes.integer(at: 24), payloadByteCount: payload,
      transactionCount: Int(bytes.integer(at: 36, as: UInt32.self)), durableLSN: bytes.integer(at: 40),
      durableCheckpoint: bytes.integer(at: 48), previousHash: bytes.integer(at: 56),
      milliseconds: Int64(bitPattern: bytes.integer(at: 64)), epoch: bytes.integer(at: 72))
    return .valid(header, hash: hash)
  }

  /// Fills in the head of a frame whose payload already stands behind it; returns the checksum.
  func encode(into bytes: inout MutableSpan<UInt8>, salt: UInt64) -> UInt64 {
    bytes.set(OnDisk.Frame.magic, at: 8)
    bytes.set(OnDisk.Frame.version, at: 12)
    bytes.set(isSeal ? OnDisk.Frame.flagSeal : 0, at: 14)
    bytes.set(lsn, at: 16)
    bytes.set(batch, at: 24)
    bytes.set(UInt32(payloadByteCount), at: 32)
    bytes.set(UInt32(transactionCount), at: 36)
    bytes.set(durableLSN, at: 40)
    bytes.set(durableCheckpoint, at: 48)
    bytes.set(previousHash, at: 56)
    bytes.set(UInt64(bitPattern: milliseconds), at: 64)
    bytes.set(epoch, at: 72)
    bytes.set(0 as UInt32, at: 76)
    let hash = Self.checksum(bytes.span, payload: payloadByteCount, lsn: lsn, salt: salt)
    bytes.set(hash, at: 0)
    return hash
  }

  private static func checksum(_ bytes: Span<UInt8>, payload: Int, lsn: UInt64, salt: UInt64) -> UInt64 {
    XXH64.hash(bytes.extracting(8..<OnDisk.Frame.headerByteCount + payload), seed: salt ^ lsn)
  }
}
