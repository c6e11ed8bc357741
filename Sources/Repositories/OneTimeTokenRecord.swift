// What is kept of a one-time token, and its bytes. docs/records.md §7.

package import Codecs

/// A token that works once: its digest, and what it is good for. Times are milliseconds since 1970, UTC.
package struct OneTimeTokenRecord: Sendable, Equatable {
  package typealias Digest = InlineArray<32, UInt8>

  /// A hash of the token that also names its purpose and this store; the token itself is nowhere.
  package var digest: Digest
  package var purpose: OneTimePurpose
  /// How often something that goes with it was wrong, such as the code of a second factor.
  package var tries: UInt8
  package var userID: UUID
  /// The user's epoch when it was made; another one now means that it is void.
  package var userEpoch: UInt32
  package var createdAt: Int64
  package var expiresAt: Int64
  /// What its purpose needs to remember; empty for most.
  package var payload: [UInt8]

  package static let maxPayloadByteCount = 512

  package init(
    digest: Digest, purpose: OneTimePurpose, tries: UInt8 = 0, userID: UUID, userEpoch: UInt32, createdAt: Int64,
    expiresAt: Int64, payload: [UInt8] = []
  ) {
    self.digest = digest
    self.purpose = purpose
    self.tries = tries
    self.userID = userID
    self.userEpoch = userEpoch
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.payload = payload
  }

  package static func == (left: OneTimeTokenRecord, right: OneTimeTokenRecord) -> Bool {
    left.digest.span.array() == right.digest.span.array() && left.purpose == right.purpose && left.tries == right.tries
      && left.userID == right.userID && left.userEpoch == right.userEpoch && left.createdAt == right.createdAt
      && left.expiresAt == right.expiresAt && left.payload == right.payload
  }
}

/// What a one-time token is for. Values are stored on disk; never renumber.
package enum OneTimePurpose: UInt8, Sendable, CaseIterable {
  /// Sets a new password.
  case reset = 1
  /// Proves the address that the account has.
  case verifyEmail = 2
  /// Proves the address that the account is to have.
  case changeEmail = 3
  /// Stands between a right password and the second factor.
  case pendingLogin = 4

  /// How many of a user's tokens may live at once; with one more, the oldest goes.
  ///
  /// Of what is sent by mail the newest alone counts. A login on one device must not end the one begun on another.
  package var maxCount: Int {
    switch self {
    case .reset, .verifyEmail, .changeEmail: 1
    case .pendingLogin: 8
    }
  }
}

/// Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let purpose = 1
  static let reserved = 3
  static let payloadTag: UInt8 = 1
}

extension OneTimeTokenRecord {
  func encoded() throws(RepositoryError) -> [UInt8] {
    var writer = RecordWriter(version: Layout.version)
    writer.append(purpose.rawValue)
    writer.append(tries)
    writer.append(0 as UInt8)
    writer.append(userEpoch)
    writer.append(userID)
    writer.append(createdAt)
    writer.append(expiresAt)
    if !payload.isEmpty {
      try writer.append(tag: Layout.payloadTag, payload.span, limit: Self.maxPayloadByteCount, in: .oneTimeTokens)
    }
    return writer.bytes
  }

  init(digest: Digest, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    let rawPurpose: UInt8 = try reader.number(in: bytes)
    guard let purpose = OneTimePurpose(rawValue: rawPurpose) else { throw .invalidField(offset: Layout.purpose) }
    self.digest = digest
    self.purpose = purpose
    tries = try reader.number(in: bytes)
    let reserved: UInt8 = try reader.number(in: bytes)
    guard reserved == 0 else { throw .invalidField(offset: Layout.reserved) }
    userEpoch = try reader.number(in: bytes)
    userID = try reader.identifier(in: bytes)
    createdAt = try reader.number(in: bytes)
    expiresAt = try reader.number(in: bytes)
    payload = []
    while let (tag, range) = try reader.field(in: bytes) {
      guard tag == Layout.payloadTag, !range.isEmpty else { throw .invalidField(offset: range.lowerBound) }
      payload = bytes.extracting(range).array()
    }
  }
}
