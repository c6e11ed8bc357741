// The server over real loopback sockets: what clients see.

import Codecs
import HTTP
import Platform
import Testing

@Suite struct ServerTests {
  static let routes: [Route] = [
    Route(.get, "/livez") { _, response throws(Problem) in response.text("ok") },
    Route(.post, "/api/v1/echo", body: .json) { request, response throws(Problem) in
      response.contentType = .json
      request.withBody { response.body.append($0) }
    },
  ]

  @Test func `a request is answered and the connection is kept`() throws {
    try withServer(Self.routes) { server in
      let client = try Client(server)
      for _ in 0..<3 {
        let answer = try client.ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer.status == 200)
        #expect(answer.text == "ok")
        #expect(!answer.closes)
        #expect(answer["X-API-Version"] == "v1")
      }
    }
  }
}
