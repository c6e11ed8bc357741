// Who is asking: the bearer token of a request, and the peer of the admin socket.

import Auth
import Codecs
import HTTP

/// A handler for someone who has proved who they are.
typealias PrincipalHandler = @Sendable (borrowing Request, Principal, inout Response) throws(Problem) -> Void

/// A handler for whoever may administrate: a person, or the owner of the data folder.
typealias AuthorityHandler = @Sendable (borrowing Request, Authority, inout Response) throws(Problem) -> Void

extension Services {
  /// Lets only bearers of a live access token through whose session is not restricted: what people do to their own account, no key may do.
  func authenticated(_ handler: @escaping PrincipalHandler) -> Handler {
    { [self] request, response throws(Problem) in
      let person = try person(of: request, &response)
      try calling(request) { () throws(AuthError) in try person.requireNoRestriction() }
      try handler(request, person, &response)
    }
  }

  /// Lets every bearer of a live access token through: for the few endpoints that lift a restriction or have to be seen meanwhile.
  func authenticated(evenIfRestricted handler: @escaping PrincipalHandler) -> Handler {
    { [self] request, response throws(Problem) in
      try handler(request, try person(of: request, &response), &response)
    }
  }

  /// Lets bearers of a live access token or an API key through that is not restricted.
  func admitted(_ handler: @escaping PrincipalHandler) -> Handler {
    { [self] request, response throws(Problem) in
      try handler(request, try unrestrictedPrincipal(of: request, &response), &response)
    }
  }

  /// Lets bearers of a live access token or an API key through that is not restricted, and on the admin socket its owner without one.
  func authorized(_ handler: @escaping AuthorityHandler) -> Handler {
    { [self] request, response throws(Problem) in
      if request.listenerIndex == operation.adminListenerIndex {
        guard let user = request.peerUserID, user == operation.ownerUserID || user == 0 else {
          throw ProblemKind.forbidden.problem("only the owner of the data folder may use its admin socket")
        }
        try handler(request, .owner, &response)
      } else {
        try handler(request, .principal(try unrestrictedPrincipal(of: request, &response)), &response)
      }
    }
  }

  /// The same for those who have the permission.
  func authorized(_ permission: Permission, _ handler: @escaping AuthorityHandler) -> Handler {
    authorized { [self] request, authority, response throws(Problem) in
      try calling(request) { () throws(AuthError) in try authority.require(permission) }
      try handler(request, authority, &response)
    }
  }

  /// Lets the owner of the data folder through, on the admin socket; for everybody else there is nothing.
  func owned(_ handler: @escaping AuthorityHandler) -> Handler {
    authorized { [self] request, authority, response throws(Problem) in
      guard request.listenerIndex == operation.adminListenerIndex else { throw ProblemKind.notFound.problem() }
      try handler(request, authority, &response)
    }
  }

  private func person(of request: borrowing Request, _ response: inout Response) throws(Problem) -> Principal {
    let principal = try principal(of: request, &response)
    try calling(request) { () throws(AuthError) in _ = try principal.requireSession() }
    return principal
  }

  private func unrestrictedPrincipal(of request: borrowing Request, _ response: inout Response) throws(Problem) -> Principal {
    let principal = try principal(of: request, &response)
    try calling(request) { () throws(AuthError) in try principal.requireNoRestriction() }
    return principal
  }

  private func principal(of request: borrowing Request, _ response: inout Response) throws(Problem) -> Principal {
    let principal: Principal
    do throws(Problem) {
      principal = try request.withBearerToken { token throws(Problem) in
        guard let token else { throw .unauthorized(.missingToken, .none) }
        do throws(AuthError) { return try sessions.authenticate(token) } catch { throw problem(error, in: request) }
      }
    } catch {
      if error.status == .unauthorized, let limiter = anonymousLimiter { try limiter.admit(request) }
      throw error
    }
    response.subject = (principal.userID.uuid.high, principal.userID.uuid.low)
    return principal
  }
}

extension Request {
  /// Runs `body` on the token of `Authorization: Bearer`, nil without such a line.
  ///
  /// - Throws: 401 `missing_token` for another scheme or a bearer without a token.
  borrowing func withBearerToken<Value>(_ body: (Span<UInt8>?) throws(Problem) -> Value) throws(Problem) -> Value {
    let value = try withHeader(.authorization) { line throws(Problem) -> Value in
      guard line.count > 7, line.hasBearerScheme else { throw .unauthorized(.missingToken, .none) }
      return try body(line.extracting(7..<line.count))
    }
    if let value { return value }
    return try body(nil)
  }
}

extension Span<UInt8> {
  /// Whether the bytes begin with `Bearer` in any case and a space (RFC 9110 section 11.1).
  fileprivate var hasBearerScheme: Bool {
    let scheme: InlineArray<7, UInt8> = [0x62, 0x65, 0x61, 0x72, 0x65, 0x72, 0x20]
    guard count >= scheme.count else { return false }
    for index in scheme.indices where self[index] | 0x20 != scheme[index] { return false }
    return self[6] == 0x20
  }
}
