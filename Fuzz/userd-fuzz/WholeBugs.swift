// The planted bug of a simulated server that stands before its handlers.

import Codecs
import HTTP

extension WholeWorld {
  /// The planted bug that answers a question about oneself with what was answered to it before.
  static func answeringFromMemory() -> Middleware {
    let known = WholeMemory()
    return { handler in
      { (request: borrowing Request, response: inout Response) throws(Problem) in
        try handler(request, &response)
        guard request.path == "/api/auth/me", response.status == .ok else { return }
        let asker =
          request.withHeader(.authorization) { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) } ?? ""
        let body = known.first(for: asker, response.body.bytes())
        response.body.removeAll()
        response.body.append(body.span)
      }
    }
  }
}

/// The first answer to each asker; one thread.
private final class WholeMemory: @unchecked Sendable {
  private var bodies: [String: [UInt8]] = [:]
  func first(for asker: String, _ body: [UInt8]) -> [UInt8] {
    if let known = bodies[asker] { return known }
    bodies[asker] = body
    return body
  }
}
