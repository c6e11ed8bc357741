// GET /api/auth/verify: whether a reverse proxy may let a request through, and whose it is. Read by its status and its header alone.

import Auth
import Codecs
import HTTP

extension Services {
  /// Of the request that the proxy asks about only `Authorization` counts. Allocates nothing when the answer is yes.
  @Sendable func verify(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    guard try request.isSatisfied(by: principal) else { throw ProblemKind.forbidden.problem() }
    response.status = .noContent
    response.header("X-Auth-User", principal.userID.uuid)
    // Empty where there is none, and never left out: a proxy that copies header fields would leave there what the client had sent.
    if let role = principal.role {
      role.withSpan { response.header("X-Auth-Role", $0) }
    } else {
      response.header("X-Auth-Role", "" as StaticString)
    }
    if let session = principal.session {
      response.header("X-Auth-Session", session.uuid)
    } else {
      response.header("X-Auth-Session", "" as StaticString)
    }
  }
}

extension Request {
  /// Whether a principal has one of the roles that the query names, if it names any, and all of the permissions.
  ///
  /// Whoever writes the query protects something with it, so what cannot be meant is refused and not passed over.
  /// - Throws: 400 `invalid_request` for another parameter, a role that cannot be, or a permission that is none.
  fileprivate borrowing func isSatisfied(by principal: Principal) throws(Problem) -> Bool {
    let verdict = withQuery { query in
      var demands = Demands()
      var start = 0
      while start < query.count {
        var end = start
        while end < query.count, query[end] != UInt8(ascii: "&") { end += 1 }
        if end > start {
          let item = query.extracting(start..<end)
          if item.contains(UInt8(ascii: "%")) || item.contains(UInt8(ascii: "+")) {
            // No role and no permission needs an escape, but `:` may come as one.
            let decoded = PercentEncoding.decodeForm(item) ?? []
            demands.judge(decoded.span, principal)
          } else {
            demands.judge(item, principal)
          }
        }
        start = end + 1
      }
      return demands
    }
    if verdict.isMisspelt {
      throw ProblemKind.invalidRequest.problem("role=NAME and permission=NAME are known, each with a name that can be")
    }
    return !verdict.lacksPermission && (!verdict.wantsRole || verdict.hasRole)
  }
}

/// What a query asks of a principal, and what was found.
private struct Demands {
  var wantsRole = false
  var hasRole = false
  var lacksPermission = false
  var isMisspelt = false

  mutating func judge(_ item: Span<UInt8>, _ principal: Principal) {
    if item.has("role=", at: 0) {
      let name = item.extracting(5...)
      wantsRole = true
      if !HeldRole.isName(name) { isMisspelt = true }
      if let role = principal.role, role.equals(name) { hasRole = true }
    } else if item.has("permission=", at: 0), let permission = Permission(item.extracting(11...)) {
      if !principal.permissions.contains(permission) { lacksPermission = true }
    } else {
      isMisspelt = true
    }
  }
}

extension Span<UInt8> {
  fileprivate func contains(_ byte: UInt8) -> Bool {
    for index in indices where self[index] == byte { return true }
    return false
  }
}
