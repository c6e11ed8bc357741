// GET /problems/{code}: what a problem means, without a network to look it up in.

import Codecs
import HTTP

extension Services {
  @Sendable func explainProblem(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    guard let kind = request.withParameter(0, { ProblemKind.named($0) }) else {
      throw ProblemKind.notFound.problem("there is no problem of this name")
    }
    response.json { json in
      json.beginObject()
      json.key("type")
      json.string("/problems/\(kind.code)")
      json.key("code")
      json.string(kind.code)
      json.key("status")
      json.integer(kind.status.code)
      json.key("title")
      json.string(kind.title)
      json.key("explanation")
      json.string(kind.explanation)
      json.endObject()
    }
  }
}
