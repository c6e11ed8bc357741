// What is kept of an API key, and its bytes. docs/records.md §15.

package import Codecs

/// A key for a program, with some of the power of whoever made it. Times are milliseconds since 1970, UTC; 0 stands for never.
package struct APIKeyRecord: Sendable, Equatable {
  package typealias Digest = InlineArray<32, UInt8>

  package var id: UUID
  /// What it may do at most; its creator's power of the moment is the other limit.
  package var permissions: PermissionBits
  package var creator: UUID
  /// A hash of the secret that is bound to the identifier; the secret itself is nowhere.
  package var digest: Digest
  package var createdAt: Int64
  package var expiresAt: Int64
  /// Noted about once a minute while the key is used.
  package var lastUsedAt: Int64
  package var name: String

  package static let maxNameByteCount = 800

  package init(
    id: UUID, permissions: PermissionBits, creator: UUID, digest: Digest, createdAt: Int64, expiresAt: Int64,
    lastUsedAt: Int64 = 0, name: String
  ) {
    self.id = id
    self.permissions = permissions
    self.creator = creator
    self.digest = digest
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.lastUsedAt = lastUsedAt
    self.name = name
  }

  package static func == (left: APIKeyRecord, right: APIKeyRecord) -> Bool {
    left.id == right.id && left.permissions == right.permissions && left.creator == right.creator
      && left.digest.span.array() == right.digest.span.array() && left.createdAt == right.createdAt
      && left.expiresAt == right.expiresAt && left.lastUsedAt == right.lastUsedAt && left.name == right.name
  }
}

/// Where the fields lie. Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let permissions = 1
  static let creator = 5
  static let digest = 21
  static let createdAt = 53
  static let expiresAt = 61
  static let lastUsedAt = 69
  /// The end of the fields at fixed places.
  static let fixedByteCount = 77

  static let nameTag: UInt8 = 1
}

extension APIKeyRecord: TableRow {
  static let table = TableTag.apiKeys

  func encoded() throws(RepositoryError) -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    writer.append(permissions.rawValue)
    writer.append(creator)
    writer.append(digest)
    writer.append(createdAt)
    writer.append(expiresAt)
    writer.append(lastUsedAt)
    try writer.append(tag: Layout.nameTag, name.utf8.span, limit: Self.maxNameByteCount, in: .apiKeys)
    return writer.bytes
  }

  init(id: UUID, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let bits: UInt32 = try reader.number(in: bytes)
    permissions = try PermissionBits(decoding: bits, at: Layout.permissions)
    self.id = id
    creator = try reader.identifier(in: bytes)
    let first = try reader.block(in: bytes)
    let second = try reader.block(in: bytes)
    digest = Digest { index in index < 16 ? first[index] : second[index - 16] }
    createdAt = try reader.number(in: bytes)
    expiresAt = try reader.number(in: bytes)
    lastUsedAt = try reader.number(in: bytes)
    var name: String?
    while let (tag, range) = try reader.field(in: bytes) {
      guard tag == Layout.nameTag else { throw .invalidField(offset: range.lowerBound) }
      name = try bytes.text(range)
    }
    guard let name else { throw .missingField(tag: Layout.nameTag) }
    self.name = name
  }
}

/// The fields of a key that judging a request needs, read from their places without making text.
package struct APIKeyGlimpse: Sendable {
  package let permissions: PermissionBits
  package let creator: UUID
  package let digest: APIKeyRecord.Digest
  package let createdAt: Int64
  package let expiresAt: Int64
  package let lastUsedAt: Int64

  init(_ bytes: Span<UInt8>) throws(RecordDamage) {
    guard bytes.count > Layout.fixedByteCount else { throw .truncated(offset: bytes.count) }
    guard bytes[0] == Layout.version else { throw .unknownVersion(bytes[0]) }
    permissions = try PermissionBits(decoding: bytes.number(at: Layout.permissions), at: Layout.permissions)
    creator = bytes.identifier(at: Layout.creator)
    digest = InlineArray { index in bytes[Layout.digest + index] }
    createdAt = bytes.number(at: Layout.createdAt)
    expiresAt = bytes.number(at: Layout.expiresAt)
    lastUsedAt = bytes.number(at: Layout.lastUsedAt)
  }
}
