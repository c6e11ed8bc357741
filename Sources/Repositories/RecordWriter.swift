// Writes the fields of a record: fixed ones in order, then tagged ones. docs/records.md §2.

import Codecs

/// The bytes of one record under construction.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []
  private var lastTag: UInt8 = 0

  init(version: UInt8) {
    bytes.reserveCapacity(256)
    bytes.append(version)
  }

  /// A fixed-width number, least significant byte first.
  mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> Number(shift))) }
  }

  mutating func append(_ identifier: UUID) {
    let parts = identifier.bytes
    for index in parts.indices { bytes.append(parts[index]) }
  }

  mutating func append<let count: Int>(_ block: InlineArray<count, UInt8>) {
    for index in block.indices { bytes.append(block[index]) }
  }

  /// A field of bounded length that a later version may know and an earlier one may lack. Tags grow within a record.
  mutating func append(
    tag: UInt8, _ field: Span<UInt8>, limit: Int, in table: TableTag
  ) throws(RepositoryError) {
    precondition(tag > lastTag, "field \(tag) after field \(lastTag)")
    guard field.count <= limit else { throw .fieldTooLong(table, byteCount: field.count, limit: limit) }
    lastTag = tag
    bytes.append(tag)
    append(UInt16(field.count))
    for index in field.indices { bytes.append(field[index]) }
  }
}
