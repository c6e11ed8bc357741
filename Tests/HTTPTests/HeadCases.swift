// Request heads, good and bad, as tables: bytes in, judgement out.

@testable import HTTP

/// What a head that is accepted says.
struct ParsedHead: Equatable, CustomStringConvertible {
  var method: Method? = .get
  var path = "/"
  var query = ""
  var minorVersion: UInt8 = 1
  var authority = "a"
  var framing = RequestHead.Framing.none
  var isPersistent = true
  var expectsContinue = false
  var isAsterisk = false

  var description: String {
    "\(method.map { "\($0)" } ?? "unknown") \(path)?\(query) 1.\(minorVersion) of \(authority), \(framing), persistent \(isPersistent)"
      + ", expects \(expectsContinue), asterisk \(isAsterisk)"
  }
}

struct HeadCase: CustomStringConvertible, Sendable {
  enum Judgement: Equatable { case accepted(ParsedHead), refused(Refusal) }
  let bytes: [UInt8]
  let judgement: Judgement
  /// Where the rule stands that decides, such as `RFC 9112 §6.3`.
  var section = ""

  var description: String { String(decoding: bytes.prefix(300), as: UTF8.self).debugDescription }

  static func accept(_ text: String, _ change: (inout ParsedHead) -> Void = { _ in }) -> HeadCase {
    var head = ParsedHead()
    change(&head)
    return HeadCase(bytes: Array(text.utf8), judgement: .accepted(head))
  }

  static func refuse(_ refusal: Refusal, _ text: String) -> HeadCase {
    HeadCase(bytes: Array(text.utf8), judgement: .refused(refusal))
  }
}

/// A request for `/` with Host and these lines.
private func get(_ lines: String...) -> String {
  "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

private func post(_ lines: String...) -> String {
  "POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

private func target(_ text: String, method: String = "GET") -> String { "\(method) \(text) HTTP/1.1\r\nHost: a\r\n\r\n" }

extension HeadCase {
  static let accepted: [HeadCase] =
    requestLines.under("RFC 9112 §3") + targets.under("RFC 9112 §3.2") + hosts.under("RFC 9110 §7.2")
    + fields.under("RFC 9112 §5")
    + lengths.under("RFC 9112 §6.2") + connections.under("RFC 9112 §9.3")

  // RFC 9112 §2.2, §3
  private static let requestLines: [HeadCase] = [
    accept(get()),
    accept("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    accept("GET / HTTP/1.0\r\n\r\n") {
      $0.minorVersion = 0; $0.isPersistent = false; $0.authority = ""
    },
    accept("GET / HTTP/1.0\r\nHost: a\r\n\r\n") {
      $0.minorVersion = 0; $0.isPersistent = false
    },
    accept("GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    accept("GET / HTTP/1.9\r\nHost: a\r\n\r\n"),
    accept("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = .head },
    accept("POST / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = .post },
    accept("PUT / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = .put },
    accept("PATCH / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = .patch },
    accept("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = .delete },
    accept("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = .options },
    accept("get / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = nil },
    accept("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = nil },
    accept("BREW!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = nil },
    accept("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") {
      $0.method = nil; $0.path = ""; $0.authority = "a:443"
    },
  ]

  // RFC 9112 §3.2, RFC 3986 §3.3, §3.4
  private static let targets: [HeadCase] = [
    accept(target("/a/b/c")) { $0.path = "/a/b/c" },
    accept(target("//")) { $0.path = "//" },
    accept(target("/a/../b/./c/")) { $0.path = "/a/../b/./c/" },
    accept(target("/%41%2f%00")) { $0.path = "/%41%2f%00" },
    accept(target("/-._~!$&'()*+,;=:@")) { $0.path = "/-._~!$&'()*+,;=:@" },
    accept(target("/?")) { $0.query = "" },
    accept(target("/?a=b&c=%20/?:@")) { $0.query = "a=b&c=%20/?:@" },
    accept(target("/p?q?r")) {
      $0.path = "/p"; $0.query = "q?r"
    },
    accept(target("*", method: "OPTIONS")) {
      $0.method = .options; $0.path = ""; $0.isAsterisk = true
    },
    accept(target("http://b/c?d")) {
      $0.authority = "b"; $0.path = "/c"; $0.query = "d"
    },
    accept(target("HTTPS://b:443/c")) {
      $0.authority = "b:443"; $0.path = "/c"
    },
    accept(target("http://b")) {
      $0.authority = "b"; $0.path = ""
    },
    accept(target("http://b?d")) {
      $0.authority = "b"; $0.path = ""; $0.query = "d"
    },
    accept(target("http://[::1]:80/")) { $0.authority = "[::1]:80" },
  ]

  // RFC 9110 §7.2, RFC 3986 §3.2
  private static let hosts: [HeadCase] = [
    "example.org", "example.org:8080", "example.org:", "127.0.0.1:1", "[::1]", "[2001:db8::1]:65535", "a_b", "x%41", "a,b",
    "localhost:0",
  ].map { host in accept("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") { $0.authority = host } }

  // RFC 9112 §5, RFC 9110 §5.5
  private static let fields: [HeadCase] = [
    accept(get("X:")), accept(get("X: ")), accept(get("X:y")), accept(get("X: \t y \t ")), accept(get("X: a\tb")),
    accept(get("X: \u{e9}\u{4e2d}")), accept(get("!#$%&'*+-.^_`|~09azAZ: y")), accept(get("X: y", "X: z")),
    accept(get("X: \"a\\\"b\" (c) <d> {e}")), accept(get("Content_Length: 5")), accept(get("Cookie: a=b; c=d")),
    accept(get(String(repeating: "n", count: 150) + ": " + String(repeating: "v", count: 300))),
    accept("GET / HTTP/1.1\r\nhOsT: a\r\n\r\n"), accept("GET / HTTP/1.1\r\nHost:a\r\n\r\n"),
    accept("GET / HTTP/1.1\r\nHost:\t a \t\r\n\r\n"), accept(get("Authorization: Bearer x")), accept(get("Upgrade: h2c")),
  ]

  // RFC 9112 §6
  private static let lengths: [HeadCase] = [
    accept(post("Content-Length: 0")) {
      $0.method = .post; $0.framing = .length(0)
    },
    accept(post("Content-Length: 5")) {
      $0.method = .post; $0.framing = .length(5)
    },
    accept(post("CONTENT-LENGTH:005")) {
      $0.method = .post; $0.framing = .length(5)
    },
    accept(post("Content-Length: 999999999999999999")) {
      $0.method = .post; $0.framing = .length(999_999_999_999_999_999)
    },
    accept(get("Content-Length: 7")) { $0.framing = .length(7) },
    accept(post("Transfer-Encoding: chunked")) {
      $0.method = .post; $0.framing = .chunked
    },
    accept(post("Transfer-Encoding: \tCHUNKED ")) {
      $0.method = .post; $0.framing = .chunked
    },
    accept(post("X: Content-Length: 5")) { $0.method = .post },
  ]

  // RFC 9112 §9.3, RFC 9110 §7.6.1, §10.1.1
  private static let connections: [HeadCase] = [
    accept(get("Connection: close")) { $0.isPersistent = false },
    accept(get("Connection: CLOSE")) { $0.isPersistent = false },
    accept(get("Connection: keep-alive")), accept(get("Connection: ")), accept(get("Connection: ,,")),
    accept(get("Connection: keep-alive, close")) { $0.isPersistent = false },
    accept(get("Connection: close", "Connection: keep-alive")) { $0.isPersistent = false },
    accept(get("Connection: x , close , y")) { $0.isPersistent = false },
    accept(get("Connection: closed")), accept(get("Connection: upgrade")),
    accept("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n") { $0.minorVersion = 0 },
    accept("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n") {
      $0.minorVersion = 0; $0.isPersistent = false
    },
    accept(get("Expect: 100-continue")) { $0.expectsContinue = true },
    accept(get("Expect: 100-Continue")) { $0.expectsContinue = true },
    accept("GET / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n") {
      $0.minorVersion = 0; $0.isPersistent = false
    },
    accept("GET / HTTP/1.0\r\nHost: a\r\nExpect: nothing\r\n\r\n") {
      $0.minorVersion = 0; $0.isPersistent = false
    },
  ]
}

extension HeadCase {
  static let refused: [HeadCase] =
    badLines.under("RFC 9112 §3") + badTargets.under("RFC 9112 §3.2") + badHosts.under("RFC 9110 §7.2")
    + badFields.under("RFC 9112 §5") + badLengths.under("RFC 9112 §6.2") + badCodings.under("RFC 9112 §6.1")
    + [
      refuse(.unknownExpectation, get("Expect: 100")), refuse(.unknownExpectation, get("Expect: 100-continue, x")),
      refuse(.unknownExpectation, get("Expect:")), refuse(.unknownExpectation, get("Expect: 100-continue", "Expect: 200-ok")),
    ].under("RFC 9110 §10.1.1")
    + [
      refuse(.repeatedAuthorization, get("Authorization: Bearer x", "Authorization: Bearer x")),
      refuse(.repeatedAuthorization, get("Authorization: Bearer x", "authorization: Basic y")),
    ].under("RFC 9110 §11.6.2")

  private static let badLines: [HeadCase] = [
    refuse(.badMethod, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"), refuse(.badMethod, "G\u{e9}T / HTTP/1.1\r\n\r\n"),
    refuse(.badMethod, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), refuse(.badMethod, "GET\r\n\r\n"), refuse(.badMethod, "\n\r\n"),
    refuse(.badMethod, "\u{16}\u{3}\u{1}\u{2}"), refuse(.badMethod, "(GET) / HTTP/1.1\r\n\r\n"),
    refuse(.badMethod, ": x\r\n\r\n"),
    refuse(.badMethod, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), refuse(.badMethod, "\u{0}GET / HTTP/1.1\r\n\r\n"),
    refuse(.bareCarriageReturn, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    refuse(.badTarget, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), refuse(.badTarget, "GET \r\n\r\n"),
    refuse(.badTarget, "GET /\r\n\r\n"),
    refuse(.badTarget, "GET /\n\n"), refuse(.badTarget, "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), refuse(.badVersion, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET / http/1.1\r\nHost: a\r\n\r\n"), refuse(.badVersion, "GET / HTTP/1\r\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET / HTTP/1,1\r\nHost: a\r\n\r\n"), refuse(.badVersion, "GET / HTTP/11.1\r\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"), refuse(.badVersion, "GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET / HTTP /1.1\r\nHost: a\r\n\r\n"), refuse(.badVersion, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET / HTTP/x.1\r\nHost: a\r\n\r\n"), refuse(.badVersion, "GET / a HTTP/1.1\r\nHost: a\r\n\r\n"),
    refuse(.badVersion, "GET / \r\nHost: a\r\n\r\n"), refuse(.bareCarriageReturn, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
    refuse(.bareCarriageReturn, "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), refuse(.bareCarriageReturn, "GET / HTTP/1.0\r\t\n\r\n"),
    refuse(.unknownMajorVersion, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"), refuse(.badTarget, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    refuse(.unknownMajorVersion, "GET / HTTP/0.9\r\n\r\n"), refuse(.unknownMajorVersion, "GET / HTTP/3.1\r\n\r\n"),
  ]

  private static let badTargets: [HeadCase] =
    [
      "a", "*", "?q", "/#f", "/a#f", "/?a#f", "/\u{e9}", "/\"", "/<", "/>", "/\\", "/^", "/`", "/{", "/|", "/}", "/[", "/]",
      "/?[", "/?\"", "/\u{7f}",
      "/\u{1}", "ftp://a/", "http:/a", "http:a", "http//a", "http://", "http:///a", "http://u@a/", "http://u:p@a/", "http://a:x/",
      "http://a:65536/", "http://a:123456/", "http://[::1/", "http://[]/", "http://[x]/", "http://a%4/", "http://a\\b/",
      "www.example.org",
      "www.example.org:80", "//a\u{0}b",
    ].map { refuse(.badTarget, target($0)) }
    + ["/%", "/%4", "/%g0", "/%0g", "/a%zz", "/?%", "/?%4x", "/%%41"].map { refuse(.badEscape, target($0)) }
    + ["/", "*", "http://a/", "a", "a b", "", "a:", "@a:1", "a:99999", "[::1]"].map {
      refuse(.badTarget, target($0, method: "CONNECT"))
    }
    + [refuse(.badVersion, target("http://a b/")), refuse(.badVersion, target("a:1 b", method: "CONNECT"))]

  private static let badHosts: [HeadCase] =
    [
      "", " ", "a b", "a/b", "a@b", "a:b", "a:80:80", "a:65536", "a:-1", "a: 80", ":80", "[::1", "::1", "[g]", "[]", "[::1]x",
      "a\\b", "a#b", "a?b", "<a>",
      "\u{e9}", "a%", "a%4", "a%4g", "http://a", "a\tb", "\"a\"", "a, b",
    ].map { refuse(.badHost, "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n") }
    + [
      refuse(.missingHost, "GET / HTTP/1.1\r\n\r\n"), refuse(.missingHost, "GET http://a/ HTTP/1.1\r\n\r\n"),
      refuse(.missingHost, "GET / HTTP/1.1\r\nHosts: a\r\n\r\n"), refuse(.repeatedHost, get("Host: a")),
      refuse(.repeatedHost, get("host: b")),
      refuse(.repeatedHost, "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
      refuse(.badHost, "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n"), refuse(.badHost, "GET / HTTP/1.0\r\nHost: b c\r\n\r\n"),
      refuse(.repeatedHost, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    ]

  private static let badFields: [HeadCase] =
    [
      "X : y", "X\t: y", ": y", "X", "X y", "X y: z", "\u{e9}: y", "X\u{0}: y", "X\u{7f}: y", "X(: y", "X\"y: z", "X/: y",
      "X@: y", "X[: y", "X{: y",
      "Content-Length : 5", "Host : b", "Transfer-Encoding : chunked", "Transfer-Encoding\u{b}: chunked", "=X: y", "X,Y: z",
      "X;: y", "X<: y",
    ].map { refuse(.badFieldName, get($0)) }
    + ["X: a\u{0}b", "X: \u{1}", "X: a\u{7f}", "X: a\u{b}b", "X: a\u{c}", "X: a\u{1b}b", "Host\u{3a}a\u{8}"].map {
      refuse(.badFieldValue, get($0))
    }
    + [" X: y", "\tX: y", " ", "\t"].map { refuse(.foldedLine, get($0)) }
    + [
      refuse(.foldedLine, get("X: a", " b")), refuse(.foldedLine, get("Transfer-Encoding:", " chunked")),
      refuse(.foldedLine, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"), refuse(.bareLineFeed, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
      refuse(.bareLineFeed, "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"), refuse(.badFieldName, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
      refuse(.bareCarriageReturn, get("X: a\rb")), refuse(.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
      refuse(.bareCarriageReturn, "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n"), refuse(.badFieldName, get("X\r: y")),
      refuse(.badFieldName, get("X\nY: z")), refuse(.bareCarriageReturn, get("X: a\rContent-Length: 5")),
    ]

  private static let badLengths: [HeadCase] =
    [
      "", " ", "-1", "+5", "5a", "a", "0x5", "5 5", "5,5", "5, 5", "5, 6", ",5", "5,", "1e3", "5.0", "1_000", "\u{0663}", "5\t6",
      "\"5\"",
      "1234567890123456789", "99999999999999999999", "18446744073709551617", "4294967296000000000000",
    ].map { refuse(.badContentLength, post("Content-Length: \($0)")) }
    + [
      refuse(.repeatedContentLength, post("Content-Length: 5", "Content-Length: 5")),
      refuse(.repeatedContentLength, post("Content-Length: 5", "content-length: 6")),
      refuse(.repeatedContentLength, post("Content-Length: 0", "X: y", "Content-Length: 0")),
    ]

  // CL.TE, TE.CL, TE.TE and their relatives: RFC 9112 §11.2
  private static let badCodings: [HeadCase] = [
    refuse(.lengthWithCoding, post("Content-Length: 5", "Transfer-Encoding: chunked")),
    refuse(.lengthWithCoding, post("Transfer-Encoding: chunked", "Content-Length: 5")),
    refuse(.lengthWithCoding, post("Transfer-Encoding: identity", "Content-Length: 5")),
    refuse(.lengthWithCoding, post("Transfer-Encoding:", "Content-Length: 0")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: xchunked")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: gzip")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: identity")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: x", "Transfer-Encoding: y")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: gzip, chunked")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: \"chunked\"")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: chunked;q=1")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: chun ked")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: x chunked")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: \u{a0}chunked")),
    refuse(.unknownTransferCoding, post("Transfer-Encoding: x", "Transfer-Encoding: chunked")),
    refuse(.badTransferCoding, post("Transfer-Encoding: chunked, chunked")),
    refuse(.badTransferCoding, post("Transfer-Encoding: chunked, gzip")),
    refuse(.badTransferCoding, post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")),
    refuse(.badTransferCoding, post("Transfer-Encoding: chunked", "Transfer-Encoding: identity")),
    refuse(.badTransferCoding, post("Transfer-Encoding:")), refuse(.badTransferCoding, post("Transfer-Encoding: ,chunked")),
    refuse(.badTransferCoding, post("Transfer-Encoding: chunked,")),
    refuse(.badTransferCoding, post("Transfer-Encoding: chunked", "Transfer-Encoding:")),
    refuse(.codingInOldVersion, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
    refuse(.badFieldValue, post("Transfer-Encoding: \u{b}chunked")),
    refuse(.badFieldValue, post("Transfer-Encoding: chunked\u{0}")),
    refuse(.foldedLine, post("Transfer-Encoding:", "\tchunked")),
    refuse(.bareCarriageReturn, post("X: y\rTransfer-Encoding: chunked")),
    refuse(.bareLineFeed, "POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n"),
  ]
}

extension [HeadCase] {
  fileprivate func under(_ section: String) -> [HeadCase] {
    map { given in
      var given = given
      given.section = section
      return given
    }
  }
}
