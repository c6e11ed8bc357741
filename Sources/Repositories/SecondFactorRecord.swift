// What a user can show besides the password, and its bytes. docs/records.md §8.

package import Codecs

/// The second factors of one user. Times are milliseconds since 1970, UTC.
package struct SecondFactorRecord: Sendable, Equatable {
  package typealias CodeDigest = InlineArray<32, UInt8>

  package var userID: UUID
  /// The secret that codes are made of, sealed; nil while a first enrolment waits to be confirmed.
  package var sealedSecret: [UInt8]?
  /// The step of the newest code that was taken; codes of later steps alone are taken from then on.
  package var lastStep: UInt64
  /// When the secret was confirmed; 0 for never.
  package var enabledAt: Int64
  /// The enrolment that waits for its first code.
  package var pending: Pending?
  /// Digests of the recovery codes that were not used yet.
  package var recoveryDigests: [CodeDigest]

  /// A secret that somebody is putting into an app.
  package struct Pending: Sendable, Equatable {
    package var sealedSecret: [UInt8]
    package var endsAt: Int64

    package init(sealedSecret: [UInt8], endsAt: Int64) {
      self.sealedSecret = sealedSecret
      self.endsAt = endsAt
    }
  }

  package static let maxSealedByteCount = 128
  package static let maxRecoveryCount = 10

  package init(
    userID: UUID, sealedSecret: [UInt8]? = nil, lastStep: UInt64 = 0, enabledAt: Int64 = 0, pending: Pending? = nil,
    recoveryDigests: [CodeDigest] = []
  ) {
    self.userID = userID
    self.sealedSecret = sealedSecret
    self.lastStep = lastStep
    self.enabledAt = enabledAt
    self.pending = pending
    self.recoveryDigests = recoveryDigests
  }

  /// Whether the password alone no longer logs the user in.
  package var isEnabled: Bool { sealedSecret != nil }

  package static func == (left: SecondFactorRecord, right: SecondFactorRecord) -> Bool {
    left.userID == right.userID && left.sealedSecret == right.sealedSecret && left.lastStep == right.lastStep
      && left.enabledAt == right.enabledAt && left.pending == right.pending
      && left.recoveryDigests.count == right.recoveryDigests.count
      && zip(left.recoveryDigests, right.recoveryDigests).allSatisfy { one, other in
        one.indices.allSatisfy { one[$0] == other[$0] }
      }
  }
}

/// Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let pendingEndsAt = 17
  static let secretTag: UInt8 = 1
  static let pendingTag: UInt8 = 2
  static let recoveryTag: UInt8 = 3
  static let digestByteCount = 32
}

extension SecondFactorRecord: TableRow {
  static let table = TableTag.secondFactors

  var id: UUID { userID }

  func encoded() throws(RepositoryError) -> [UInt8] {
    precondition(isEnabled || (pending != nil && recoveryDigests.isEmpty), "a row of second factors without any")
    var writer = RecordWriter(version: Layout.version)
    writer.append(lastStep)
    writer.append(enabledAt)
    writer.append(pending?.endsAt ?? 0)
    if let sealedSecret {
      try writer.append(tag: Layout.secretTag, sealedSecret.span, limit: Self.maxSealedByteCount, in: .secondFactors)
    }
    if let pending {
      try writer.append(tag: Layout.pendingTag, pending.sealedSecret.span, limit: Self.maxSealedByteCount, in: .secondFactors)
    }
    if !recoveryDigests.isEmpty {
      var digests: [UInt8] = []
      for digest in recoveryDigests { for index in digest.indices { digests.append(digest[index]) } }
      let limit = Self.maxRecoveryCount * Layout.digestByteCount
      try writer.append(tag: Layout.recoveryTag, digests.span, limit: limit, in: .secondFactors)
    }
    return writer.bytes
  }

  init(id: UUID, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    userID = id
    lastStep = try reader.number(in: bytes)
    enabledAt = try reader.number(in: bytes)
    let pendingEndsAt: Int64 = try reader.number(in: bytes)
    var secret: [UInt8]?
    var pendingSecret: [UInt8]?
    recoveryDigests = []
    while let (tag, range) = try reader.field(in: bytes) {
      switch tag {
      case Layout.secretTag: secret = bytes.extracting(range).array()
      case Layout.pendingTag: pendingSecret = bytes.extracting(range).array()
      case Layout.recoveryTag:
        let count = range.count / Layout.digestByteCount
        guard secret != nil, range.count % Layout.digestByteCount == 0, count >= 1, count <= Self.maxRecoveryCount else {
          throw .invalidField(offset: range.lowerBound)
        }
        for number in 0..<count {
          let start = range.lowerBound + number * Layout.digestByteCount
          recoveryDigests.append(InlineArray { bytes[start + $0] })
        }
      default: throw .invalidField(offset: range.lowerBound)
      }
    }
    guard secret != nil || pendingSecret != nil else { throw .missingField(tag: Layout.secretTag) }
    guard (pendingSecret == nil) == (pendingEndsAt == 0) else { throw .invalidField(offset: Layout.pendingEndsAt) }
    sealedSecret = secret
    pending = pendingSecret.map { Pending(sealedSecret: $0, endsAt: pendingEndsAt) }
  }
}
