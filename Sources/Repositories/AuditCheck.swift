// Whether the audit trail is the one that was written: every record, in its place, unchanged. docs/records.md §9.

package import Storage

/// What a walk along the chain found.
package struct AuditReport: Sendable {
  /// The records that should be there: `first` up to, but not including, `next`.
  package internal(set) var first: UInt64 = 1
  package internal(set) var next: UInt64 = 1
  /// How many records, from the oldest on, fit.
  package internal(set) var count: UInt64 = 0
  /// The first record that does not fit, and why; nil if all do.
  package internal(set) var misfit: Misfit?

  package struct Misfit: Sendable, Equatable {
    package let sequence: UInt64
    package let what: String
  }

  package var isSound: Bool { misfit == nil }
}

/// Follows the chain from its anchor to its end, in one pass over the entries of a store.
package struct AuditCheck {
  private let hash: AuditRepository.Hash
  private var report = AuditReport()
  private var trail = AuditTrail()
  private var expected = AuditHash(repeating: 0)
  private var time = Int64.min
  private var hasBegun = false

  private init(hash: @escaping AuditRepository.Hash) { self.hash = hash }

  /// - Throws: what reading throws; what does not fit is in the report.
  package static func run(
    _ entries: (
      _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> ScanStep
    ) throws(RepositoryError) -> Void, hash: @escaping AuditRepository.Hash
  ) throws(RepositoryError) -> AuditReport {
    var check = AuditCheck(hash: hash)
    try entries { (key, value) throws(RepositoryError) in try check.meet(key, value) }
    check.finish()
    return check.report
  }

  /// Settings come first, the trail's records later, in the order of their numbers.
  private mutating func meet(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(RepositoryError) -> ScanStep {
    if key[0] > TableTag.audit.rawValue || report.misfit != nil { return .stop }
    if key.count == 2, key[0] == TableTag.settings.rawValue, key[1] == Setting.auditTrail.rawValue {
      do throws(RecordDamage) { trail = try AuditTrail(decoding: value) } catch { throw .damaged(.settings, error) }
    }
    guard key[0] == TableTag.audit.rawValue else { return .next }
    begin()
    judge(key, value)
    return report.misfit == nil ? .next : .stop
  }

  private mutating func begin() {
    guard !hasBegun else { return }
    hasBegun = true
    report.first = trail.first
    report.next = trail.next
    expected = trail.anchor
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
    begin()
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
