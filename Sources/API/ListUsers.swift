// GET /api/v1/users: accounts found, filtered and sorted, page by page.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func listUsers(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let parameters = try ListParameters(request, knows: ["sort", "status", "role", "q", "email", "count"])
    let query = try UserListQuery(parameters)
    // Counting takes time in proportion to the users, which no event loop has.
    if query.isCounted, !request.mayWait { throw .needsWorker }
    let page = try calling(request) { () throws(AuthError) in try accounts.list(query, by: authority) }
    response.write(page, parameters, at: "/api/v1/users") { json, user in json.value(user) }
  }
}

extension UserListQuery {
  /// - Throws: 400 `invalid_request` for a value that a parameter cannot have.
  fileprivate init(_ parameters: ListParameters) throws(Problem) {
    self.init()
    limit = parameters.limit
    cursor = parameters.cursor
    for (name, value) in parameters.filters {
      switch name {
      case "sort":
        order = try Self.value(UserListQuery.Order(rawValue: value), "sort is createdAt, -createdAt or email")
      case "status": status = try Self.value(User.Status(rawValue: value), "status is active, disabled or deleted")
      case "role": role = try Self.value(UserListQuery.isRole(value) ? value : nil, "role is the name of a role")
      case "q":
        let isTaken = (1...UserListQuery.maxPrefixByteCount).contains(value.utf8.count)
        prefix = try Self.value(isTaken ? value : nil, "q is the beginning of an address or a name, of 1 to 254 bytes")
      case "email": email = value
      default: isCounted = try Self.value(Bool(value), "count is true or false")
      }
    }
  }

  private static func value<Value>(_ value: Value?, _ detail: String) throws(Problem) -> Value {
    guard let value else { throw ProblemKind.invalidRequest.problem(detail) }
    return value
  }
}
