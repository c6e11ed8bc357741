// What is kept of a role, and its bytes. docs/records.md §14.

import Codecs

/// A role that somebody has defined; the built-in ones are in no row. Times are milliseconds since 1970, UTC.
package struct RoleRecord: Sendable, Equatable {
  package var name: RoleName
  package var permissions: PermissionBits
  package var revision: UInt64
  package var createdAt: Int64
  package var updatedAt: Int64

  package init(name: RoleName, permissions: PermissionBits, revision: UInt64 = 1, createdAt: Int64, updatedAt: Int64) {
    self.name = name
    self.permissions = permissions
    self.revision = revision
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }
}

/// A set of permissions as rows have it: a bit for each, by the table in docs/records.md §14.
package struct PermissionBits: Hashable, Sendable {
  package let rawValue: UInt32

  /// How many permissions there are; bits from there on are 0.
  package static let count = 12

  package static let none = PermissionBits(0)
  package static let all = PermissionBits((1 << UInt32(count)) - 1)

  package init(_ rawValue: UInt32) {
    precondition(rawValue >> UInt32(Self.count) == 0, "permission bits \(rawValue)")
    self.rawValue = rawValue
  }

  init(decoding number: UInt32, at offset: Int) throws(RecordDamage) {
    guard number >> UInt32(Self.count) == 0 else { throw .invalidField(offset: offset) }
    rawValue = number
  }
}

/// Where the fields lie. Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let permissions = 1
  static let byteCount = 29
}

extension RoleRecord {
  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    writer.append(permissions.rawValue)
    writer.append(revision)
    writer.append(createdAt)
    writer.append(updatedAt)
    return writer.bytes
  }

  init(name: RoleName, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let bits: UInt32 = try reader.number(in: bytes)
    self.name = name
    permissions = try PermissionBits(decoding: bits, at: Layout.permissions)
    revision = try reader.number(in: bytes)
    createdAt = try reader.number(in: bytes)
    updatedAt = try reader.number(in: bytes)
    try reader.end(in: bytes)
  }

  /// What the role gives, and nothing else of it: for judging a request.
  static func permissions(in bytes: Span<UInt8>) throws(RecordDamage) -> PermissionBits {
    guard bytes.count == Layout.byteCount else { throw .truncated(offset: bytes.count) }
    guard bytes[0] == Layout.version else { throw .unknownVersion(bytes[0]) }
    return try PermissionBits(decoding: bytes.number(at: Layout.permissions), at: Layout.permissions)
  }
}
