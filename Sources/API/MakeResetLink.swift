// POST /api/v1/users/{id}/reset-link: a way to a new password that an administrator hands on.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func makeResetLink(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    guard let id = request.withParameter(0, { UserID($0) }) else { throw ProblemKind.notFound.problem() }
    let origin = request.origin
    _ = try answeringOnce(
      request, &response, "POST /api/v1/users/{id}/reset-link", by: .authority(authority),
      { link in StoredAnswer(.ok) { json in json.value(link) } }
    ) { (once) throws(AuthError) in try recovery.resetLink(for: id, by: authority, from: origin, once) }
  }
}

extension JSONWriter {
  /// The code is shown this once.
  mutating func value(_ link: ResetLink) {
    beginObject()
    key("url")
    if let url = link.url { string(url) } else { null() }
    key("code")
    string(link.code)
    key("expiresAt")
    timestamp(milliseconds: link.expiresAt)
    endObject()
  }
}
