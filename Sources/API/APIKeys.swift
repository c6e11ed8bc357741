// /api/v1/api-keys: keys for programs, each with some of the power of whoever made it.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func listAPIKeys(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let parameters = try ListParameters(request, knows: [])
    var query = APIKeyListQuery()
    query.limit = parameters.limit
    query.cursor = parameters.cursor
    let page = try calling(request) { () throws(AuthError) in try apiKeys.list(query, by: authority) }
    response.write(page, parameters, at: "/api/v1/api-keys") { json, key in json.value(key, secret: nil) }
  }

  /// The one answer that has the secret in it.
  @Sendable func createAPIKey(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["name", "permissions", "expiresIn", "createdBy"])
    let form = APIKeyForm(
      name: body.text("name"), permissions: body.list("permissions"), expiresIn: body.number("expiresIn"),
      createdBy: body.text("createdBy"), complaints: body.complaints)
    let origin = request.origin
    _ = try answeringOnce(
      request, &response, "POST /api/v1/api-keys", by: .authority(authority),
      { made in
        StoredAnswer(.created, revision: made.key.revision) { json in json.value(made.key, secret: made.secret) }
      }
    ) { (once) throws(AuthError) in try apiKeys.create(form, by: authority, from: origin, once) }
  }

  @Sendable func deleteAPIKey(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    guard let id = request.withParameter(0, { APIKeyID($0) }) else { throw ProblemKind.notFound.problem() }
    try leave(request, &response) { () throws(AuthError) in
      try apiKeys.delete(id, if: request.revisionCondition, by: authority, from: request.origin)
    }
  }
}

extension JSONWriter {
  /// An ApiKey, with its secret where it was made.
  mutating func value(_ key: APIKey, secret: String?) {
    beginObject()
    self.key("id")
    uuid(key.id.uuid)
    self.key("name")
    string(key.name)
    self.key("permissions")
    permissions(key.permissions)
    self.key("expiresAt")
    optionalTimestamp(key.expiresAt)
    self.key("lastUsedAt")
    optionalTimestamp(key.lastUsedAt)
    self.key("createdAt")
    timestamp(milliseconds: key.createdAt)
    self.key("createdBy")
    uuid(key.createdBy.uuid)
    self.key("revision")
    integer(Int64(key.revision))
    if let secret {
      self.key("secret")
      string(secret)
    }
    endObject()
  }
}
