// Whether the audit trail is the one that was written: every record, in its place, unchanged. docs/records.md §9.

package import Storage

/// What a walk along the chain found.
package struct AuditReport: Sendable {
  /// The records that should be there: `first` up to, but not including, `next`.
  package internal(set) var first: UInt64 = 1
  package internal(set) var next: UInt64 = 1
  /// How many records, from the oldest on, fit.
  package internal(set) var count: UInt64 = 0
  /// What the newest record's hash should be.
  package internal(set) var last = AuditHash(repeating: 0)
  /// The first record that does not fit, and why; nil if all do.
  package internal(set) var misfit: Misfit?

  package struct Misfit: Sendable, Equatable {
    package let sequence: UInt64
    package let what: String
  }

  package var isSound: Bool { misfit == nil }
}

/// Passes the entries of a store to a body, in ascending order of keys, from the key `lower` on.
package typealias EntriesFrom = (
  _ lower: [UInt8], _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> ScanStep
) throws(RepositoryError) -> Void

/// Follows the chain from its anchor to its end.
package struct AuditCheck {
  private let hash: AuditRepository.Hash
  private let trail: AuditTrail
  private var report = AuditReport()
  private var expected: AuditHash
  private var time = Int64.min

  private init(_ trail: AuditTrail, _ hash: @escaping AuditRepository.Hash) {
    self.hash = hash
    self.trail = trail
    report.first = trail.first
    report.next = trail.next
    report.last = trail.last
    expected = trail.anchor
  }

  /// - Throws: what reading throws; what does not fit is in the report.
  package static func run(_ entries: EntriesFrom, hash: @escaping AuditRepository.Hash) throws(RepositoryError) -> AuditReport {
    var check = AuditCheck(try trail(entries), hash)
    try entries([TableTag.audit.rawValue]) { (key, value) throws(RepositoryError) in
      guard key[0] == TableTag.audit.rawValue else { return .stop }
      check.judge(key, value)
      return check.report.misfit == nil ? .next : .stop
    }
    check.finish()
    return check.report
  }

  /// The newest records, oldest first; at most `limit`.
  package static func newest(_ limit: Int, _ entries: EntriesFrom) throws(RepositoryError) -> [AuditRecord] {
    let trail = try trail(entries)
    let first = max(trail.first, trail.next - min(trail.next, UInt64(limit)))
    var records: [AuditRecord] = []
    var damage: RecordDamage?
    let lower = AuditRepository.key(first).withSpan { span in span.indices.map { span[$0] } }
    try entries(lower) { (key, value) throws(RepositoryError) in
      guard key[0] == TableTag.audit.rawValue else { return .stop }
      do throws(RecordDamage) {
        records.append(try AuditRecord(sequence: AuditRepository.sequence(of: key), decoding: value))
      } catch { damage = error }
      return damage == nil && records.count < limit ? .next : .stop
    }
    if let damage { throw .damaged(.audit, damage) }
    return records
  }

  private static func trail(_ entries: EntriesFrom) throws(RepositoryError) -> AuditTrail {
    let place = [TableTag.settings.rawValue, Setting.auditTrail.rawValue]
    var trail = AuditTrail()
    try entries(place) { (key, value) throws(RepositoryError) in
      guard key.count == 2, key[0] == place[0], key[1] == place[1] else { return .stop }
      do throws(RecordDamage) { trail = try AuditTrail(decoding: value) } catch { throw .damaged(.settings, error) }
      return .stop
    }
    return trail
  }

  private mutating func judge(_ key: Span<UInt8>, _ value: Span<UInt8>) {
    let place = trail.first + report.count
    do throws(RecordDamage) {
      let sequence = try AuditRepository.sequence(of: key)
      guard sequence == place, place < trail.next else {
        return refuse(
          min(sequence, place), sequence > place && place < trail.next ? "it is missing" : "it does not belong to the trail")
      }
      let record = try AuditRecord(sequence: sequence, decoding: value)
      guard Self.areEqual(record.previous, expected) else {
        return refuse(sequence, "it does not carry the hash of the one before it")
      }
      guard record.time >= time else { return refuse(sequence, "it is earlier than the one before it") }
      time = record.time
      expected = hash(AuditRepository.hashed(sequence, value).span)
      report.count += 1
    } catch {
      refuse(place, "\(error)")
    }
  }

  private mutating func finish() {
    guard report.misfit == nil else { return }
    let place = trail.first + report.count
    if place < trail.next { return refuse(place, "it is missing") }
    if !Self.areEqual(expected, trail.last) { refuse(place - 1, "the end of the trail does not carry its hash") }
  }

  private mutating func refuse(_ sequence: UInt64, _ what: String) {
    report.misfit = AuditReport.Misfit(sequence: sequence, what: what)
  }

  // No secrets: everything here is in the store.
  private static func areEqual(_ left: AuditHash, _ right: AuditHash) -> Bool {
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }
}
