// What is counted against guessing, and its bytes. docs/records.md §10.

package import Codecs

/// What a counter belongs to. No address is in it: sixteen bytes are a MAC or a user, eight of a MAC say which client.
package struct ThrottleKey: Hashable, Sendable {
  package let policy: ThrottlePolicy
  package let subject: UUID
  /// 0 where the policy does not tell clients apart.
  package let client: UInt64

  package init(_ policy: ThrottlePolicy, _ subject: UUID, client: UInt64 = 0) {
    self.policy = policy
    self.subject = subject
    self.client = client
  }

  static let byteCount = 25

  init?(_ bytes: Span<UInt8>) {
    guard bytes.count == Self.byteCount, let policy = ThrottlePolicy(rawValue: bytes[0]) else { return nil }
    self.init(policy, bytes.identifier(at: 1), client: bytes.orderedNumber(at: 17))
  }
}

/// Failures by slices of time, newest first. Moments are milliseconds on the throttle's clock (docs/records.md §10).
package struct ThrottleCounter: Sendable {
  /// When it has nothing more to say.
  package var end: Int64
  /// Until when it refuses, or when the newest slice began.
  package var moment: Int64
  package var counts: InlineArray<16, UInt16>

  package static let sliceCount = 16

  package init(end: Int64, moment: Int64, counts: InlineArray<16, UInt16>) {
    self.end = end
    self.moment = moment
    self.counts = counts
  }

  /// The order in which counters make way: those with fewer failures first, by powers of two.
  package var rank: UInt8 {
    var total: UInt32 = 0
    for index in counts.indices { total += UInt32(counts[index]) }
    return UInt8(UInt32.bitWidth - total.leadingZeroBitCount)
  }

  /// The greatest rank there is: sixteen full slices.
  static let maxRank: UInt8 = 20

  private static let version: UInt8 = 1
  private static let countsOffset = 18

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(rank)
    writer.append(end)
    writer.append(moment)
    // Old slices are empty most of the time.
    let used = (counts.indices.last { counts[$0] != 0 } ?? 0) + 1
    for index in 0..<used { writer.append(counts[index]) }
    return writer.bytes
  }

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    let rank: UInt8 = try reader.number(in: bytes)
    end = try reader.number(in: bytes)
    moment = try reader.number(in: bytes)
    counts = InlineArray(repeating: 0)
    let used = (bytes.count - Self.countsOffset) / 2
    guard (1...Self.sliceCount).contains(used) else { throw .truncated(offset: Self.countsOffset) }
    for index in 0..<used { counts[index] = try reader.number(in: bytes) }
    try reader.end(in: bytes)
    guard rank == self.rank else { throw .invalidField(offset: 1) }
  }
}

/// How many counters there are, and how far their clock has come.
struct ThrottleState {
  var rowCount: UInt64 = 0
  var moment: Int64 = 0

  private static let version: UInt8 = 1

  init() {}

  init(decoding bytes: Span<UInt8>) throws(RecordDamage) {
    var reader = try RecordReader(bytes, version: Self.version)
    rowCount = try reader.number(in: bytes)
    moment = try reader.number(in: bytes)
    try reader.end(in: bytes)
  }

  func encoded() -> [UInt8] {
    var writer = RecordWriter(version: Self.version)
    writer.append(rowCount)
    writer.append(moment)
    return writer.bytes
  }
}
