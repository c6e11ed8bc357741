// A record of the audit trail as the floors above see it.

import Codecs
package import Repositories

/// One security event. Times are milliseconds since 1970, UTC.
package struct AuditEntry: Sendable {
  /// Its place in the trail, from 1.
  package let sequence: UInt64
  package let time: Int64
  /// What happened, such as `login.failed`.
  package let type: StaticString
  /// `nobody`, `user`, `owner` (of the data folder) or `key`.
  package let actorKind: StaticString
  /// Of a user or a key.
  package let actorID: String?
  package let subject: String?
  package let session: String?
  package let network: String?
  /// A MAC of an address that has no account: equal for equal addresses, in hexadecimal.
  package let addressTag: String?
  package let reason: StaticString?
  package let role: String?
  package let count: UInt32?
  package let policy: StaticString?
  /// The API key that it happened to.
  package let key: String?

  /// Whether anything can be of this type.
  package static func isType(_ name: String) -> Bool { AuditEvent.allCases.contains { "\($0.name)" == name } }

  package init(_ record: AuditRecord) {
    sequence = record.sequence
    time = record.time
    type = record.event.name
    switch record.actor {
    case .nobody: (actorKind, actorID) = ("nobody", nil)
    case .user(let id): (actorKind, actorID) = ("user", id.description)
    case .owner: (actorKind, actorID) = ("owner", nil)
    case .key(let id): (actorKind, actorID) = ("key", id.description)
    }
    subject = record.subject?.description
    session = record.session?.description
    network = record.network
    addressTag = record.addressTag.map { Hex.encodedString($0.span) }
    reason = record.details.reason?.name
    role = record.details.role?.text
    count = record.details.count
    policy = record.details.policy?.name
    key = record.details.key?.description
  }
}

/// The question behind `GET /api/v1/audit`: newest first.
package struct AuditQuery: Sendable {
  package var actor: UserID?
  package var subject: UserID?
  /// A type by its name.
  package var type: String?
  /// From this moment on.
  package var since: Int64?
  /// Before this moment.
  package var until: Int64?
  package var limit = ListLimits.defaultCount
  /// The `nextCursor` of the page before; nil for the first page.
  package var cursor: String?

  package init() {}
}
