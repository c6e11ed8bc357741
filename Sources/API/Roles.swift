// /api/v1/roles and /api/v1/permissions: what can be allowed, under which names.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func listRoles(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try request.refuseParameters()
    let list = try calling(request) { () throws(AuthError) in try roles.list(by: authority) }
    response.json { json in
      json.beginObject()
      json.key("data")
      json.beginArray()
      for role in list { json.value(role) }
      json.endArray()
      json.page(nextCursor: nil)
      json.endObject()
    }
  }

  @Sendable func createRole(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["name", "permissions"])
    let form = RoleForm(name: body.text("name"), permissions: body.list("permissions"), complaints: body.complaints)
    _ = try answeringOnce(
      request, &response, "POST /api/v1/roles", by: .authority(authority),
      { role in
        StoredAnswer(.created, location: "/api/v1/roles/\(role.name)", revision: role.revision) { json in json.value(role) }
      }
    ) { (once) throws(AuthError) in try roles.create(form, by: authority, once) }
  }

  @Sendable func getRole(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let role = try calling(request) { () throws(AuthError) in try roles.find(request.parameter(0), by: authority) }
    let tag = EntityTag(revision: role.revision)
    tag.withSpan { response.header("ETag", $0) }
    response.caching = .revalidated
    if request.withHeader(.ifNoneMatch, { tag.isListed(in: $0) }) == true {
      response.status = .notModified
      return
    }
    response.json { json in json.value(role) }
  }

  @Sendable func replaceRole(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["permissions"])
    let form = RoleForm(permissions: body.list("permissions"), complaints: body.complaints)
    var condition = request.revisionCondition
    if case .none = condition { condition = .missing }
    let role = try changing(request, &response) { () throws(AuthError) in
      try roles.replace(request.parameter(0), form, if: condition, by: authority)
    }
    response.write(role)
  }

  @Sendable func deleteRole(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    try leave(request, &response) { () throws(AuthError) in
      try roles.delete(request.parameter(0), if: request.revisionCondition, by: authority)
    }
  }

  /// Every permission that there is, in the order of the contract.
  @Sendable func listPermissions(
    _ request: borrowing Request, _ authority: Authority, _ response: inout Response
  ) throws(Problem) {
    try request.refuseParameters()
    try calling(request) { () throws(AuthError) in try authority.require(.rolesRead) }
    response.json { json in
      json.beginObject()
      json.key("data")
      json.permissions(.all)
      json.page(nextCursor: nil)
      json.endObject()
    }
  }
}

extension Response {
  /// The role as it is after a change.
  fileprivate mutating func write(_ role: Role) {
    EntityTag(revision: role.revision).withSpan { header("ETag", $0) }
    json { json in json.value(role) }
  }
}

extension JSONWriter {
  /// A Role.
  mutating func value(_ role: Role) {
    beginObject()
    key("name")
    string(role.name)
    key("permissions")
    permissions(role.permissions)
    key("builtIn")
    boolean(role.isBuiltIn)
    key("revision")
    integer(Int64(role.revision))
    endObject()
  }

  mutating func permissions(_ set: PermissionSet) {
    beginArray()
    for permission in set.permissions { string(permission.rawValue) }
    endArray()
  }
}

extension Request {
  /// For lists that have one page and no filters.
  ///
  /// - Throws: 400 `invalid_request` for any parameter.
  borrowing func refuseParameters() throws(Problem) {
    guard let items = queryItems() else { throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8") }
    if !items.isEmpty { throw ProblemKind.invalidRequest.problem("this list has one page and no parameters") }
  }
}
