// What a database may show: every version there was, who was told of it, and who saw it.

package import Platform

/// Something that must never happen, in words.
package struct Violation: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// The history that a database must not contradict.
///
/// Each transaction is acknowledged, unknown or refused; refused ones are not in here. After any crash the contents equal the state after
/// some number of transactions, in their order, and that number covers everything acknowledged and everything that a reader saw.
package struct CrashOracle: Sendable {
  package typealias Contents = [String: String]

  /// Every transaction writes a text of its own under this key, so that no two versions are equal.
  package static let marker = "n"

  /// The contents after each number of transactions; those beyond what is known to survive may be cut off by a crash.
  package private(set) var versions: [Contents] = [[:]]
  private var positions: [LogPosition] = [.zero]
  private var numbers: [String: Int] = [:]
  /// How many transactions somebody was told of.
  package private(set) var acknowledged = 0
  /// How many transactions a reader saw.
  package private(set) var seen = 0
  /// Of a device that lies nothing is demanded but that every state was one once.
  package var isDeviceHonest = true
  /// States that such a device lost, and that it may bring back: a segment's old header and its name can come from different times.
  private var lost: [String: Contents] = [:]
  private var nonce = 0

  package init() {}

  package var newest: Contents { versions[versions.count - 1] }

  /// A text that no other transaction writes.
  package mutating func newMarker() -> String {
    nonce += 1
    return "\(versions.count).\(nonce)"
  }

  package mutating func append(_ version: Contents, at position: LogPosition) {
    numbers[version[Self.marker]!] = versions.count
    versions.append(version)
    positions.append(position)
  }

  /// Notes what has been acknowledged by now.
  package mutating func note(durable: LogPosition) {
    while acknowledged + 1 < versions.count && positions[acknowledged + 1] <= durable { acknowledged += 1 }
  }

  /// The version that has this marker; nil if none ever had.
  private func number(_ marker: String?) -> Int? {
    guard let marker else { return 0 }
    return numbers[marker]
  }

  /// Judges what a reader found in one transaction: the marker, and whatever else it looked at.
  ///
  /// - Parameter differs: says how what it found is not what this version holds.
  package mutating func judgeReader(_ marker: String?, _ differs: (Contents) -> String?) throws {
    guard let count = number(marker) else { throw Violation("a reader saw \(marker ?? "nothing"), which was never written") }
    if let complaint = differs(versions[count]) { throw Violation("a reader of version \(count) saw \(complaint)") }
    if count < acknowledged { throw Violation("\(acknowledged) transactions are acknowledged, a reader sees \(count)") }
    if count < seen { throw Violation("a reader saw \(seen) transactions, a later one sees \(count)") }
    seen = max(seen, count)
  }

  /// Judges all that is there after a crash, and forgets the transactions that are not.
  package mutating func judgeRecovered(_ found: Contents) throws {
    if !isDeviceHonest, let marker = found[Self.marker], lost[marker] == found { append(found, at: .zero) }
    guard let count = number(found[Self.marker]), versions[count] == found else {
      throw Violation("the contents are no state that ever was: \(Self.brief(found))")
    }
    if isDeviceHonest {
      if count < acknowledged { throw Violation("\(acknowledged) transactions were acknowledged, \(count) are there") }
      if count < seen { throw Violation("a reader saw \(seen) transactions, \(count) are there") }
    }
    for version in versions[(count + 1)...] {
      let marker = version[Self.marker]!
      numbers[marker] = nil
      if !isDeviceHonest { lost[marker] = version }
    }
    versions.removeSubrange((count + 1)...)
    positions = versions.map { _ in .zero }
    acknowledged = count
    seen = count
  }

  /// Whether these contents are some state that was there once.
  package func knows(_ found: Contents) -> Bool { number(found[Self.marker]).map { versions[$0] == found } ?? false }

  /// Long values as their beginning and length.
  static func brief(_ contents: Contents) -> String {
    contents.sorted { $0.key < $1.key }.map { key, value in "\(key.prefix(8))=\(value.prefix(8))/\(value.utf8.count)" }
      .joined(separator: " ")
  }
}
