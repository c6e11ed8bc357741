// The list of users: what can be asked, and in which order each question is answered at the same cost on every page.

import Codecs
import Repositories

/// The question behind `GET /api/v1/users`.
package struct UserListQuery: Sendable {
  /// Without one the oldest comes first or, with a prefix, what it was found by decides.
  package var order: Order?
  package var limit = ListLimits.defaultCount
  /// The `nextCursor` of the page before; nil for the first page.
  package var cursor: String?
  /// Only the account with this address, in any case.
  package var email: String?
  /// Only those with this status; without one, those who are not deleted.
  package var status: User.Status?
  /// Only those of the role with this name.
  package var role: String?
  /// Only those whose address or name begins so, ignoring ASCII case.
  package var prefix: String?
  /// Whether all are counted that fit; that takes time in proportion to the users.
  package var isCounted = false

  package static let maxPrefixByteCount = UserRecord.maxEmailByteCount

  package init() {}

  /// Whether a role can have this name.
  package static func isRole(_ name: String) -> Bool { RoleName(name) != nil }

  /// The orders a list may have, as `sort` spells them.
  package enum Order: String, Sendable, CaseIterable {
    case oldestFirst = "createdAt"
    case newestFirst = "-createdAt"
    case email
  }
}

/// Which users are in a list.
private struct UserFilter {
  let status: UserRecord.Status?
  let role: RoleName?
  /// In lower case.
  let prefix: [UInt8]?

  init(_ query: UserListQuery) {
    status = query.status.map { UserRecord.Status($0) }
    role = query.role.flatMap { RoleName($0) }
    prefix = query.prefix.map { $0.utf8.span.lowercasedASCII() }
  }

  func fits(_ user: UserFields, _ bytes: Span<UInt8>) -> Bool {
    guard fits(user.status) else { return false }
    if let role, RoleName(bytes.extracting(user.role)) != role { return false }
    return fits(email: bytes.extracting(user.email), name: bytes.extracting(user.name))
  }

  func fits(_ user: UserRecord) -> Bool {
    fits(user.status) && (role == nil || role == user.role) && fits(email: user.email.utf8.span, name: user.name.utf8.span)
  }

  private func fits(_ status: UserRecord.Status) -> Bool { self.status.map { $0 == status } ?? (status != .deleted) }

  private func fits(email: Span<UInt8>, name: Span<UInt8>) -> Bool {
    guard let prefix else { return true }
    return email.begins(with: prefix) || name.begins(with: prefix)
  }

  /// Whether the prefix is that of the address.
  func finds(byAddress user: UserFields, _ bytes: Span<UInt8>) -> Bool {
    bytes.extracting(user.email).begins(with: prefix ?? [])
  }
}

extension AccountService {
  /// Rows that one page looks at, so that a filter that fits nobody costs no more than a full page.
  private static let maxExamined = 1000

  /// One page of the accounts that a question asks for. Needs `users:read`.
  ///
  /// It looks at `maxExamined` accounts at most, wherever it is; what the filters leave out may make it short, or empty, although there is a next one.
  /// - Throws: `.forbidden`, `.invalidCursor`.
  package func list(_ query: UserListQuery, by authority: Authority) throws(AuthError) -> ListPage<User> {
    try authority.require(.usersRead)
    precondition(query.role.map(UserListQuery.isRole) ?? true, "a list of a role that cannot be")
    let cursors = ListCursor(
      .users,
      filters: [query.order?.rawValue, query.email, query.status?.rawValue, query.role, query.prefix], key: keys.cursors)
    var place: [UInt8] = []
    if let cursor = query.cursor { place = try cursors.place(cursor) }
    let filter = UserFilter(query)
    return try store.reading { (transaction) throws(RepositoryError) in
      if let email = query.email { return try page(of: email, filter, query, in: &transaction) }
      let (users, next) = try page(query, filter, after: place, in: &transaction)
      let total = query.isCounted ? try count(query, filter, in: &transaction) : nil
      return ListPage(users, nextCursor: next.map(cursors.text), total: total)
    }
  }

  /// The one account that has an address, if it is to be in the list.
  private func page(
    of email: String, _ filter: UserFilter, _ query: UserListQuery, in transaction: inout Reading
  ) throws(RepositoryError) -> ListPage<User> {
    var users: [User] = []
    if let user = try store.users.find(email: email, in: &transaction), filter.fits(user) { users = [User(user)] }
    return ListPage(users, nextCursor: nil, total: query.isCounted ? users.count : nil)
  }

  /// The runs of entries that a question goes along, one after the other. Whoever was met in an earlier one is left out of the later.
  private func walks(_ query: UserListQuery, _ filter: UserFilter) -> [UserWalk] {
    let order: UserRepository.Order = query.order == .newestFirst ? .newestFirst : .oldestFirst
    if query.order == .email { return [.emails([])] }
    if let prefix = filter.prefix, query.order == nil { return [.emails(prefix), .names(prefix)] }
    // Those who are not active are the fewest, then those of a role.
    if let status = filter.status, status != .active { return [.status(status, order)] }
    if let role = filter.role { return [.role(role, order)] }
    return [.creation(order)]
  }

  private func page(
    _ query: UserListQuery, _ filter: UserFilter, after start: [UInt8], in transaction: inout Reading
  ) throws(RepositoryError) -> (users: [User], next: [UInt8]?) {
    let walks = walks(query, filter)
    // A place begins with the number of its walk.
    var index = start.first.map(Int.init) ?? 0
    var place = Array(start.dropFirst())
    var users: [User] = []
    var budget = Self.maxExamined
    while index < walks.count {
      let next = try store.users.visit(walks[index], after: place, budget: &budget, in: &transaction) {
        (fields, bytes) throws(RepositoryError) in
        guard filter.fits(fields, bytes), index == 0 || !filter.finds(byAddress: fields, bytes) else { return .next }
        // One more than wanted tells that there is a next page.
        guard users.count < query.limit else { return .stop }
        users.append(User(try fields.record(in: bytes)))
        return .next
      }
      if let next { return (users, [UInt8(index)] + next) }
      index += 1
      place = []
    }
    return (users, nil)
  }

  private func count(
    _ query: UserListQuery, _ filter: UserFilter, in transaction: inout Reading
  ) throws(RepositoryError) -> Int {
    guard let prefix = filter.prefix else { return try store.users.count(filter.status, filter.role, in: &transaction) }
    var count = 0
    for (index, walk) in [UserWalk.emails(prefix), .names(prefix)].enumerated() {
      var budget = Int.max
      _ = try store.users.visit(walk, after: [], budget: &budget, in: &transaction) { fields, bytes in
        if filter.fits(fields, bytes), index == 0 || !filter.finds(byAddress: fields, bytes) { count += 1 }
        return .next
      }
    }
    return count
  }
}

extension Span<UInt8> {
  /// Whether the bytes begin with others that are in lower case, ignoring ASCII case.
  fileprivate func begins(with prefix: [UInt8]) -> Bool {
    guard count >= prefix.count else { return false }
    for index in prefix.indices where self[index].lowercasedASCII != prefix[index] { return false }
    return true
  }
}
