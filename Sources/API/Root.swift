// GET /: what this is and where its documents are.

import Codecs
import HTTP

extension Services {
  @Sendable func root(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    response.json { json in
      json.beginObject()
      json.key("name")
      json.string(operation.name)
      json.key("version")
      json.string(operation.version)
      json.key("apiVersion")
      json.string("v1")
      json.key("health")
      json.string("/readyz")
      json.key("openapi")
      json.string("/openapi.json")
      json.key("types")
      json.string("/types.d.ts")
      json.key("problems")
      json.beginArray()
      for kind in ProblemKind.all { json.string("/problems/\(kind.code)") }
      json.endArray()
      json.endObject()
    }
  }
}
