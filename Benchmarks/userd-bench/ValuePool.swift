// Values that cost nothing to make: pieces of one random megabyte, the same in Benchmarks/peers/engine.c.

import Storage

/// One megabyte of SplitMix64 outputs and a value's length of zeros behind it.
struct ValuePool: Sendable {
  private let bytes: [UInt8]
  private static let byteCount = 1 << 20

  init() {
    var bytes = [UInt8]()
    bytes.reserveCapacity(Self.byteCount + RecordSource.valueByteCount)
    for index in 0..<UInt64(Self.byteCount / 8) {
      let word = RecordSource.mix(index)
      for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word &>> UInt64(8 * byte))) }
    }
    bytes += [UInt8](repeating: 0, count: RecordSource.valueByteCount)
    self.bytes = bytes
  }

  /// Lends the value of a record.
  @inline(__always) func withValue<Result, Failure: Error>(
    of record: UInt64, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = Int(RecordSource.mix(record ^ 0x5555) % UInt64(Self.byteCount))
    return try body(bytes.span.extracting(start..<start &+ RecordSource.valueByteCount))
  }

  /// Writes records with the values of a version in one transaction.
  func put(
    into database: Database, _ numbers: Range<UInt64>, version: UInt64
  ) throws(StorageError) -> LogPosition {
    try database.write(.durable) { transaction throws(StorageError) in
      var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
      for record in numbers {
        var target = key.mutableSpan
        RecordSource.fill(&target, record: record)
        try withValue(of: record &+ version &<< 32) { value throws(StorageError) in try transaction.put(key.span, value) }
      }
    }.position
  }
}
