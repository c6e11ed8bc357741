// /api/v1/admin/keys: which keys sign access tokens, and a new one. On the admin socket only.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func listKeys(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try requireAdminSocket(request)
    let keys = try calling(request) { () throws(AuthError) in try self.keys.list(by: authority) }
    response.json { json in json.list(keys) }
  }

  @Sendable func rotateKeys(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try requireAdminSocket(request)
    let body = try BodyMembers(request, .optional, knows: ["ending"])
    let form = RotationForm(ending: body.text("ending"), complaints: body.complaints)
    let keys = try calling(request) { () throws(AuthError) in try self.keys.rotate(form, by: authority) }
    response.json { json in json.list(keys) }
  }

  /// - Throws: 404 for whoever comes another way than through the admin socket.
  private func requireAdminSocket(_ request: borrowing Request) throws(Problem) {
    guard request.listenerIndex == operation.adminListenerIndex else { throw ProblemKind.notFound.problem() }
  }
}

extension JSONWriter {
  /// The list of keys in the form of every list; it has one page.
  mutating func list(_ keys: [ListedKey]) {
    beginObject()
    key("data")
    beginArray()
    for entry in keys {
      beginObject()
      key("kid")
      string(entry.id)
      key("state")
      string(entry.state.rawValue)
      key("createdAt")
      optionalTimestamp(entry.createdAt)
      key("retiresAt")
      optionalTimestamp(entry.retiresAt)
      endObject()
    }
    endArray()
    page(nextCursor: nil)
    endObject()
  }
}
