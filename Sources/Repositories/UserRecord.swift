// What is kept of a user, and its bytes. docs/records.md §3.

package import Codecs

/// One user. Times are milliseconds since 1970, UTC; 0 stands for never.
package struct UserRecord: Sendable, Equatable {
  package var id: UUID
  package var status: Status
  package var isEmailVerified: Bool
  package var mustChangePassword: Bool
  /// How many recovery codes are left beside an authenticator app; nil while the password alone logs the user in. The verbs of
  /// `SecondFactorRepository` change it together with the row that it tells of.
  package internal(set) var recoveryCodesLeft: Int?
  /// Whether a deleted user was disabled before; restored, it is so again.
  package var isDisabledWhenRestored: Bool
  /// Grows when everything issued to the user so far must be void; sessions and access tokens carry it.
  package var epoch: UInt32
  package var revision: UInt64
  package var createdAt: Int64
  package var updatedAt: Int64
  package var lastLoginAt: Int64
  package var passwordChangedAt: Int64
  package var role: RoleName
  /// As it was given; the index holds it in lower case.
  package var email: String
  package var name: String
  /// A PHC string; nil while the account waits for its first password.
  package var passwordHash: String?
  /// JSON objects in compact form; empty while there are no members.
  package var metadata: [UInt8]
  package var appMetadata: [UInt8]

  /// Values are stored on disk; never renumber.
  package enum Status: UInt8, Sendable {
    case active = 1
    case disabled = 2
    case deleted = 3
  }

  package static let maxEmailByteCount = 254
  package static let maxNameByteCount = 800
  package static let maxPasswordHashByteCount = 512
  package static let maxMetadataByteCount = 4096

  package init(
    id: UUID, status: Status = .active, isEmailVerified: Bool = false, mustChangePassword: Bool = false,
    isDisabledWhenRestored: Bool = false, epoch: UInt32 = 1,
    revision: UInt64 = 1,
    createdAt: Int64, updatedAt: Int64, lastLoginAt: Int64 = 0, passwordChangedAt: Int64 = 0,
    role: RoleName, email: String, name: String, passwordHash: String?, metadata: [UInt8] = [], appMetadata: [UInt8] = []
  ) {
    self.id = id
    self.status = status
    self.isEmailVerified = isEmailVerified
    self.mustChangePassword = mustChangePassword
    recoveryCodesLeft = nil
    self.isDisabledWhenRestored = isDisabledWhenRestored
    self.epoch = epoch
    self.revision = revision
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.lastLoginAt = lastLoginAt
    self.passwordChangedAt = passwordChangedAt
    self.role = role
    self.email = email
    self.name = name
    self.passwordHash = passwordHash
    self.metadata = metadata
    self.appMetadata = appMetadata
  }
}

extension UserRecord {
  /// Whether the password alone does not log the user in.
  package var hasSecondFactors: Bool { recoveryCodesLeft != nil }
}

/// Where the fields lie. Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let status = 1
  static let flags = 2
  static let epoch = 4
  /// The first tagged field, which is always the role.
  static let role = 48

  static let emailVerified: UInt16 = 1 << 0
  static let mustChangePassword: UInt16 = 1 << 1
  static let hasSecondFactors: UInt16 = 1 << 2
  static let disabledWhenRestored: UInt16 = 1 << 3
  /// Four bits for a number.
  static let recoveryCodesShift: UInt16 = 8
  static let recoveryCodes: UInt16 = 0b1111 << 8
  static let knownFlags: UInt16 = 0b1111 | recoveryCodes

  static let roleTag: UInt8 = 1
  static let emailTag: UInt8 = 2
  static let nameTag: UInt8 = 3
  static let passwordHashTag: UInt8 = 4
  static let metadataTag: UInt8 = 5
  static let appMetadataTag: UInt8 = 6
}

extension UserRecord: TableRow {
  static let table = TableTag.users

  func encoded() throws(RepositoryError) -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    writer.append(status.rawValue)
    var flags: UInt16 = isEmailVerified ? Layout.emailVerified : 0
    if mustChangePassword { flags |= Layout.mustChangePassword }
    if isDisabledWhenRestored { flags |= Layout.disabledWhenRestored }
    if let recoveryCodesLeft {
      precondition((0...SecondFactorRecord.maxRecoveryCount).contains(recoveryCodesLeft), "\(recoveryCodesLeft) recovery codes")
      flags |= Layout.hasSecondFactors | UInt16(recoveryCodesLeft) << Layout.recoveryCodesShift
    }
    writer.append(flags)
    writer.append(epoch)
    writer.append(revision)
    writer.append(createdAt)
    writer.append(updatedAt)
    writer.append(lastLoginAt)
    writer.append(passwordChangedAt)
    try role.withSpan { (text) throws(RepositoryError) in
      try writer.append(tag: Layout.roleTag, text, limit: RoleName.maxByteCount, in: .users)
    }
    try writer.append(tag: Layout.emailTag, email.utf8.span, limit: Self.maxEmailByteCount, in: .users)
    try writer.append(tag: Layout.nameTag, name.utf8.span, limit: Self.maxNameByteCount, in: .users)
    if let passwordHash {
      try writer.append(tag: Layout.passwordHashTag, passwordHash.utf8.span, limit: Self.maxPasswordHashByteCount, in: .users)
    }
    for (tag, object) in [(Layout.metadataTag, metadata), (Layout.appMetadataTag, appMetadata)] where !object.isEmpty {
      try writer.append(tag: tag, object.span, limit: Self.maxMetadataByteCount, in: .users)
    }
    return writer.bytes
  }

  init(id: UUID, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    try self.init(UserFields(id: id, decoding: bytes), in: bytes)
  }

  fileprivate init(_ fields: UserFields, in bytes: Span<UInt8>) throws(RecordDamage) {
    id = fields.id
    status = fields.status
    isEmailVerified = fields.isEmailVerified
    mustChangePassword = fields.mustChangePassword
    recoveryCodesLeft = fields.recoveryCodesLeft
    isDisabledWhenRestored = fields.isDisabledWhenRestored
    epoch = fields.epoch
    revision = fields.revision
    createdAt = fields.createdAt
    updatedAt = fields.updatedAt
    lastLoginAt = fields.lastLoginAt
    passwordChangedAt = fields.passwordChangedAt
    guard let role = RoleName(bytes.extracting(fields.role)) else { throw .missingField(tag: Layout.roleTag) }
    self.role = role
    email = try bytes.text(fields.email)
    name = try bytes.text(fields.name)
    passwordHash = nil
    if let place = fields.passwordHash { passwordHash = try bytes.text(place) }
    metadata = fields.metadata.map { bytes[$0] }
    appMetadata = fields.appMetadata.map { bytes[$0] }
  }
}

extension UserFields {
  /// A copy of the user from the bytes that the places are in.
  package func record(in bytes: Span<UInt8>) throws(RepositoryError) -> UserRecord {
    do throws(RecordDamage) { return try UserRecord(self, in: bytes) } catch { throw .damaged(.users, error) }
  }
}

/// A user as its record has it, without copies: numbers as values, text as places in the record's bytes.
///
/// Times are milliseconds since 1970, UTC; 0 stands for never.
package struct UserFields: Sendable {
  package let id: UUID
  package let status: UserRecord.Status
  package let isEmailVerified: Bool
  package let mustChangePassword: Bool
  package let recoveryCodesLeft: Int?
  package let isDisabledWhenRestored: Bool
  package let epoch: UInt32
  package let revision: UInt64
  package let createdAt: Int64
  package let updatedAt: Int64
  package let lastLoginAt: Int64
  package let passwordChangedAt: Int64
  package let role: Range<Int>
  package let email: Range<Int>
  package let name: Range<Int>
  let passwordHash: Range<Int>?
  /// JSON objects; empty ranges while there are no members.
  package let metadata: Range<Int>
  package let appMetadata: Range<Int>

  init(id: UUID, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let rawStatus: UInt8 = try reader.number(in: bytes)
    guard let status = UserRecord.Status(rawValue: rawStatus) else { throw .invalidField(offset: Layout.status) }
    let flags: UInt16 = try reader.number(in: bytes)
    guard flags & ~Layout.knownFlags == 0 else { throw .invalidField(offset: Layout.flags) }
    self.id = id
    self.status = status
    isEmailVerified = flags & Layout.emailVerified != 0
    mustChangePassword = flags & Layout.mustChangePassword != 0
    let hasSecondFactors = flags & Layout.hasSecondFactors != 0
    let count = Int((flags & Layout.recoveryCodes) >> Layout.recoveryCodesShift)
    guard count <= (hasSecondFactors ? SecondFactorRecord.maxRecoveryCount : 0) else { throw .invalidField(offset: Layout.flags) }
    recoveryCodesLeft = hasSecondFactors ? count : nil
    isDisabledWhenRestored = flags & Layout.disabledWhenRestored != 0
    epoch = try reader.number(in: bytes)
    revision = try reader.number(in: bytes)
    createdAt = try reader.number(in: bytes)
    updatedAt = try reader.number(in: bytes)
    lastLoginAt = try reader.number(in: bytes)
    passwordChangedAt = try reader.number(in: bytes)

    var role: Range<Int>?
    var email: Range<Int>?
    var name: Range<Int>?
    var passwordHash: Range<Int>?
    var metadata = 0..<0
    var appMetadata = 0..<0
    while let (tag, range) = try reader.field(in: bytes) {
      switch tag {
      case Layout.roleTag: role = range
      case Layout.emailTag: email = range
      case Layout.nameTag: name = range
      case Layout.passwordHashTag: passwordHash = range
      case Layout.metadataTag: metadata = try Self.object(range, in: bytes)
      case Layout.appMetadataTag: appMetadata = try Self.object(range, in: bytes)
      default: throw .invalidField(offset: range.lowerBound)
      }
    }
    guard let role else { throw .missingField(tag: Layout.roleTag) }
    guard let email else { throw .missingField(tag: Layout.emailTag) }
    guard let name else { throw .missingField(tag: Layout.nameTag) }
    self.role = role
    self.email = email
    self.name = name
    self.passwordHash = passwordHash
    self.metadata = metadata
    self.appMetadata = appMetadata
  }

  /// The place of a JSON object, which begins and ends as one. That it is one all through is for `RecordCheck`.
  private static func object(_ range: Range<Int>, in bytes: Span<UInt8>) throws(RecordDamage) -> Range<Int> {
    guard range.count > 2, bytes[range.lowerBound] == UInt8(ascii: "{"), bytes[range.upperBound - 1] == UInt8(ascii: "}") else {
      throw .invalidField(offset: range.lowerBound)
    }
    return range
  }
}

/// The few fields of a user that judging a request needs, read from their places without making text.
package struct UserGlimpse: Sendable {
  package let status: UserRecord.Status
  package let mustChangePassword: Bool
  package let isEmailVerified: Bool
  package let epoch: UInt32
  package let role: RoleName

  init(_ bytes: Span<UInt8>) throws(RecordDamage) {
    guard bytes.count > Layout.role + 3 else { throw .truncated(offset: bytes.count) }
    guard bytes[0] == Layout.version else { throw .unknownVersion(bytes[0]) }
    guard let status = UserRecord.Status(rawValue: bytes[Layout.status]) else { throw .invalidField(offset: Layout.status) }
    let flags: UInt16 = bytes.number(at: Layout.flags)
    let start = Layout.role + 3
    let end = start + Int(bytes.number(at: Layout.role + 1) as UInt16)
    guard bytes[Layout.role] == Layout.roleTag, end <= bytes.count, let role = RoleName(bytes.extracting(start..<end)) else {
      throw .invalidField(offset: Layout.role)
    }
    self.status = status
    mustChangePassword = flags & Layout.mustChangePassword != 0
    isEmailVerified = flags & Layout.emailVerified != 0
    epoch = bytes.number(at: Layout.epoch)
    self.role = role
  }
}
