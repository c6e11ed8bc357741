// What is kept of a request that may come again, and its bytes. docs/records.md §13.

package import Codecs

/// What a kept answer is found by. Neither who asked nor their key can be read from it.
package struct AnswerName: Hashable, Sendable {
  /// A MAC of who asked.
  package let asker: UUID
  /// A MAC of the route and of the key that came with the request.
  package let request: UUID

  package init(asker: UUID, request: UUID) {
    self.asker = asker
    self.request = request
  }
}

/// The answer to one request, sealed. Times are milliseconds since 1970, UTC.
package struct AnswerRecord: Sendable, Equatable {
  package let name: AnswerName
  /// From then on it says nothing.
  package let endsAt: Int64
  /// A MAC of what was asked.
  package let fingerprint: UUID
  /// The answer itself, under a key that is not in the store.
  package let box: [UInt8]

  /// What the engine's largest value has room for.
  package static let maxBoxByteCount = (1 << 20) - 64

  package init(name: AnswerName, endsAt: Int64, fingerprint: UUID, box: [UInt8]) {
    self.name = name
    self.endsAt = endsAt
    self.fingerprint = fingerprint
    self.box = box
  }
}

/// How much may be kept, and for how many.
package struct AnswerLimits: Sendable {
  /// Of all askers together; beyond it those that end first make way.
  package var maxCount: Int
  /// The bytes of all values; beyond it those that end first make way.
  package var maxByteCount: Int

  package init(maxCount: Int = 1_000_000, maxByteCount: Int = 256 << 20) {
    precondition(maxCount > 0 && maxByteCount > 0, "no answer could be kept")
    self.maxCount = maxCount
    self.maxByteCount = maxByteCount
  }
}

/// Values are stored on disk; never change them within a version.
private enum Layout {
  static let version: UInt8 = 1
  static let boxByteCount = 25
}

extension AnswerRecord {
  /// - Throws: `.fieldTooLong`.
  func encoded() throws(RepositoryError) -> [UInt8] {
    guard box.count <= Self.maxBoxByteCount else {
      throw .fieldTooLong(.idempotentAnswers, byteCount: box.count, limit: Self.maxBoxByteCount)
    }
    var writer = RecordWriter(version: Layout.version)
    writer.append(endsAt)
    writer.append(fingerprint)
    writer.append(UInt32(box.count))
    return writer.bytes + box
  }

  init(name: AnswerName, decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Layout.version)
    self.name = name
    endsAt = try reader.number(in: bytes)
    fingerprint = try reader.identifier(in: bytes)
    let count: UInt32 = try reader.number(in: bytes)
    let rest = bytes.count - reader.offset
    guard rest >= Int(count) else { throw .truncated(offset: reader.offset) }
    guard rest == Int(count) else { throw .trailingBytes(offset: reader.offset + Int(count)) }
    guard count > 0, Int(count) <= Self.maxBoxByteCount else { throw .invalidField(offset: Layout.boxByteCount) }
    box = bytes.extracting(reader.offset..<bytes.count).array()
  }
}

/// How many answers are kept, and how many bytes their values have together.
struct AnswerState: Equatable {
  var rowCount: UInt64
  var byteCount: UInt64

  private static let version: UInt8 = 1

  init(rowCount: UInt64 = 0, byteCount: UInt64 = 0) {
    self.rowCount = rowCount
    self.byteCount = byteCount
  }

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    rowCount = try reader.number(in: bytes)
    byteCount = try reader.number(in: bytes)
    try reader.end(in: bytes)
  }

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(rowCount)
    writer.append(byteCount)
    return writer.bytes
  }
}
