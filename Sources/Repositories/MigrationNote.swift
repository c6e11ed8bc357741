// How far a migration has come that takes many transactions. docs/records.md §5.

import Codecs

/// Kept in place of the schema version while the step from one version to the next is under way.
struct MigrationNote: Equatable {
  /// The version that the step started from, and the one it leads to.
  let from: UInt32
  let to: UInt32
  /// The row up to which all is done.
  let place: UUID

  private static let version: UInt8 = 1

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(from)
    writer.append(to)
    writer.append(place)
    return writer.bytes
  }

  init(from: UInt32, to: UInt32, place: UUID) {
    self.from = from
    self.to = to
    self.place = place
  }

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    from = try reader.number(in: bytes)
    to = try reader.number(in: bytes)
    place = try reader.identifier(in: bytes)
    try reader.end(in: bytes)
    guard from > 0, to > 0, to - 1 == from else { throw .invalidField(offset: 1) }
  }
}
