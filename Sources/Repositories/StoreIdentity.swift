// What makes this store this store: its name and its epoch. docs/records.md §5.

package import Codecs

/// Drawn at random when a store is made.
package struct StoreIdentity: Sendable, Equatable {
  package let uuid: UUID
  /// Part of every token; a store that was restored gets another one, so that tokens of the other line of history are void.
  package let epoch: UInt32

  package init(uuid: UUID, epoch: UInt32) {
    self.uuid = uuid
    self.epoch = epoch
  }

  private static let version: UInt8 = 1

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(uuid)
    writer.append(epoch)
    return writer.bytes
  }

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    uuid = try reader.identifier(in: bytes)
    epoch = try reader.number(in: bytes)
    try reader.end(in: bytes)
  }
}
