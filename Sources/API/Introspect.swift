// POST /api/auth/introspect: what a token is worth, for services that were shown it (RFC 7662).

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func introspect(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let form = try request.introspectionForm()
    let answer = try calling(request) { () throws(AuthError) in try sessions.introspect(form, by: authority) }
    let (issuer, audience) = (sessions.issuer, sessions.audience)
    response.json { json in
      json.beginObject()
      json.key("active")
      json.boolean(answer != nil)
      if let answer { json.members(of: answer, issuer: issuer, audience: audience) }
      json.endObject()
    }
  }
}

extension Request {
  /// The form of RFC 7662 section 2.1, or the same members as JSON.
  fileprivate borrowing func introspectionForm() throws(Problem) -> IntrospectionForm {
    guard withHeader(.contentType, { $0.isForm }) == true else {
      let body = try BodyMembers(self, knows: ["token", "token_type_hint"])
      var complaints = body.complaints
      if case .otherType = body.text("token_type_hint") {
        complaints.append(Auth.FieldError("#/token_type_hint", .invalidType, "this member must be a string"))
      }
      return IntrospectionForm(token: body.text("token"), complaints: complaints)
    }
    guard let items = formItems() else { throw ProblemKind.invalidRequest.problem("the form is not percent-encoded UTF-8") }
    // RFC 6749 section 3.2: parameters come once, and unknown ones are passed over.
    let tokens = items.filter { $0.name == "token" }
    guard tokens.count <= 1 else { throw ProblemKind.invalidRequest.problem("the parameter token comes twice") }
    return IntrospectionForm(token: tokens.first.map { .text($0.value) } ?? .absent)
  }
}

extension Span<UInt8> {
  /// Whether a Content-Type that the route has let in is that of a form.
  fileprivate var isForm: Bool { count > 12 && self[12] | 0x20 == UInt8(ascii: "x") }
}

extension JSONWriter {
  /// Of a token that is worth something: what it may do, whose it is, and until when. Names are those of RFC 7662 and RFC 9068.
  fileprivate mutating func members(of answer: Introspection, issuer: String, audience: String) {
    switch answer.kind {
    case .accessToken:
      key("token_type")
      string("Bearer")
      key("iss")
      string(issuer)
      key("aud")
      string(audience)
    case .apiKey:
      key("token_type")
      string("Bearer")
    case .refreshToken: break
    }
    key("sub")
    uuid(answer.subject.uuid)
    if let session = answer.session {
      key("sid")
      uuid(session.uuid)
    }
    if let id = answer.key {
      key("key_id")
      uuid(id.uuid)
    }
    key("scope")
    string(answer.permissions.permissions.map(\.rawValue).joined(separator: " "))
    if let role = answer.role {
      key("role")
      role.withSpan { string($0) }
    }
    key("iat")
    integer(answer.issuedAt)
    if let end = answer.expiresAt {
      key("exp")
      integer(end)
    }
    if let moment = answer.authenticatedAt {
      key("auth_time")
      integer(moment)
    }
  }
}
