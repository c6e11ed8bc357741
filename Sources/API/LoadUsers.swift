// POST /api/v1/admin/load, and the lines of a dump, which that takes back. docs/operations.md §6.

package import Auth
package import Codecs
import HTTP

extension Services {
  @Sendable func loadUsers(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let document = try request.withBody { body throws(Problem) -> JSONDocument in
      do throws(JSONError) {
        return try JSONDocument(body, limits: JSONLimits(maxByteCount: 8 << 20))
      } catch { throw ProblemKind.malformedJson.problem(error.description) }
    }
    let users = try Self.users(document.root)
    var forms: [LoadForm] = []
    for user in users.elements { forms.append(LoadForm(user)) }
    do throws(AuthError) {
      let (outcome, position) = try accounts.load(forms, by: authority)
      response.hold(until: position)
      response.json { json in
        json.beginObject()
        json.key("made")
        json.integer(outcome.made)
        json.key("present")
        json.integer(outcome.present)
        json.endObject()
      }
    } catch {
      if error.mayShowTheStore { response.hold(until: accounts.heldPosition) }
      throw problem(error, in: request)
    }
  }

  /// The one member of the body.
  private static func users(_ root: JSONValue) throws(Problem) -> JSONValue {
    guard root.kind == .object else { throw .invalid([Auth.FieldError("#", .invalidType, "the body must be a JSON object")]) }
    var complaints: [Auth.FieldError] = []
    for member in root.members where member.name != "users" && complaints.count < BodyMembers.maxComplaintCount {
      complaints.append(Auth.FieldError(pointer(to: member.name), .unknownField, "this member is unknown here"))
    }
    let users = root["users"]
    if users == nil {
      complaints.append(Auth.FieldError("#/users", .required, "this member is required"))
    } else if users?.kind != .array {
      complaints.append(Auth.FieldError("#/users", .invalidType, "this member must be an array"))
    }
    guard let users, complaints.isEmpty else { throw .invalid(complaints) }
    return users
  }
}

extension LoadForm {
  /// Members that are in a User but are not taken: nobody can say how many codes an app has.
  private static let passed: [StaticString] = ["mfa", "type"]
  private static let known: [StaticString] = [
    "id", "email", "name", "role", "status", "passwordHash", "emailVerified", "mustChangePassword", "createdAt", "updatedAt",
    "lastLoginAt", "passwordChangedAt", "metadata", "appMetadata", "revision",
  ]

  /// A User, alone or as a line of a dump has it: `{"type":"user","user":{...},"passwordHash":...}`.
  fileprivate init(_ value: JSONValue) {
    let user = value["user"] ?? value
    var complaints: [Auth.FieldError] = []
    if user.kind != .object {
      complaints.append(Auth.FieldError("#", .invalidType, "an account must be a JSON object"))
    }
    for member in user.members where complaints.count < BodyMembers.maxComplaintCount {
      if (Self.known + Self.passed).contains(where: { member.name.utf8.span.equals($0) }) { continue }
      complaints.append(Auth.FieldError("#", .unknownField, "a member of it is unknown here"))
    }
    self.init(
      id: user.text("id"), email: user.text("email"), name: user.text("name"), role: user.text("role"),
      status: user.text("status"), passwordHash: (value["passwordHash"] == nil ? user : value).text("passwordHash"),
      emailVerified: user.flag("emailVerified"), mustChangePassword: user.flag("mustChangePassword"),
      createdAt: user.text("createdAt"), updatedAt: user.text("updatedAt"), lastLoginAt: user.text("lastLoginAt"),
      passwordChangedAt: user.text("passwordChangedAt"), metadata: user.object("metadata"),
      appMetadata: user.object("appMetadata"),
      revision: user["revision"]?.integer, complaints: complaints)
  }
}

extension JSONValue {
  /// A member that should be text; `null` counts as left out.
  fileprivate func text(_ name: StaticString) -> FieldInput {
    guard let value = self[name], !value.isNull else { return .absent }
    return value.string.map { .text($0) } ?? .otherType
  }

  fileprivate func object(_ name: StaticString) -> ObjectInput {
    guard let value = self[name], !value.isNull else { return .absent }
    return value.kind == .object ? .object(value) : .otherType
  }

  fileprivate func flag(_ name: StaticString) -> FlagInput {
    guard let value = self[name], !value.isNull else { return .absent }
    return value.boolean.map { .flag($0) } ?? .otherType
  }
}

/// The lines of a dump, each one JSON object.
package enum DumpLine {
  /// The version of the lines; a reader refuses another one.
  package static let version: Int64 = 1

  /// The first line.
  package static func head(store: String, checkpoint: UInt64, hasHashes: Bool) -> ByteBuffer {
    line { json in
      json.key("type")
      json.string("dump")
      json.key("version")
      json.integer(version)
      json.key("store")
      json.string(store)
      json.key("checkpoint")
      json.integer(Int64(checkpoint))
      json.key("passwordHashes")
      json.boolean(hasHashes)
    }
  }

  /// A user as the contract has it.
  package static func user(_ user: User) -> ByteBuffer {
    line { json in begin(user, &json) }
  }

  /// The same with the hash of the password beside it; nil for an account without one.
  package static func user(_ user: User, passwordHash: String?) -> ByteBuffer {
    line { json in
      begin(user, &json)
      json.key("passwordHash")
      if let passwordHash { json.string(passwordHash) } else { json.null() }
    }
  }

  private static func begin(_ user: User, _ json: inout JSONWriter) {
    json.key("type")
    json.string("user")
    json.key("user")
    json.value(user)
  }

  /// The last line: without it a dump is not whole.
  package static func end(users: Int) -> ByteBuffer {
    line { json in
      json.key("type")
      json.string("end")
      json.key("users")
      json.integer(Int64(users))
    }
  }

  private static func line(_ members: (inout JSONWriter) -> Void) -> ByteBuffer {
    var json = JSONWriter(ByteBuffer(capacity: 1024))
    json.beginObject()
    members(&json)
    json.endObject()
    var line = json.finish()
    line.append("\n")
    return line
  }
}
