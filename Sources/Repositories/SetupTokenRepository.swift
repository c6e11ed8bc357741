// The one token that makes the first administrator: its digest, under a name of the settings. docs/records.md §5.

package import Storage

/// What is kept of a setup token. The end is in milliseconds since 1970.
package struct SetupTokenRecord: Sendable, Equatable {
  package let expiresAt: Int64
  package let digest: [UInt8]

  package static let digestByteCount = 32
  private static let version: UInt8 = 1

  /// - Parameter digest: 32 bytes.
  package init(expiresAt: Int64, digest: [UInt8]) {
    precondition(digest.count == Self.digestByteCount, "a digest of \(digest.count) bytes")
    self.expiresAt = expiresAt
    self.digest = digest
  }

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(expiresAt)
    return writer.bytes + digest
  }

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    expiresAt = try reader.number(in: bytes)
    let start = reader.offset
    guard bytes.count >= start + Self.digestByteCount else { throw .truncated(offset: start) }
    guard bytes.count == start + Self.digestByteCount else { throw .trailingBytes(offset: start + Self.digestByteCount) }
    digest = (start..<bytes.count).map { bytes[$0] }
  }
}

/// The setup token of a store, of which there is at most one.
package struct SetupTokenRepository: Sendable {
  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    in transaction: inout Reader
  ) throws(RepositoryError) -> SetupTokenRecord? {
    try Setting.setupToken.get(in: &transaction, SetupTokenRecord.init(decoding:))
  }

  /// Takes the place of the one before, if there was one.
  package func put(_ record: SetupTokenRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try Setting.setupToken.put(record.encoded(), in: &transaction)
  }

  package func delete(in transaction: inout WriteTransaction) throws(RepositoryError) {
    try Setting.setupToken.remove(in: &transaction)
  }
}
