// Whole exchanges: bodies, pipelines, versions, expectations, and what ends a connection.

@testable import HTTP

private let simple = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

private func request(_ line: String, _ lines: String..., body: String = "") -> String {
  "\(line)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n" + body
}

private func user(_ id: String) -> WrittenAnswer {
  var answer = WrittenAnswer.text(Array(id.utf8))
  answer.caching = "private, no-cache"
  return answer
}

extension GrammarCase {
  static let connections: [GrammarCase] =
    methods + paths + lengths + versions + persistence + expectations + pipelines + mediaTypes

  // RFC 9110 §9
  private static let methods: [GrammarCase] = [
    kept("RFC 9110 §9.3.2", request("HEAD / HTTP/1.1"), .root.toHead),
    kept("RFC 9110 §9.3.2", request("HEAD /nothing HTTP/1.1"), .notFound("/nothing").toHead),
    kept("RFC 9110 §9.3.2", request("HEAD /same HTTP/1.1"), .bodiless("304 Not Modified", "ETag: \"r7\"")),
    kept("RFC 9110 §9.3.2", request("HEAD /none HTTP/1.1"), .notAllowed("DELETE, OPTIONS", at: "/none").toHead),
    kept("RFC 9110 §9.3.7", request("OPTIONS /none HTTP/1.1"), .bodiless("204 No Content", "Allow: DELETE, OPTIONS")),
    kept("RFC 9110 §9.3.7", request("OPTIONS /nothing HTTP/1.1"), .notFound("/nothing")),
    kept("RFC 9110 §9.3.7", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", .rootOptions),
    kept("RFC 9110 §15.5.6", request("GET /none HTTP/1.1"), .notAllowed("DELETE, OPTIONS", at: "/none")),
    kept(
      "RFC 9110 §15.5.6", request("POST /same HTTP/1.1", "Content-Length: 1", body: "x"),
      .notAllowed("GET, HEAD, OPTIONS", at: "/same")),
    kept("RFC 9110 §9.1", request("Get / HTTP/1.1"), .unknownMethod()),
    kept("RFC 9110 §9.1", request("GETS / HTTP/1.1"), .unknownMethod()),
    kept("RFC 9110 §9.3.6", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod("")),
    kept("RFC 9110 §9.3.8", request("TRACE / HTTP/1.1"), .unknownMethod()),
    kept("RFC 9110 §15.3.5", request("DELETE /none HTTP/1.1"), .bodiless("204 No Content")),
    kept("RFC 9110 §15.4.5", request("GET /same HTTP/1.1"), .bodiless("304 Not Modified", "ETag: \"r7\"")),
  ]

  // RFC 9112 §3.2, RFC 3986 §6.2: one spelling for each path
  private static let paths: [GrammarCase] =
    [
      "/None", "/none/", "//none", "/./none", "/x/../none", "/%6eone", "/none;a", "/none%00", "/none%2f", "/api/v1/users/",
      "/api/v1/users/..", "/api/v1/users/%2e%2E", "/api/v1/users/a%2fb", "/api/v1/users/a%00", "/api/v1/users/a;b",
      "/api/v1/%75sers/a",
    ].map { path in
      let missing = WrittenAnswer.notFound(path)
      return kept("RFC 9112 §3.2.1", request("GET \(path) HTTP/1.1"), path.hasPrefix("/api/v1/") ? missing.unkept : missing)
    } + [
      kept("RFC 3986 §2.1", request("GET /api/v1/users/a%20b HTTP/1.1"), user("a b")),
      kept("RFC 3986 §2.1", request("GET /api/v1/users/%2525 HTTP/1.1"), user("%25")),
      kept("RFC 3986 §3.3", request("GET /api/v1/users/... HTTP/1.1"), user("...")),
      kept("RFC 3986 §3.4", request("GET /api/v1/users/a?b=/../c HTTP/1.1"), user("a")),
      kept("RFC 9112 §3.2.2", "GET http://a HTTP/1.1\r\nHost: b\r\n\r\n", .root),
      kept("RFC 9112 §3.2.2", "GET http://b/nothing HTTP/1.1\r\nHost: a\r\n\r\n", .notFound("/nothing")),
      kept("RFC 9112 §3.2.2", "POST https://[::1]:1?q HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", .echo("ab")),
      kept("RFC 9112 §3.2.1", request("GET //b/c HTTP/1.1"), .notFound("//b/c")),
    ]

  // RFC 9112 §6
  private static let lengths: [GrammarCase] = [
    kept("RFC 9112 §6.3", request("POST / HTTP/1.1"), .echo("")),
    kept("RFC 9112 §6.2", request("POST / HTTP/1.1", "Content-Length: 3", body: "abc"), .echo("abc")),
    kept("RFC 9112 §6.2", request("POST / HTTP/1.1", "Content-Length: 0000000003", body: "abc"), .echo("abc")),
    kept("RFC 9112 §6.2", request("POST / HTTP/1.1", "Content-Length: 4", body: "\r\n\r\n"), .echo("\r\n\r\n")),
    kept(
      "RFC 9112 §6.2", request("POST / HTTP/1.1", "Content-Length: 400", body: String(repeating: "x", count: 400)),
      .echo(String(repeating: "x", count: 400))),
    closed(
      "RFC 9110 §15.5.14", request("POST / HTTP/1.1", "Content-Length: 401", body: String(repeating: "x", count: 401)),
      .bodyTooLarge()),
    closed(
      "RFC 9110 §15.5.14", request("POST /nothing HTTP/1.1", "Content-Length: 999999999999999999"), .bodyTooLarge("/nothing")),
    closed("RFC 9110 §15.5.14", request("GET / HTTP/1.1", "Content-Length: 401"), .bodyTooLarge()),
    // Names that only look like those of the framing are other names, and what follows is another request.
    closed(
      "RFC 9110 §5.1", request("POST / HTTP/1.1", "Content_Length: 3", body: "a b\r\n\r\n"), .echo(""), .refused(.badTarget)),
    closed(
      "RFC 9110 §5.1", request("POST / HTTP/1.1", "Transfer_Encoding: chunked", body: "0\r\n"), .echo(""), .refused(.badMethod)),
    closed(
      "RFC 9110 §5.1", request("POST / HTTP/1.1", "X-Transfer-Encoding: chunked", body: "0\r\n"), .echo(""), .refused(.badMethod)),
    kept(
      "RFC 9110 §5.5", request("POST / HTTP/1.1", "X: \u{85}\u{2028}Content-Length: 3", "Content-Length: 1", body: "a"),
      .echo("a")),
    kept(
      "RFC 9110 §7.8", request("GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"),
      .root),
  ]

  // RFC 9110 §2.5, RFC 9112 §2.3
  private static let versions: [GrammarCase] = [
    closed("RFC 9112 §9.3", "GET / HTTP/1.0\r\n\r\n", .root.closing),
    closed("RFC 9112 §9.3", "HEAD / HTTP/1.0\r\n\r\n", .root.toHead.closing),
    closed("RFC 9112 §9.3", "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", .echo("abc").closing),
    closed("RFC 9112 §9.3", "GET /nothing HTTP/1.0\r\n\r\n", .notFound("/nothing").closing),
    kept("RFC 9112 §C.2.2", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", .root.keeping),
    kept("RFC 9112 §C.2.2", "POST / HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nabc", .echo("abc").keeping),
    closed("RFC 9112 §C.2.2", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", .root.closing),
    kept("RFC 9110 §2.5", "GET / HTTP/1.7\r\nHost: a\r\n\r\n", .root),
    closed("RFC 9110 §15.6.6", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .refused(.unknownMajorVersion)),
    closed("RFC 9112 §2.3", "GET /\r\n\r\n", .refused(.badTarget)),
  ]

  // RFC 9112 §9.3, §9.6
  private static let persistence: [GrammarCase] = [
    closed("RFC 9112 §9.6", request("GET / HTTP/1.1", "Connection: close"), .root.closing),
    closed("RFC 9112 §9.6", request("GET / HTTP/1.1", "Connection: close") + simple, .root.closing),
    closed("RFC 9112 §9.6", request("GET /nothing HTTP/1.1", "connection: x, Close"), .notFound("/nothing").closing),
    closed("RFC 9112 §9.6", request("DELETE /none HTTP/1.1", "Connection: close"), .bodiless("204 No Content").closing),
    closed(
      "RFC 9112 §9.6", request("POST / HTTP/1.1", "Connection: close", "Content-Length: 3", body: "abc"), .echo("abc").closing),
    kept("RFC 9112 §9.3", request("GET / HTTP/1.1", "Connection: keep-alive", "Keep-Alive: timeout=5"), .root),
    kept("RFC 9110 §7.6.1", request("GET / HTTP/1.1", "Connection: Host, Content-Length"), .root),
    kept("RFC 9110 §7.6.1", request("GET / HTTP/1.1", "Proxy-Connection: close"), .root),
    closed("RFC 9112 §9.6", simple + request("GET / HTTP/1.1", "Connection: close") + simple, .root, .root.closing),
    closed("RFC 9112 §2.2", simple + "\r\n" + simple + "G\u{e9}T / HTTP/1.1\r\n" + simple, .root, .root, .refused(.badMethod)),
  ]

  // RFC 9110 §10.1.1
  private static let expectations: [GrammarCase] = [
    kept("RFC 9110 §10.1.1", request("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 3", body: "abc"), .echo("abc")),
    kept(
      "RFC 9110 §10.1.1", request("POST / HTTP/1.1", "expect:100-Continue", "Content-Length: 3", body: "abc") + simple,
      .echo("abc"), .root),
    kept(
      "RFC 9110 §10.1.1",
      request("POST / HTTP/1.1", "Expect: 100-continue", "Transfer-Encoding: chunked", body: "3\r\nabc\r\n0\r\n\r\n"),
      .echo("abc")),
    kept(
      "RFC 9110 §10.1.1",
      request("POST / HTTP/1.1", "Expect: 100-continue", "Expect: 100-continue", "Content-Length: 1", body: "a"), .echo("a")),
    kept(
      "RFC 9110 §10.1.1", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
      .echo("a").keeping),
    kept("RFC 9110 §10.1.1", request("GET / HTTP/1.1", "Expect: 100-continue"), .root),
    closed(
      "RFC 9110 §15.5.18", request("POST / HTTP/1.1", "Expect: 100-continue, 100-continue", "Content-Length: 1", body: "a"),
      .refused(.unknownExpectation)),
    closed("RFC 9110 §15.5.18", request("GET / HTTP/1.1", "Expect: x"), .refused(.unknownExpectation)),
    closed(
      "RFC 9110 §10.1.1", request("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 401", body: "abc"), .bodyTooLarge()),
  ]

  // RFC 9112 §9.3.2
  private static let pipelines: [GrammarCase] = [
    kept("RFC 9112 §9.3.2", simple + simple + simple, .root, .root, .root),
    kept("RFC 9112 §2.2", simple + "\r\n" + simple, .root, .root),
    kept(
      "RFC 9112 §9.3.2",
      request("POST / HTTP/1.1", "Content-Length: 1", body: "a") + simple
        + request("POST / HTTP/1.1", "Content-Length: 1", body: "b"), .echo("a"), .root, .echo("b")),
    kept(
      "RFC 9112 §9.3.2", request("HEAD / HTTP/1.1") + request("GET /nothing HTTP/1.1") + simple, .root.toHead,
      .notFound("/nothing"), .root),
    kept(
      "RFC 9112 §9.3.2", request("DELETE /none HTTP/1.1") + request("OPTIONS * HTTP/1.1") + simple, .bodiless("204 No Content"),
      .serverOptions, .root),
    kept(
      "RFC 9112 §7.1", request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body: "1\r\na\r\n0\r\n\r\n") + simple, .echo("a"),
      .root),
    kept(
      "RFC 9112 §7.1.2",
      request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body: "0\r\nContent-Length: 5\r\n\r\n") + simple, .echo(""), .root),
    closed(
      "RFC 9112 §9.3.2", simple + request("GET / HTTP/1.1", "Content-Length: x") + simple, .root, .refused(.badContentLength)),
  ]

  // RFC 9110 §8.3, §8.4
  private static let mediaTypes: [GrammarCase] = {
    func json(_ lines: String...) -> String {
      "POST /api/v1/json HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n{}"
    }
    func unsupported(_ detail: String) -> WrittenAnswer { .unsupported(detail, at: "/api/v1/json").unkept }
    var two = WrittenAnswer.text(Array("2".utf8))
    two.contentType = "application/json"
    two = two.unkept
    let takes = "this path takes application/json"
    return [
      kept("RFC 9110 §8.3", json("Content-Type: application/json"), two),
      kept("RFC 9110 §8.3.1", json("content-type:Application/JSON; Charset=\"UTF-8\""), two),
      kept("RFC 9110 §8.3.2", json("Content-Type: application/json;charset=utf-8"), two),
      kept("RFC 9110 §15.5.16", json("Content-Type: application/json; charset=latin1"), unsupported(takes)),
      kept("RFC 9110 §15.5.16", json("Content-Type: text/json"), unsupported(takes)),
      kept("RFC 9110 §15.5.16", json("Content-Type: application/json, text/plain"), unsupported(takes)),
      kept("RFC 9110 §15.5.16", json("Content-Type: application/json", "Content-Type: application/json"), unsupported(takes)),
      kept("RFC 9110 §15.5.16", json(), unsupported("there is no Content-Type; \(takes)")),
      kept("RFC 9110 §8.4", json("Content-Type: application/json", "Content-Encoding: identity"), two),
      kept(
        "RFC 9110 §15.5.16", json("Content-Type: application/json", "Content-Encoding: gzip"),
        unsupported("the body may not be encoded")),
    ]
  }()
}
