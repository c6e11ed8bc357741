// API keys as the floors above see them, and the body of the request that makes one.

import Repositories

/// A key for a program: never its secret. Times are milliseconds since 1970, UTC.
package struct APIKey: Sendable, Equatable {
  package let id: APIKeyID
  package let name: String
  package let permissions: PermissionSet
  package let expiresAt: Int64?
  /// The last minute in which it was used.
  package let lastUsedAt: Int64?
  package let createdAt: Int64
  package let createdBy: UserID
  /// A key never changes.
  package var revision: UInt64 { Self.revision }

  static let revision: UInt64 = 1
  /// Keys of one creator, expired ones included.
  package static let maxCount = 100
  /// Seconds that a key may live: from a minute to ten years.
  package static let lifetimes = 60...315_360_000

  /// - Parameter use: a use that is not in the row yet.
  init(_ record: APIKeyRecord, use: Int64? = nil) {
    id = APIKeyID(record.id)
    name = record.name
    permissions = PermissionSet(record.permissions)
    expiresAt = record.expiresAt == 0 ? nil : record.expiresAt
    let last = max(record.lastUsedAt, use ?? 0)
    lastUsedAt = last == 0 ? nil : last
    createdAt = record.createdAt
    createdBy = UserID(record.creator)
  }
}

/// A key that was made just now: the one time that its secret is shown.
package struct NewAPIKey: Sendable {
  package let key: APIKey
  package let secret: String
}

/// `POST /api/v1/api-keys`, and `userd admin api-key create`.
package struct APIKeyForm: Sendable {
  package var name: FieldInput
  package var permissions: ListInput
  /// Seconds; the key never expires if it is left out.
  package var expiresIn: NumberInput
  /// Whose key it is: for the owner of the folder, who has no account. Nobody else may name anybody.
  package var createdBy: FieldInput
  package var complaints: [FieldError]

  package init(
    name: FieldInput, permissions: ListInput, expiresIn: NumberInput = .absent, createdBy: FieldInput = .absent,
    complaints: [FieldError] = []
  ) {
    self.name = name
    self.permissions = permissions
    self.expiresIn = expiresIn
    self.createdBy = createdBy
    self.complaints = complaints
  }
}

/// The question behind `GET /api/v1/api-keys`: in the order of creation.
package struct APIKeyListQuery: Sendable {
  package var limit = ListLimits.defaultCount
  /// The `nextCursor` of the page before; nil for the first page.
  package var cursor: String?

  package init() {}
}
