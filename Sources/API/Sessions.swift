// The sessions of a person: /api/auth/sessions for their own, /api/v1/users/{id}/sessions for those of others.

import Auth
import Codecs
import HTTP

extension Services {
  // MARK: One's own

  @Sendable func listSessions(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    let query = try request.sessionListQuery()
    let page = try calling(request) { () throws(AuthError) in try sessions.list(query, of: principal) }
    response.write(page, query, at: "/api/auth/sessions", current: principal.sessionID)
  }

  @Sendable func endSession(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    guard let id = request.withParameter(0, { SessionID($0) }) else { throw ProblemKind.notFound.problem() }
    try ending(request, &response) { (origin, response) throws(AuthError) in
      response.hold(until: try sessions.end(id, by: principal, from: origin))
    }
  }

  @Sendable func endOtherSessions(_ request: borrowing Request, _ principal: Principal, _ response: inout Response)
    throws(Problem)
  {
    try ending(request, &response) { (origin, response) throws(AuthError) in
      response.hold(until: try sessions.endOthers(by: principal, from: origin))
    }
  }

  // MARK: Those of others

  @Sendable func listUserSessions(
    _ request: borrowing Request, _ authority: Authority, _ response: inout Response
  ) throws(Problem) {
    let query = try request.sessionListQuery()
    guard let user = request.withParameter(0, { UserID($0) }) else { throw ProblemKind.notFound.problem() }
    let page = try calling(request) { () throws(AuthError) in try sessions.list(query, of: user, by: authority) }
    let current: SessionID? =
      switch authority {
      case .principal(let principal): principal.sessionID
      case .owner: nil
      }
    response.write(page, query, at: "/api/v1/users/\(user)/sessions", current: current)
  }

  @Sendable func endUserSession(
    _ request: borrowing Request, _ authority: Authority, _ response: inout Response
  ) throws(Problem) {
    guard let user = request.withParameter(0, { UserID($0) }), let id = request.withParameter(1, { SessionID($0) }) else {
      throw ProblemKind.notFound.problem()
    }
    try ending(request, &response) { (origin, response) throws(AuthError) in
      response.hold(until: try sessions.end(id, of: user, by: authority, from: origin))
    }
  }

  @Sendable func endUserSessions(
    _ request: borrowing Request, _ authority: Authority, _ response: inout Response
  ) throws(Problem) {
    guard let user = request.withParameter(0, { UserID($0) }) else { throw ProblemKind.notFound.problem() }
    try ending(request, &response) { (origin, response) throws(AuthError) in
      response.hold(until: try sessions.end(nil, of: user, by: authority, from: origin))
    }
  }

  private func ending(
    _ request: borrowing Request, _ response: inout Response, _ call: (SessionOrigin, inout Response) throws(AuthError) -> Void
  ) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    do throws(AuthError) { try call(request.origin, &response) } catch {
      if error.mayShowTheStore { response.hold(until: sessions.heldPosition) }
      throw problem(error, in: request)
    }
    response.status = .noContent
  }
}

extension Response {
  fileprivate mutating func write(_ page: SessionPage, _ query: SessionListQuery, at path: String, current: SessionID?) {
    if let cursor = page.nextCursor { header("Link", "<\(path)?limit=\(query.limit)&cursor=\(cursor)>; rel=\"next\"") }
    json { json in
      json.beginObject()
      json.key("data")
      json.beginArray()
      for session in page.sessions { json.value(session, isCurrent: session.id == current) }
      json.endArray()
      json.page(nextCursor: page.nextCursor)
      json.endObject()
    }
  }
}

extension Request {
  /// - Throws: 400 `invalid_request` for a parameter that is unknown, comes twice or has a value that it cannot have.
  fileprivate borrowing func sessionListQuery() throws(Problem) -> SessionListQuery {
    guard let items = queryItems() else { throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8") }
    var limit = SessionListQuery.defaultLimit
    var cursor: String?
    var seen: Set<String> = []
    for (name, value) in items {
      guard seen.insert(name).inserted else { throw ProblemKind.invalidRequest.problem("the parameter \(name) comes twice") }
      switch name {
      case "limit":
        guard value.utf8.count <= 4, let number = UInt16(value), SessionListQuery.limits.contains(Int(number)) else {
          let limits = SessionListQuery.limits
          throw ProblemKind.invalidRequest.problem("limit is a number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        limit = Int(number)
      case "cursor": cursor = value
      default: throw ProblemKind.invalidRequest.problem("there is no parameter of this name; limit and cursor are known")
      }
    }
    guard let query = SessionListQuery(limit: limit, cursor: cursor) else {
      throw ProblemKind.invalidRequest.problem("limit is out of range")
    }
    return query
  }
}
