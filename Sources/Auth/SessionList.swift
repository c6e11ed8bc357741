// One page of a user's sessions: what is asked for.

/// The question behind the lists of sessions.
package struct SessionListQuery: Sendable {
  package var limit = ListLimits.defaultCount
  /// The `nextCursor` of the page before; nil for the first page.
  package var cursor: String?

  package init() {}
}
