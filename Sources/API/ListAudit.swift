// GET /api/v1/audit: what happened, newest first.

package import Auth
package import Codecs
import HTTP

extension Services {
  @Sendable func listAudit(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let query = try request.auditQuery()
    let page = try calling(request) { () throws(AuthError) in try audit.list(query.query, by: authority) }
    if let cursor = page.nextCursor {
      response.header("Link", "</api/v1/audit?\(query.repeated)cursor=\(cursor)>; rel=\"next\"")
    }
    response.json { json in
      json.beginObject()
      json.key("data")
      json.beginArray()
      for entry in page.entries { json.value(entry) }
      json.endArray()
      json.key("page")
      json.beginObject()
      json.key("nextCursor")
      json.optional(page.nextCursor)
      json.key("hasMore")
      json.boolean(page.nextCursor != nil)
      json.endObject()
      json.endObject()
    }
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
    ] {
      key(utf8: name)
      optional(text)
    }
    key("count")
    if let count = entry.count { integer(Int64(count)) } else { null() }
    endObject()
  }
}

extension Request {
  /// - Returns: the question, and its parameters as the next page's link repeats them.
  /// - Throws: 400 `invalid_request` for a parameter that is unknown, comes twice or has a value that it cannot have.
  fileprivate borrowing func auditQuery() throws(Problem) -> (query: AuditQuery, repeated: String) {
    guard let items = queryItems() else { throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8") }
    var query = AuditQuery()
    var repeated = ""
    var seen: Set<String> = []
    for (name, value) in items {
      guard seen.insert(name).inserted else { throw ProblemKind.invalidRequest.problem("the parameter \(name) comes twice") }
      switch name {
      case "actor": query.actor = try Self.user(value, name)
      case "subject": query.subject = try Self.user(value, name)
      case "type":
        guard AuditEntry.isType(value) else { throw ProblemKind.invalidRequest.problem("there is no type of this name") }
        query.type = value
      case "since": query.since = try Self.moment(value, name)
      case "until": query.until = try Self.moment(value, name)
      case "limit":
        guard value.utf8.count <= 4, let number = UInt16(value), AuditQuery.limits.contains(Int(number)) else {
          let limits = AuditQuery.limits
          throw ProblemKind.invalidRequest.problem("limit is a number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        query.limit = Int(number)
      case "cursor": query.cursor = value
      default:
        throw ProblemKind.invalidRequest.problem(
          "there is no parameter of this name; actor, subject, type, since, until, limit and cursor are known")
      }
      if name != "cursor" { repeated += "\(name)=\(PercentEncoding.encodedString(value.utf8.span))&" }
    }
    return (query, repeated)
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
