// The audit trail for those who may read it, and its retention.

import Codecs
import Crypto
package import Platform
package import Repositories

/// Reads the audit trail and lets its oldest records go. Any thread may call it.
package final class AuditService: Sendable {
  private let store: Store
  private let audit: Audit
  private let cursors: HMACSHA256
  private let clock: any Clock
  private let retention: Int64

  /// Records that one page looks at, so that a filter that fits nothing costs no more than a full page.
  private static let maxExamined = 1000
  private static let maxDroppedCount = 128
  private static let retentionInterval = 3600

  /// - Parameters:
  ///   - sessions: whose store and keys it works with.
  ///   - retention: how long records are kept, in seconds.
  package init(of sessions: SessionService, retention: Int, clock: any Clock) {
    precondition(retention > 0, "audit records are kept for \(retention) s")
    store = sessions.store
    audit = sessions.audit
    cursors = sessions.keys.cursors
    self.clock = clock
    self.retention = Int64(retention) * 1000
  }

  /// The hash that joins the records of the trail.
  package static func hash(_ bytes: Span<UInt8>) -> AuditHash { Audit.hash(bytes) }

  /// One page, newest first. A page may be short, or empty, and still have a next one: a filter looks at so many records at once.
  ///
  /// - Throws: `.forbidden`, `.invalidCursor`.
  package func list(_ query: AuditQuery, by authority: Authority) throws(AuthError) -> ListPage<AuditEntry> {
    try authority.require(.auditRead)
    var upper: UInt64?
    let cursors = ListCursor(.audit, filters: query.filters, key: cursors)
    if let cursor = query.cursor { upper = try cursors.place(cursor).reduce(0) { $0 << 8 | UInt64($1) } }
    var entries: [AuditEntry] = []
    var last: UInt64?
    try store.reading { (transaction) throws(RepositoryError) in
      // Times do not go back, so the place of a moment is found by halving.
      if upper == nil, let until = query.until { upper = try store.audit.firstSequence(from: until, in: &transaction) }
      let first = try store.audit.trail(in: &transaction).first
      var examined = 0
      while entries.count < query.limit, examined < Self.maxExamined {
        let records = try store.audit.page(before: upper, limit: min(query.limit, Self.maxExamined - examined), in: &transaction)
        last = nil
        for record in records {
          if let since = query.since, record.time < since { return last = nil }
          examined += 1
          last = record.sequence
          if query.fits(record) { entries.append(AuditEntry(record)) }
          if entries.count == query.limit { break }
        }
        upper = last
        if last == nil || last == first { return last = nil }
      }
    }
    let next = last.map { last in
      cursors.text(at: stride(from: UInt64(0), to: 64, by: 8).map { UInt8(truncatingIfNeeded: last >> (56 - $0)) })
    }
    return ListPage(entries, nextCursor: next)
  }

  /// Lets records go that are older than the retention.
  package var retentionJob: UpkeepJob {
    UpkeepJob("audit retention", everySeconds: Self.retentionInterval) { [self] () throws(AuthError) in
      let now = clock.wallMilliseconds()
      do throws(RepositoryError) {
        let dropped = try store.writeUnhurried { (transaction) throws(RepositoryError) in
          try audit.dropOldest(age: retention, at: now, limit: Self.maxDroppedCount, in: &transaction)
        }
        return dropped == Self.maxDroppedCount ? .more : .done
      } catch { throw AuthError(error) }
    }
  }
}

extension AuditQuery {
  fileprivate func fits(_ record: AuditRecord) -> Bool {
    if let actor {
      switch record.actor {
      case .user(let id), .key(let id): if id != actor.uuid { return false }
      case .nobody, .owner: return false
      }
    }
    if let subject, record.subject != subject.uuid { return false }
    if let type, "\(record.event.name)" != type { return false }
    return true
  }

  /// What a cursor belongs to: all but the limit.
  fileprivate var filters: [String?] {
    [actor?.description, subject?.description, since.map { "\($0)" }, until.map { "\($0)" }, type]
  }
}
