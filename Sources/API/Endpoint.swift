// A row of the routing table: what answers a request, and what is promised about it.

import Auth
package import HTTP

/// One endpoint of the contract. The route, its place in the documents and the answer to who may call come from here alone.
package struct Endpoint: Sendable {
  package let method: Method
  package let pattern: StaticString
  /// What programs call it, such as `getUser`.
  let name: StaticString
  let access: Access
  let executor: Route.Executor
  let body: Body
  let success: Success
  /// What it reads beside the body.
  let parameters: [Parameter]
  /// The codes of what can go wrong beyond what access, body and parameters bring, with spaces between them.
  let problems: StaticString
  /// What it does, as a phrase that ends without a full stop.
  let summary: StaticString

  init(
    _ method: Method, _ pattern: StaticString, _ name: StaticString, _ access: Access, on executor: Route.Executor = .loop,
    takes body: Body = .none, gives success: Success, reads parameters: [Parameter] = [], refuses problems: StaticString = "",
    _ summary: StaticString
  ) {
    self.method = method
    self.pattern = pattern
    self.name = name
    self.access = access
    self.executor = executor
    self.body = body
    self.success = success
    self.parameters = parameters
    self.problems = problems
    self.summary = summary
  }

  /// Who may call an endpoint, and what answers them: the check before a handler follows from the case.
  enum Access: Sendable {
    /// Anybody; requests are counted for each client.
    case anyone(@Sendable (Services) -> Handler)
    /// Anybody, as often as they like.
    case uncounted(@Sendable (Services) -> Handler)
    /// Whoever comes by the metrics listener or the admin socket. Elsewhere there is nothing.
    case observer(@Sendable (Services) -> Handler)
    /// Whoever holds what the body brings; counted as `anyone`.
    case holder(of: StaticString, @Sendable (Services) -> Handler)
    /// Whoever holds an access or a refresh token, which the handler looks at; not counted.
    case eitherToken(@Sendable (Services) -> Handler)
    /// A person with a live session.
    case bearer(@Sendable (Services) -> PrincipalHandler)
    /// The same, also while the session is restricted.
    case bearerEvenIfRestricted(@Sendable (Services) -> PrincipalHandler)
    /// A person with a live session that is not restricted, or a program with an API key.
    case credential(@Sendable (Services) -> PrincipalHandler)
    /// A person whose login is recent, which the service judges in the transaction.
    case recentLogin(@Sendable (Services) -> PrincipalHandler)
    /// A person or a program that has the permission; on the admin socket its owner.
    case permission(Permission, @Sendable (Services) -> AuthorityHandler)
    /// The owner of the data folder, on the admin socket. Elsewhere there is nothing.
    case owner(@Sendable (Services) -> AuthorityHandler)
  }

  /// What a request may carry as a body.
  enum Body: Sendable {
    /// A body is read and ignored.
    case none
    case json(Schema)
    /// The same with up to 1 MiB.
    case large(Schema)
    /// A body that may be left out, because all its members may.
    case optional(Schema)
    /// A body of JSON or of JSON merge patch (RFC 7396).
    case mergePatch(Schema)
    /// A body of JSON, or a form with the same members.
    case jsonOrForm(Schema)

    var schema: Schema? {
      switch self {
      case .none: nil
      case .json(let schema), .large(let schema), .optional(let schema), .mergePatch(let schema), .jsonOrForm(let schema): schema
      }
    }

    fileprivate var accepted: Route.Body {
      switch self {
      case .none: .ignored
      case .json, .optional: .json
      case .large: .json(maxByteCount: 1 << 20)
      case .mergePatch: .mergePatch
      case .jsonOrForm: .jsonOrForm
      }
    }
  }

  /// What a request that went well is answered with.
  struct Success: Sendable {
    let status: Status
    /// The object of the body; nil for none.
    var schema: Schema?
    /// Header fields of this answer, with spaces between them.
    var headers: StaticString = ""
    /// The type of the body, if that is none of the schemas.
    var text: StaticString = ""
    /// The status under which the same object tells that all is not well.
    var otherwise: Status?

    static func ok(_ schema: Schema, _ headers: StaticString = "") -> Success {
      Success(status: .ok, schema: schema, headers: headers)
    }
    static func ok(_ schema: Schema, otherwise: Status) -> Success {
      Success(status: .ok, schema: schema, otherwise: otherwise)
    }
    static func created(_ schema: Schema, _ headers: StaticString = "") -> Success {
      Success(status: .created, schema: schema, headers: headers)
    }
    static func accepted(_ schema: Schema) -> Success { Success(status: .accepted, schema: schema) }
    static let accepted = Success(status: .accepted)
    static let noContent = Success(status: .noContent)
    /// A document that is no object of the contract.
    static func document(_ type: StaticString) -> Success { Success(status: .ok, headers: "ETag", text: type) }
    /// Text of any length that is made while it is sent.
    static func lines(_ type: StaticString) -> Success { Success(status: .ok, text: type) }
  }
}

extension Endpoint {
  /// The route that does what the row says.
  func route(of services: Services) -> Route {
    Route(
      method, pattern, on: executor, body: body.accepted, for: audience, admission: isCounted ? services.limited : nil,
      handler: handler(of: services))
  }

  private var isCounted: Bool {
    switch access {
    case .anyone, .holder: true
    // What comes without a valid token is counted where the token is looked for.
    case .uncounted, .observer, .eitherToken, .bearer, .bearerEvenIfRestricted, .credential, .recentLogin, .permission, .owner:
      false
    }
  }

  /// Health is asked for by those who watch, too.
  private var audience: Audience {
    switch access {
    case .observer: .observers
    case .uncounted: .everyone
    case .anyone, .holder, .eitherToken, .bearer, .bearerEvenIfRestricted, .credential, .recentLogin, .permission, .owner:
      .clients
    }
  }

  private func handler(of services: Services) -> Handler {
    switch access {
    case .anyone(let handler), .uncounted(let handler), .observer(let handler), .holder(_, let handler),
      .eitherToken(let handler):
      handler(services)
    case .bearer(let handler), .recentLogin(let handler): services.authenticated(handler(services))
    case .bearerEvenIfRestricted(let handler): services.authenticated(evenIfRestricted: handler(services))
    case .credential(let handler): services.admitted(handler(services))
    case .permission(let permission, let handler): services.authorized(permission, handler(services))
    case .owner(let handler): services.owned(handler(services))
    }
  }
}
