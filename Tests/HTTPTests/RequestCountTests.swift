// What the loops count: each answer once, under the pattern of its route, before the client has all of it.

import Platform
import Testing

@testable import HTTP

@Suite struct RequestCountTests {
  private static let routes = [
    Route(.get, "/a") { _, response throws(Problem) in response.text("a") },
    Route(.post, "/b/{id}") { _, _ throws(Problem) in throw .notFound },
    Route(.get, "/hash", on: .hashPool) { _, response throws(Problem) in response.text("h") },
    Route(.get, "/watch", for: .observers) { _, response throws(Problem) in response.text("w") },
    Route(.get, "/both", for: .everyone) { _, response throws(Problem) in response.text("b") },
  ]

  private static func lines(_ server: Server) -> [String] {
    server.requestCounts.map { count in
      let statuses = count.statuses.map { "\($0.status.code):\($0.count)" }.joined(separator: " ")
      return "\(count.method?.name ?? "-") \(count.route ?? "-") \(statuses) n=\(count.durations.total)"
    }
  }

  @Test func `counts of all loops together are exactly what clients were answered`() throws {
    try withServer(Self.routes, loopCount: 2) { server in
      for round in 1...3 {
        let client = try Client(server)
        #expect(try client.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try client.ask("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try client.ask("GET /hash HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try client.ask("POST /b/\(round) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 404)
        #expect(try client.ask("GET /b/x HTTP/1.1\r\nHost: a\r\n\r\n").status == 405)
        #expect(try client.ask("GET /nothing/\(round) HTTP/1.1\r\nHost: a\r\n\r\n").status == 404)
        #expect(try client.ask("BREW /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
        #expect(try client.ask("nonsense\r\n\r\n").status == 400)
      }
      #expect(
        Self.lines(server) == [
          "GET - 404:3 n=3", "- - 400:3 n=3", "GET /a 200:3 n=3", "HEAD /a 200:3 n=3", "- /a 501:3 n=3", "GET /b/{id} 405:3 n=3",
          "POST /b/{id} 404:3 n=3", "GET /hash 200:3 n=3",
        ])
      #expect(server.hashPool.waits.total == 3 && server.hashPool.busy == 0 && server.hashPool.refusals == 0)
      #expect(server.requestCounts.allSatisfy { $0.durations.sum > 0 })
    }
  }

  @Test func `a route is there for its audience alone`() throws {
    try withServer(
      Self.routes,
      configure: { options in
        options.listeners = [.internet(.loopback(port: 0)), .internet(.loopback(port: 0)), .internet(.loopback(port: 0))]
        options.audiences = [1: .observers, 2: .everyone]
      }
    ) { server in
      for (index, statuses) in [[200, 404, 200], [404, 200, 200], [200, 200, 200]].enumerated() {
        let client = try Client(address: server.localAddresses[index])
        for (path, status) in zip(["/a", "/watch", "/both"], statuses) {
          #expect(try client.ask("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").status == status, "\(path) by listener \(index)")
        }
      }
    }
  }

  @Test func `buckets are the limits that are written, each limit in its own bucket`() throws {
    let limits = Histogram.limits(.nanoseconds)
    #expect(limits.count == Histogram.bucketCount)
    for (index, limit) in limits.dropLast().enumerated() {
      let nanoseconds = UInt64((try #require(Double("\(limit)")) * 1e9).rounded())
      #expect(Histogram.bucket(ofNanoseconds: nanoseconds) == index)
      #expect(Histogram.bucket(ofNanoseconds: nanoseconds + 1) == index + 1)
    }
    for (index, limit) in Histogram.limits(.count).dropLast().enumerated() {
      let count = Int(try #require(Double("\(limit)")))
      #expect(Histogram.bucket(ofCount: count) == index && Histogram.bucket(ofCount: count + 1) == index + 1)
    }
    #expect(Histogram.bucket(ofCount: 0) == 0 && Histogram.bucket(ofCount: .max) == 17)
    #expect(Histogram.bucket(ofNanoseconds: .max) == 17)
  }

  @Test func `a status has the place in which it is declared`() {
    #expect(Status.allCases.map(\.ordinal) == Array(0..<Status.allCases.count))
  }
}
