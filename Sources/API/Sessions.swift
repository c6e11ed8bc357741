// The sessions of a person: /api/auth/sessions for their own, /api/v1/users/{id}/sessions for those of others.

import Auth
import Codecs
import HTTP

extension Services {
  // MARK: One's own

  @Sendable func listSessions(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    let parameters = try ListParameters(request, knows: [])
    let page = try calling(request) { () throws(AuthError) in try sessions.list(SessionListQuery(parameters), of: principal) }
    response.write(page, parameters, at: "/api/auth/sessions", current: principal.session)
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
    let parameters = try ListParameters(request, knows: [])
    guard let user = request.withParameter(0, { UserID($0) }) else { throw ProblemKind.notFound.problem() }
    let page = try calling(request) { () throws(AuthError) in
      try sessions.list(SessionListQuery(parameters), of: user, by: authority)
    }
    let current: SessionID? =
      switch authority {
      case .principal(let principal): principal.session
      case .owner: nil
      }
    response.write(page, parameters, at: "/api/v1/users/\(user)/sessions", current: current)
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
  fileprivate mutating func write(
    _ page: ListPage<Session>, _ parameters: ListParameters, at path: String, current: SessionID?
  ) {
    write(page, parameters, at: path) { json, session in json.value(session, isCurrent: session.id == current) }
  }
}

extension SessionListQuery {
  fileprivate init(_ parameters: ListParameters) {
    self.init()
    limit = parameters.limit
    cursor = parameters.cursor
  }
}
