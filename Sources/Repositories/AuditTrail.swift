// Where the audit trail begins and ends. docs/records.md §9.

/// The two ends of the chain, in one row: what comes next, and what the oldest record that is left builds on.
package struct AuditTrail: Sendable {
  /// The oldest record that is left; equal to `next` if there is none.
  package var first: UInt64 = 1
  /// The hash of the record before `first`: zeros in front of the very first, else of the last that was dropped.
  package var anchor = AuditHash(repeating: 0)
  /// The number of the next record.
  package var next: UInt64 = 1
  /// The hash of the newest record there ever was; the anchor if none is left.
  package var last = AuditHash(repeating: 0)
  /// The time of the newest record; the next one is not before it.
  package var time: Int64 = 0

  private static let version: UInt8 = 1

  init() {}

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    first = try reader.number(in: bytes)
    anchor = try Self.hash(&reader, bytes)
    let place = reader.offset
    next = try reader.number(in: bytes)
    last = try Self.hash(&reader, bytes)
    time = try reader.number(in: bytes)
    guard first >= 1, first <= next, next < UInt64.max else { throw .invalidField(offset: place) }
    try reader.end(in: bytes)
  }

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(first)
    writer.append(anchor)
    writer.append(next)
    writer.append(last)
    writer.append(time)
    return writer.bytes
  }

  private static func hash(_ reader: inout RecordReader, _ bytes: Span<UInt8>) throws(RecordDamage) -> AuditHash {
    let first = try reader.block(in: bytes)
    let second = try reader.block(in: bytes)
    return AuditHash { index in index < 16 ? first[index] : second[index - 16] }
  }
}
