// GET /api/v1/audit: what happened, newest first.

package import Auth
package import Codecs
import HTTP

extension Services {
  @Sendable func listAudit(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let parameters = try ListParameters(request, knows: ["actor", "subject", "type", "since", "until"])
    let query = try AuditQuery(parameters)
    let page = try calling(request) { () throws(AuthError) in try audit.list(query, by: authority) }
    response.write(page, parameters, at: "/api/v1/audit") { json, entry in json.value(entry) }
  }
}

extension JSONWriter {
  /// A record of the audit trail. Members that say nothing are null.
  package mutating func value(_ entry: AuditEntry) {
    beginObject()
    key("sequence")
    integer(Int64(clamping: entry.sequence))
    key("time")
    timestamp(milliseconds: entry.time)
    key("type")
    string(entry.type)
    key("actor")
    beginObject()
    key("kind")
    string(entry.actorKind)
    key("id")
    optional(entry.actorID)
    endObject()
    for (name, text) in [
      ("subject", entry.subject), ("session", entry.session), ("network", entry.network), ("addressTag", entry.addressTag),
      ("reason", entry.reason.map { "\($0)" }), ("role", entry.role), ("policy", entry.policy.map { "\($0)" }),
      ("key", entry.key),
    ] {
      key(utf8: name)
      optional(text)
    }
    key("count")
    if let count = entry.count { integer(Int64(count)) } else { null() }
    endObject()
  }
}

extension AuditQuery {
  /// - Throws: 400 `invalid_request` for a value that a parameter cannot have.
  fileprivate init(_ parameters: ListParameters) throws(Problem) {
    self.init()
    limit = parameters.limit
    cursor = parameters.cursor
    for (name, value) in parameters.filters {
      switch name {
      case "actor": actor = try Self.user(value, name)
      case "subject": subject = try Self.user(value, name)
      case "type":
        guard AuditEntry.isType(value) else { throw ProblemKind.invalidRequest.problem("there is no type of this name") }
        type = value
      case "since": since = try Self.moment(value, name)
      default: until = try Self.moment(value, name)
      }
    }
  }

  private static func user(_ text: String, _ name: String) throws(Problem) -> UserID {
    guard let id = UserID(text.utf8.span) else { throw ProblemKind.invalidRequest.problem("\(name) is the id of a user") }
    return id
  }

  private static func moment(_ text: String, _ name: String) throws(Problem) -> Int64 {
    guard let moment = RFC3339.parse(text) else { throw ProblemKind.invalidRequest.problem("\(name) is a time as in RFC 3339") }
    return moment
  }
}
