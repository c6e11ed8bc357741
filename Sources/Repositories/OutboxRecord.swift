// What is kept of a message to a person until it has left, and its bytes. docs/records.md §12.

package import Codecs

/// A message that waits for delivery. Times are milliseconds since 1970, UTC.
package struct OutboxRecord: Sendable, Equatable {
  /// Version 7, so it says when the message was written; the same at every attempt.
  package var id: UUID
  /// When it is tried next: the first part of its key, so that what is due lies in front.
  package var dueAt: Int64
  package var kind: OutboxKind
  /// A row for the sake of its weight: written where nothing may be sent, so that both cases cost the same.
  package var isDecoy: Bool
  /// How often it was tried, counted up to 255.
  package var attempts: UInt8
  package var userID: UUID
  /// When it is of no use any more.
  package var expiresAt: Int64
  /// Where it goes.
  package var address: String
  /// The one-time token in it, sealed; empty for messages without one.
  package var sealedToken: [UInt8]

  package static let maxAddressByteCount = 254
  package static let maxSealedByteCount = 128

  package init(
    id: UUID, dueAt: Int64, kind: OutboxKind, isDecoy: Bool, attempts: UInt8 = 0, userID: UUID, expiresAt: Int64,
    address: String, sealedToken: [UInt8]
  ) {
    self.id = id
    self.dueAt = dueAt
    self.kind = kind
    self.isDecoy = isDecoy
    self.attempts = attempts
    self.userID = userID
    self.expiresAt = expiresAt
    self.address = address
    self.sealedToken = sealedToken
  }
}

/// What a message is about. Values are stored on disk; never renumber.
package enum OutboxKind: UInt8, Sendable, CaseIterable {
  /// A token that sets a new password.
  case reset = 1
  /// A token that proves the account's address.
  case verifyEmail = 2
  /// A token that proves the address the account is to have, sent there.
  case changeEmail = 3
  /// A word to the old address that the account is to have another one.
  case changeNotice = 4
}

/// Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let kind = 1
  static let flags = 2
  static let decoy: UInt8 = 1 << 0
  static let addressTag: UInt8 = 1
  static let sealedTokenTag: UInt8 = 2
}

extension OutboxRecord {
  func encoded() throws(RepositoryError) -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    writer.append(kind.rawValue)
    writer.append(isDecoy ? Layout.decoy : 0)
    writer.append(attempts)
    writer.append(userID)
    writer.append(expiresAt)
    try writer.append(tag: Layout.addressTag, address.utf8.span, limit: Self.maxAddressByteCount, in: .outbox)
    if !sealedToken.isEmpty {
      try writer.append(tag: Layout.sealedTokenTag, sealedToken.span, limit: Self.maxSealedByteCount, in: .outbox)
    }
    return writer.bytes
  }

  init(id: UUID, dueAt: Int64, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let rawKind: UInt8 = try reader.number(in: bytes)
    guard let kind = OutboxKind(rawValue: rawKind) else { throw .invalidField(offset: Layout.kind) }
    let flags: UInt8 = try reader.number(in: bytes)
    guard flags & ~Layout.decoy == 0 else { throw .invalidField(offset: Layout.flags) }
    self.id = id
    self.dueAt = dueAt
    self.kind = kind
    isDecoy = flags & Layout.decoy != 0
    attempts = try reader.number(in: bytes)
    userID = try reader.identifier(in: bytes)
    expiresAt = try reader.number(in: bytes)
    var address: String?
    sealedToken = []
    while let (tag, range) = try reader.field(in: bytes) {
      switch tag {
      case Layout.addressTag: address = try bytes.text(range)
      case Layout.sealedTokenTag: sealedToken = bytes.extracting(range).array()
      default: throw .invalidField(offset: range.lowerBound)
      }
    }
    guard let address else { throw .missingField(tag: Layout.addressTag) }
    self.address = address
  }
}
