// One page of the list of users: what is asked for, and what comes back.

/// The question behind `GET /api/v1/users`.
package struct UserListQuery: Sendable {
  package let order: Order
  package let limit: Int
  /// The `nextCursor` of the page before; nil for the first page.
  package let cursor: String?
  /// Only the account with this address, in any case.
  package let email: String?
  /// Only if it has this status; without one, only if it is not deleted. Goes with an address.
  package let status: User.Status?

  package static let limits = 1...200
  package static let defaultLimit = 50

  /// - Returns: nil if `limit` is outside 1-200, or for a status without an address.
  package init?(
    order: Order = .oldestFirst, limit: Int = defaultLimit, cursor: String? = nil, email: String? = nil,
    status: User.Status? = nil
  ) {
    guard Self.limits.contains(limit), status == nil || email != nil else { return nil }
    self.email = email
    self.status = status
    self.order = order
    self.limit = limit
    self.cursor = cursor
  }

  /// The orders a list may have, as `sort` spells them.
  package enum Order: String, Sendable, CaseIterable {
    case oldestFirst = "createdAt"
    case newestFirst = "-createdAt"
  }
}

/// Users in the order asked for, and where to go on.
package struct UserPage: Sendable {
  package let users: [User]
  /// Nil on the last page. Made of `[A-Za-z0-9_-]`.
  package let nextCursor: String?
}
