// /api/v1/api-keys: keys for programs, each with some of the power of whoever made it.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func listAPIKeys(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let query = try request.apiKeyListQuery()
    let page = try calling(request) { () throws(AuthError) in try apiKeys.list(query, by: authority) }
    if let cursor = page.nextCursor {
      response.header("Link", "</api/v1/api-keys?limit=\(query.limit)&cursor=\(cursor)>; rel=\"next\"")
    }
    response.json { json in
      json.beginObject()
      json.key("data")
      json.beginArray()
      for key in page.keys { json.value(key, secret: nil) }
      json.endArray()
      json.page(nextCursor: page.nextCursor)
      json.endObject()
    }
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

extension Request {
  /// - Throws: 400 `invalid_request` for a parameter that is unknown, comes twice or has a value that it cannot have.
  fileprivate borrowing func apiKeyListQuery() throws(Problem) -> APIKeyListQuery {
    guard let items = queryItems() else { throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8") }
    var query = APIKeyListQuery()
    var seen: Set<String> = []
    for (name, value) in items {
      guard seen.insert(name).inserted else { throw ProblemKind.invalidRequest.problem("the parameter \(name) comes twice") }
      switch name {
      case "limit":
        let limits = APIKeyListQuery.limits
        guard value.utf8.count <= 4, let number = UInt16(value), limits.contains(Int(number)) else {
          throw ProblemKind.invalidRequest.problem("limit is a number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        query.limit = Int(number)
      case "cursor": query.cursor = value
      default: throw ProblemKind.invalidRequest.problem("there is no parameter of this name; limit and cursor are known")
      }
    }
    return query
  }
}
