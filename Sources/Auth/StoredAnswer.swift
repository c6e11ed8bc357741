// An answer that can be given again, and the bytes that are sealed of it.

/// What a handler decides about a successful answer.
package struct StoredAnswer: Sendable, Equatable {
  package let status: UInt16
  /// Where the new object is found.
  package let location: String?
  /// The revision that the answer shows, if it shows an object that has one.
  package let revision: UInt64?
  /// One JSON value.
  package let body: [UInt8]

  package init(status: UInt16, location: String? = nil, revision: UInt64? = nil, body: [UInt8]) {
    precondition((200..<300).contains(status), "an answer with status \(status) is not kept")
    self.status = status
    self.location = location
    self.revision = revision
    self.body = body
  }
}

extension StoredAnswer {
  private static let version: UInt8 = 1
  /// Version, status, revision (0 for none), length of the location (0 for none).
  private static let headByteCount = 1 + 2 + 8 + 2
  private static let maxLocationByteCount = 512

  /// Version 1; numbers least significant byte first, then the location and the body.
  func encoded() -> [UInt8] {
    let location = Array((location ?? "").utf8)
    precondition(location.count <= Self.maxLocationByteCount, "a location of \(location.count) bytes")
    var bytes = [Self.version]
    bytes.reserveCapacity(Self.headByteCount + location.count + body.count)
    for shift in [0, 8] as [UInt16] { bytes.append(UInt8(truncatingIfNeeded: status >> shift)) }
    for shift in stride(from: 0 as UInt64, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: (revision ?? 0) >> shift)) }
    for shift in [0, 8] { bytes.append(UInt8(truncatingIfNeeded: location.count >> shift)) }
    return bytes + location + body
  }

  /// Nil for bytes that this program has not written.
  init?(decoding bytes: Span<UInt8>) {
    func number(_ range: Range<Int>) -> UInt64 { range.reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
    guard bytes.count >= Self.headByteCount, bytes[0] == Self.version else { return nil }
    let status = UInt16(number(1..<3)), revision = number(3..<11), end = Self.headByteCount + Int(number(11..<13))
    guard (200..<300).contains(status), end <= bytes.count,
      let location = String(validating: (Self.headByteCount..<end).map { bytes[$0] }, as: UTF8.self)
    else { return nil }
    self.init(
      status: status, location: location.isEmpty ? nil : location, revision: revision == 0 ? nil : revision,
      body: (end..<bytes.count).map { bytes[$0] })
  }
}

extension StoredAnswer: CustomStringConvertible, CustomReflectable {
  /// The body may hold a secret.
  package var description: String { "<answer \(status)>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
