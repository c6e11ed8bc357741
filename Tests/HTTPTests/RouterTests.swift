// The routing table: what matches, what does not, what cannot be built.

@testable import HTTP
import Testing

@Suite struct RouterTests {
  private static let handler: Handler = { _, _ throws(Problem) in }
  private static let table: [Route] = [
    Route(.get, "/", handler: handler), Route(.get, "/livez", handler: handler), Route(.get, "/api/v1/users", handler: handler),
    Route(.post, "/api/v1/users", handler: handler), Route(.post, "/api/v1/users:batch", handler: handler),
    Route(.get, "/api/v1/users/{id}", handler: handler), Route(.post, "/api/v1/users/{id}/disable", handler: handler),
    Route(.delete, "/api/v1/users/{id}/sessions/{sessionId}", handler: handler),
    Route(.get, "/api/v1/users/me", handler: handler),
  ]

  private func match(_ path: String, _ routes: [Route] = table) throws -> (pattern: String, parameters: [String])? {
    let router = try Router(routes, privatePrefixes: ["/api/v1"])
    let bytes = Array("GET \(path) HTTP/1.1".utf8)
    var parameters = RouteParameters()
    guard let endpoint = router.match(bytes.span, path: BytePlace(4, 4 + path.utf8.count), &parameters) else { return nil }
    let values = (0..<parameters.count).map { String(decoding: bytes[parameters.places[$0].range(from: 0)], as: UTF8.self) }
    return ("\(router[endpoint: endpoint].pattern)", values)
  }

  @Test(
    arguments: [
      ("", "/", []), ("/", "/", []), ("/livez", "/livez", []), ("/api/v1/users", "/api/v1/users", []),
      ("/api/v1/users:batch", "/api/v1/users:batch", []), ("/api/v1/users/7", "/api/v1/users/{id}", ["7"]),
      ("/api/v1/users/7/disable", "/api/v1/users/{id}/disable", ["7"]), ("/api/v1/users/me", "/api/v1/users/me", []),
      ("/api/v1/users/a%2Eb", "/api/v1/users/{id}", ["a%2Eb"]),
      ("/api/v1/users/x/sessions/y", "/api/v1/users/{id}/sessions/{sessionId}", ["x", "y"]),
    ] as [(String, String, [String])]) func `a path finds its pattern and parameters`(
      _ path: String, _ pattern: String, _ parameters: [String]
    ) throws
  {
    let found = try #require(try match(path))
    #expect(found.pattern == pattern)
    #expect(found.parameters == parameters)
  }

  @Test(arguments: [
    "/livez/", "//", "/Livez", "/live", "/livezz", "/api", "/api/v1", "/api/v1/users/", "/api/v1/users//", "/api//v1/users",
    "/api/v1/users/7/",
    "/api/v1/users/7/x", "/api/v1/users/me/disable", "/api/v1/users/7/sessions", "/api/v1/users/.", "/api/v1/users/..",
    "/api/v1/users/%2e",
    "/api/v1/users/7;x", "/api/v1/users/7%2f8", "/api/v1/users/%00", "/%6civez", "/livez;x",
  ]) func `any other spelling finds nothing`(_ path: String) throws {
    #expect(try match(path) == nil)
  }

  @Test func `two routes of one method and shape are refused`() {
    #expect(throws: ServerError.routeConflict(method: .get, pattern: "/a/{y}")) {
      try Router(
        [Route(.get, "/a/{x}", handler: Self.handler), Route(.get, "/a/{y}", handler: Self.handler)], privatePrefixes: [])
    }
  }

  @Test func `patterns that no path can have stop the start`() async {
    await #expect(processExitsWith: .failure) {
      _ = try Router([Route(.get, "a", handler: { _, _ throws(Problem) in })], privatePrefixes: [])
    }
    await #expect(processExitsWith: .failure) {
      _ = try Router([Route(.get, "/a/", handler: { _, _ throws(Problem) in })], privatePrefixes: [])
    }
    await #expect(processExitsWith: .failure) { _ = Route(.head, "/a", handler: { _, _ throws(Problem) in }) }
  }
}
