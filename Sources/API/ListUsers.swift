// GET /api/v1/users: all accounts, page by page.

package import Auth
package import Codecs
import HTTP

extension Services {
  @Sendable func listUsers(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let query = try request.userListQuery()
    let page = try calling(request) { () throws(AuthError) in try accounts.list(query, by: authority) }
    if let cursor = page.nextCursor {
      response.header(
        "Link", "</api/v1/users?limit=\(query.limit)&sort=\(query.order.rawValue)&cursor=\(cursor)>; rel=\"next\"")
    }
    response.json { json in json.page(page) }
  }
}

extension JSONWriter {
  /// A page of users.
  package mutating func page(_ page: UserPage) {
    beginObject()
    key("data")
    beginArray()
    for user in page.users { value(user) }
    endArray()
    self.page(nextCursor: page.nextCursor)
    endObject()
  }
}

extension Request {
  /// - Throws: 400 `invalid_request` for a parameter that is unknown, comes twice or has a value that it cannot have.
  fileprivate borrowing func userListQuery() throws(Problem) -> UserListQuery {
    guard let items = queryItems() else { throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8") }
    var order = UserListQuery.Order.oldestFirst
    var limit = UserListQuery.defaultLimit
    var cursor: String?, email: String?, status: User.Status?
    var seen: Set<String> = []
    for (name, value) in items {
      guard seen.insert(name).inserted else { throw ProblemKind.invalidRequest.problem("the parameter \(name) comes twice") }
      switch name {
      case "sort":
        guard let known = UserListQuery.Order(rawValue: value) else {
          let orders = UserListQuery.Order.allCases.map(\.rawValue).joined(separator: ", ")
          throw ProblemKind.invalidRequest.problem("sort is one of \(orders)")
        }
        order = known
      case "limit":
        guard value.utf8.count <= 4, let number = UInt16(value), UserListQuery.limits.contains(Int(number)) else {
          let limits = UserListQuery.limits
          throw ProblemKind.invalidRequest.problem("limit is a number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        limit = Int(number)
      case "cursor": cursor = value
      case "email": email = value
      case "status":
        guard let known = User.Status(rawValue: value) else {
          throw ProblemKind.invalidRequest.problem("status is active, disabled or deleted")
        }
        status = known
      default:
        throw ProblemKind.invalidRequest.problem(
          "there is no parameter of this name; sort, limit, cursor, email and status are known")
      }
    }
    guard let query = UserListQuery(order: order, limit: limit, cursor: cursor, email: email, status: status) else {
      throw ProblemKind.invalidRequest.problem("status goes with email")
    }
    return query
  }
}
