// One page of any list.

/// Items in the order of their list, and where to go on.
package struct ListPage<Item: Sendable>: Sendable {
  package let items: [Item]
  /// Nil on the last page. Made of `[A-Za-z0-9_-]`.
  package let nextCursor: String?
  /// How many items all pages have; nil unless that was asked for.
  package let total: Int?

  init(_ items: [Item], nextCursor: String?, total: Int? = nil) {
    self.items = items
    self.nextCursor = nextCursor
    self.total = total
  }
}

/// What every list takes: how long a page is, and where it begins.
package enum ListLimits {
  package static let counts = 1...200
  package static let defaultCount = 50
}
