// What is kept of a session, and its bytes. docs/records.md §4.

package import Codecs

/// One login. Times are milliseconds since 1970, UTC.
package struct SessionRecord: Sendable {
  package var id: UUID
  package var userID: UUID
  /// The user's epoch when the session began; another one now means that the session has ended.
  package var userEpoch: UInt32
  /// Which refresh token is the current one.
  package var generation: UInt32
  /// How often the current token was given out again after it was made.
  package var replayCount: UInt8
  package var methods: SessionMethods
  package var createdAt: Int64
  package var authenticatedAt: Int64
  /// When the current refresh token was made.
  package var rotatedAt: Int64
  package var idleExpiresAt: Int64
  package var expiresAt: Int64
  /// Mixed into the tags of this session's refresh tokens, so that the key file alone makes none.
  package var seed: InlineArray<16, UInt8>
  /// A MAC of the Idempotency-Key that made the current token; nil if it was made without one.
  package var rotationKey: InlineArray<16, UInt8>?
  package var ipPrefix: String
  package var userAgent: String
  package var deviceName: String?

  package static let maxIPPrefixByteCount = 64
  package static let maxUserAgentByteCount = 256
  package static let maxDeviceNameByteCount = 256

  package init(
    id: UUID, userID: UUID, userEpoch: UInt32, methods: SessionMethods, createdAt: Int64, idleExpiresAt: Int64, expiresAt: Int64,
    seed: InlineArray<16, UInt8>, ipPrefix: String, userAgent: String, deviceName: String?
  ) {
    self.id = id
    self.userID = userID
    self.userEpoch = userEpoch
    generation = 1
    replayCount = 0
    self.methods = methods
    self.createdAt = createdAt
    authenticatedAt = createdAt
    rotatedAt = createdAt
    self.idleExpiresAt = idleExpiresAt
    self.expiresAt = expiresAt
    self.seed = seed
    rotationKey = nil
    self.ipPrefix = ipPrefix
    self.userAgent = userAgent
    self.deviceName = deviceName
  }
}

/// How the person proved who they are. Values are stored on disk; never renumber.
package struct SessionMethods: OptionSet, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let password = SessionMethods(rawValue: 1 << 0)
  /// A code of an authenticator app.
  package static let oneTimeCode = SessionMethods(rawValue: 1 << 1)
  package static let recoveryCode = SessionMethods(rawValue: 1 << 2)

  fileprivate static let known: UInt8 = 0b111
}

/// Where the fields lie. Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let flags = 1
  static let methods = 2
  static let generation = 4
  static let userID = 8
  static let userEpoch = 24
  static let authenticatedAt = 36
  static let idleExpiresAt = 52
  static let expiresAt = 60
  /// The end of the fields at fixed places.
  static let fixedByteCount = 100

  static let hasRotationKey: UInt8 = 1 << 0

  static let ipPrefixTag: UInt8 = 1
  static let userAgentTag: UInt8 = 2
  static let deviceNameTag: UInt8 = 3
}

extension SessionRecord: TableRow {
  static let table = TableTag.sessions

  func encoded() throws(RepositoryError) -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    writer.append(rotationKey == nil ? 0 : Layout.hasRotationKey)
    writer.append(methods.rawValue)
    writer.append(replayCount)
    writer.append(generation)
    writer.append(userID)
    writer.append(userEpoch)
    writer.append(createdAt)
    writer.append(authenticatedAt)
    writer.append(rotatedAt)
    writer.append(idleExpiresAt)
    writer.append(expiresAt)
    writer.append(seed)
    writer.append(rotationKey ?? InlineArray(repeating: 0))
    try writer.append(tag: Layout.ipPrefixTag, ipPrefix.utf8.span, limit: Self.maxIPPrefixByteCount, in: .sessions)
    try writer.append(tag: Layout.userAgentTag, userAgent.utf8.span, limit: Self.maxUserAgentByteCount, in: .sessions)
    if let deviceName {
      try writer.append(tag: Layout.deviceNameTag, deviceName.utf8.span, limit: Self.maxDeviceNameByteCount, in: .sessions)
    }
    return writer.bytes
  }

  init(id: UUID, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let flags: UInt8 = try reader.number(in: bytes)
    guard flags & ~Layout.hasRotationKey == 0 else { throw .invalidField(offset: Layout.flags) }
    let methods: UInt8 = try reader.number(in: bytes)
    guard methods & ~SessionMethods.known == 0 else { throw .invalidField(offset: Layout.methods) }
    self.id = id
    self.methods = SessionMethods(rawValue: methods)
    replayCount = try reader.number(in: bytes)
    generation = try reader.number(in: bytes)
    guard generation > 0 else { throw .invalidField(offset: Layout.generation) }
    userID = try reader.identifier(in: bytes)
    userEpoch = try reader.number(in: bytes)
    createdAt = try reader.number(in: bytes)
    authenticatedAt = try reader.number(in: bytes)
    rotatedAt = try reader.number(in: bytes)
    idleExpiresAt = try reader.number(in: bytes)
    expiresAt = try reader.number(in: bytes)
    seed = try reader.block(in: bytes)
    let rotationKey = try reader.block(in: bytes)
    self.rotationKey = flags & Layout.hasRotationKey == 0 ? nil : rotationKey

    var ipPrefix: String?
    var userAgent: String?
    var deviceName: String?
    while let (tag, range) = try reader.field(in: bytes) {
      switch tag {
      case Layout.ipPrefixTag: ipPrefix = try bytes.text(range)
      case Layout.userAgentTag: userAgent = try bytes.text(range)
      case Layout.deviceNameTag: deviceName = try bytes.text(range)
      default: throw .invalidField(offset: range.lowerBound)
      }
    }
    guard let ipPrefix else { throw .missingField(tag: Layout.ipPrefixTag) }
    guard let userAgent else { throw .missingField(tag: Layout.userAgentTag) }
    self.ipPrefix = ipPrefix
    self.userAgent = userAgent
    self.deviceName = deviceName
  }
}

/// The few fields of a session that judging a request needs, read from their places without making text.
package struct SessionGlimpse: Sendable {
  package let userID: UUID
  package let userEpoch: UInt32
  package let authenticatedAt: Int64
  package let idleExpiresAt: Int64
  package let expiresAt: Int64

  init(_ bytes: Span<UInt8>) throws(RecordDamage) {
    guard bytes.count >= Layout.fixedByteCount else { throw .truncated(offset: bytes.count) }
    guard bytes[0] == Layout.version else { throw .unknownVersion(bytes[0]) }
    userID = bytes.identifier(at: Layout.userID)
    userEpoch = bytes.number(at: Layout.userEpoch)
    authenticatedAt = bytes.number(at: Layout.authenticatedAt)
    idleExpiresAt = bytes.number(at: Layout.idleExpiresAt)
    expiresAt = bytes.number(at: Layout.expiresAt)
  }
}
