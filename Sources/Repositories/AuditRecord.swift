// One event of the audit trail, and its bytes. docs/records.md §9.

package import Codecs

/// SHA-256 of a record and its place in the trail.
package typealias AuditHash = InlineArray<32, UInt8>

/// One security event: identifiers, networks and tags, never an address, a name or a secret, so that an erasure leaves it alone.
package struct AuditRecord: Sendable {
  /// Its place in the trail, from 1.
  package internal(set) var sequence: UInt64 = 0
  /// Milliseconds since 1970, never less than the record before has.
  package internal(set) var time: Int64
  package var event: AuditEvent
  package var actor: AuditActor
  /// Whom it happened to.
  package var subject: UUID?
  package var session: UUID?
  /// The client's network, such as `203.0.113.0/24`.
  package var network: String?
  /// A MAC of an address that has no account.
  package var addressTag: InlineArray<16, UInt8>?
  package var details: AuditDetails
  /// The hash of the record before.
  package internal(set) var previous = AuditHash(repeating: 0)

  package static let maxNetworkByteCount = 64

  package init(
    _ event: AuditEvent, at time: Int64, actor: AuditActor, subject: UUID?, session: UUID?, network: String?,
    addressTag: InlineArray<16, UInt8>?, details: AuditDetails
  ) {
    self.event = event
    self.time = time
    self.actor = actor
    self.subject = subject
    self.session = session
    self.network = network
    self.addressTag = addressTag
    self.details = details
  }
}

/// Where the fields lie. Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let actor = 1
  static let event = 2

  static let actorTag: UInt8 = 1
  static let subjectTag: UInt8 = 2
  static let sessionTag: UInt8 = 3
  static let networkTag: UInt8 = 4
  static let addressTag: UInt8 = 5
  static let reasonTag: UInt8 = 6
  static let roleTag: UInt8 = 7
  static let countTag: UInt8 = 8
  static let policyTag: UInt8 = 9
  static let keyTag: UInt8 = 10

  /// Kinds of actors.
  static let nobody: UInt8 = 0
  static let user: UInt8 = 1
  static let owner: UInt8 = 2
  static let key: UInt8 = 3
}

extension AuditRecord {
  func encoded() throws(RepositoryError) -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    let (kind, actorID): (UInt8, UUID?) =
      switch actor {
      case .nobody: (Layout.nobody, nil)
      case .user(let id): (Layout.user, id)
      case .owner: (Layout.owner, nil)
      case .key(let id): (Layout.key, id)
      }
    writer.append(kind)
    writer.append(event.rawValue)
    writer.append(time)
    writer.append(previous)
    if let actorID { try writer.append(tag: Layout.actorTag, actorID, in: .audit) }
    if let subject { try writer.append(tag: Layout.subjectTag, subject, in: .audit) }
    if let session { try writer.append(tag: Layout.sessionTag, session, in: .audit) }
    if let network { try writer.append(tag: Layout.networkTag, network.utf8.span, limit: Self.maxNetworkByteCount, in: .audit) }
    if let addressTag { try writer.append(tag: Layout.addressTag, addressTag.span, limit: 16, in: .audit) }
    if let reason = details.reason {
      try writer.append(tag: Layout.reasonTag, CollectionOfOne(reason.rawValue).span, limit: 1, in: .audit)
    }
    if let role = details.role {
      try role.withSpan { (text) throws(RepositoryError) in
        try writer.append(tag: Layout.roleTag, text, limit: RoleName.maxByteCount, in: .audit)
      }
    }
    if let count = details.count {
      let bytes = InlineArray<4, UInt8> { UInt8(truncatingIfNeeded: count >> UInt32(8 * $0)) }
      try writer.append(tag: Layout.countTag, bytes.span, limit: 4, in: .audit)
    }
    if let policy = details.policy {
      try writer.append(tag: Layout.policyTag, CollectionOfOne(policy.rawValue).span, limit: 1, in: .audit)
    }
    if let key = details.key { try writer.append(tag: Layout.keyTag, key, in: .audit) }
    return writer.bytes
  }

  init(sequence: UInt64, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let kind: UInt8 = try reader.number(in: bytes)
    let number: UInt16 = try reader.number(in: bytes)
    guard let event = AuditEvent(rawValue: number) else { throw .invalidField(offset: Layout.event) }
    let time: Int64 = try reader.number(in: bytes)
    let first = try reader.block(in: bytes)
    let second = try reader.block(in: bytes)
    self.init(
      event, at: time, actor: .nobody, subject: nil, session: nil, network: nil, addressTag: nil, details: AuditDetails())
    self.sequence = sequence
    previous = AuditHash { index in index < 16 ? first[index] : second[index - 16] }

    var actorID: UUID?
    while let (tag, range) = try reader.field(in: bytes) {
      let field = bytes.extracting(range)
      let offset = range.lowerBound
      switch tag {
      case Layout.actorTag: actorID = try Self.identifier(field, offset)
      case Layout.subjectTag: subject = try Self.identifier(field, offset)
      case Layout.sessionTag: session = try Self.identifier(field, offset)
      case Layout.networkTag: network = try bytes.text(range)
      case Layout.addressTag:
        guard field.count == 16 else { throw .invalidField(offset: offset) }
        addressTag = InlineArray { field[$0] }
      case Layout.reasonTag:
        guard field.count == 1, let reason = AuditReason(rawValue: field[0]) else { throw .invalidField(offset: offset) }
        details.reason = reason
      case Layout.roleTag:
        guard let role = RoleName(field) else { throw .invalidField(offset: offset) }
        details.role = role
      case Layout.countTag:
        guard field.count == 4 else { throw .invalidField(offset: offset) }
        details.count = field.number(at: 0)
      case Layout.policyTag:
        guard field.count == 1, let policy = ThrottlePolicy(rawValue: field[0]) else { throw .invalidField(offset: offset) }
        details.policy = policy
      case Layout.keyTag: details.key = try Self.identifier(field, offset)
      default: throw .invalidField(offset: offset)
      }
    }
    switch (kind, actorID) {
    case (Layout.nobody, nil): actor = .nobody
    case (Layout.user, let id?): actor = .user(id)
    case (Layout.owner, nil): actor = .owner
    case (Layout.key, let id?): actor = .key(id)
    default: throw .invalidField(offset: Layout.actor)
    }
  }

  private static func identifier(_ field: Span<UInt8>, _ offset: Int) throws(RecordDamage) -> UUID {
    guard let id = UUID(bytes: field) else { throw .invalidField(offset: offset) }
    return id
  }
}

extension RecordWriter {
  fileprivate mutating func append(tag: UInt8, _ id: UUID, in table: TableTag) throws(RepositoryError) {
    let bytes = id.bytes
    try append(tag: tag, bytes.span, limit: 16, in: table)
  }
}
