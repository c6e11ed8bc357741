// /api/v1/admin/pins: a checkpoint of the store kept as it is while its owner's tools read it. On the admin socket only.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func pin(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let pins = try pins(for: request)
    let (id, record) = try calling(request) { () throws(AuthError) in try pins.pin() }
    response.status = .created
    response.json { json in
      json.beginObject()
      json.key("id")
      json.string(String(id))
      json.key("record")
      json.string(Base64URL.encodedString(record.span))
      json.endObject()
    }
  }

  @Sendable func renewPin(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let pins = try pins(for: request)
    guard let id = UInt64(request.parameter(0)), pins.renew(id) else { throw ProblemKind.notFound.problem() }
    response.status = .noContent
  }

  @Sendable func releasePin(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let pins = try pins(for: request)
    guard let id = UInt64(request.parameter(0)), pins.release(id) else { throw ProblemKind.notFound.problem() }
    response.status = .noContent
  }

  /// - Throws: 404 where there is nothing to pin, or for whoever comes another way than through the admin socket.
  private func pins(for request: borrowing Request) throws(Problem) -> Pins {
    guard let pins = operation.pins, request.listenerIndex == operation.adminListenerIndex else {
      throw ProblemKind.notFound.problem()
    }
    return pins
  }
}
