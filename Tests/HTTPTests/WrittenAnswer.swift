// Answers written down by hand, byte for byte, beside which those of the server are laid.

@testable import HTTP

/// One answer on the wire, at the moment at which the clock of a `Conversation` stands.
struct WrittenAnswer: Sendable {
  var line: String
  var contentType: String?
  var body: [UInt8] = []
  /// 204 and 304 tell no length.
  var hasLength = true
  var caching: String?
  /// The value of Connection, if it is sent.
  var connection: String?
  /// Field lines of this answer alone.
  var fields: [String] = []
  /// The answer to HEAD: all but the body.
  var isHead = false

  var bytes: [UInt8] {
    var lines = [
      "HTTP/1.1 \(line)", "Date: Fri, 01 May 2026 12:00:01 GMT", "X-API-Version: v1", "X-Content-Type-Options: nosniff",
      "Referrer-Policy: no-referrer", "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
      "X-Request-Id: \(Self.requestID)",
    ]
    if let contentType { lines.append("Content-Type: \(contentType)") }
    if hasLength { lines.append("Content-Length: \(body.count)") }
    if let caching { lines += ["Cache-Control: \(caching)", "Vary: Authorization"] }
    if let connection { lines.append("Connection: \(connection)") }
    lines += fields
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (isHead ? [] : body)
  }

  /// The name that a `Conversation` gives to every request.
  static let requestID = "019de368-f9e8-7707-8707-070707070707"

  static func text(_ body: [UInt8]) -> WrittenAnswer {
    WrittenAnswer(line: "200 OK", contentType: "text/plain; charset=utf-8", body: body)
  }

  static let root = text(Array("root".utf8))

  /// What `POST /` gives back.
  static func echo(_ body: String) -> WrittenAnswer { text(Array(body.utf8)) }

  static func bodiless(_ line: String, _ fields: String...) -> WrittenAnswer {
    WrittenAnswer(line: line, hasLength: false, fields: fields)
  }

  static let rootOptions = bodiless("204 No Content", "Allow: GET, HEAD, POST, OPTIONS")
  static let serverOptions = bodiless("204 No Content", "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")

  static func problem(_ line: String, _ code: String, _ title: String, _ detail: String, at path: String = "") -> WrittenAnswer {
    let instance = path.isEmpty ? "" : #""instance":"\#(path)","#
    let document =
      #"{"type":"/problems/\#(code)","title":"\#(title)","status":\#(line.prefix(3)),"code":"\#(code)","detail":"\#(detail)","#
      + #"\#(instance)"requestId":"\#(requestID)"}"#
    return WrittenAnswer(line: line, contentType: "application/problem+json", body: Array(document.utf8))
  }

  static func notFound(_ path: String) -> WrittenAnswer {
    problem("404 Not Found", "not_found", "There is nothing here", "no resource has this path", at: path)
  }

  static func notAllowed(_ methods: String, at path: String = "/") -> WrittenAnswer {
    var answer = problem(
      "405 Method Not Allowed", "method_not_allowed", "The method is not allowed", "this path allows \(methods)", at: path)
    answer.fields = ["Allow: \(methods)"]
    return answer
  }

  static func unknownMethod(_ path: String = "/") -> WrittenAnswer {
    problem("501 Not Implemented", "not_implemented", "The server does not do this", "the method is not known", at: path)
  }

  static func bodyTooLarge(_ path: String = "/") -> WrittenAnswer {
    problem(
      "413 Content Too Large", "body_too_large", "The body is too large", "the body exceeds \(ChunkCase.limit) bytes", at: path
    ).closing
  }

  static func unsupported(_ detail: String, at path: String) -> WrittenAnswer {
    problem("415 Unsupported Media Type", "unsupported_media_type", "The media type is not supported", detail, at: path)
  }

  static func malformed(_ detail: String, at path: String = "") -> WrittenAnswer {
    problem("400 Bad Request", "malformed_request", "The request is malformed", detail, at: path).closing
  }

  private static func headersTooLarge(_ detail: String, at path: String = "") -> WrittenAnswer {
    problem(
      "431 Request Header Fields Too Large", "headers_too_large", "The header section is too large", detail, at: path
    ).closing
  }

  var closing: WrittenAnswer { with { $0.connection = "close" } }

  /// To a client of HTTP/1.0 that asked for it.
  var keeping: WrittenAnswer { with { $0.connection = "keep-alive" } }

  var toHead: WrittenAnswer { with { $0.isHead = true } }

  /// Below a path that no shared cache may keep.
  var unkept: WrittenAnswer { with { $0.caching = "no-store" } }

  private func with(_ change: (inout WrittenAnswer) -> Void) -> WrittenAnswer {
    var answer = self
    change(&answer)
    return answer
  }

  static func refused(_ refusal: Refusal) -> WrittenAnswer {
    switch refusal {
    case .badMethod: malformed("the method is not a token")
    case .badTarget: malformed("the request target is neither a path nor an http URI")
    case .badEscape: malformed("a percent sign in the request target is not followed by two hexadecimal digits")
    case .badVersion: malformed("the request line does not end in HTTP/1.1")
    case .unknownMajorVersion:
      problem(
        "505 HTTP Version Not Supported", "version_not_supported", "The protocol version is not supported",
        "this server speaks HTTP/1.1 and HTTP/1.0"
      ).closing
    case .requestLineTooLong:
      problem(
        "414 URI Too Long", "uri_too_long", "The request line is too long", "the request line is longer than 8192 bytes"
      ).closing
    case .bareCarriageReturn: malformed("a carriage return is not followed by a line feed")
    case .bareLineFeed: malformed("a line feed does not follow a carriage return")
    case .foldedLine: malformed("a header field line begins with white space")
    case .badFieldName: malformed("a header field name is not a token followed by a colon")
    case .badFieldValue: malformed("a header field value holds a control character")
    case .tooManyFields: headersTooLarge("there are more than 100 header fields")
    case .headersTooLarge: headersTooLarge("the header section is larger than 16384 bytes")
    case .missingHost: malformed("there is no Host header field")
    case .repeatedHost: malformed("there is more than one Host header field")
    case .badHost: malformed("the host is not valid")
    case .repeatedAuthorization: malformed("there is more than one Authorization header field")
    case .badContentLength: malformed("the Content-Length is not one decimal number")
    case .repeatedContentLength: malformed("there is more than one Content-Length header field")
    case .lengthWithCoding: malformed("there are both a Content-Length and a Transfer-Encoding header field")
    case .badTransferCoding: malformed("chunked is not the one and last transfer coding")
    case .unknownTransferCoding:
      problem(
        "501 Not Implemented", "not_implemented", "The server does not do this", "the transfer coding is not known; chunked is"
      ).closing
    case .codingInOldVersion: malformed("HTTP/1.0 has no Transfer-Encoding")
    case .unknownExpectation:
      problem(
        "417 Expectation Failed", "expectation_failed", "The expectation cannot be met",
        "the only known expectation is 100-continue"
      ).closing
    }
  }

  static func refused(_ refusal: BodyRefusal, at path: String = "/") -> WrittenAnswer {
    switch refusal {
    case .badChunkSize: malformed("a chunk size is not 1 to 16 hexadecimal digits", at: path)
    case .badChunkLine: malformed("the line of a chunk size does not end in CR LF", at: path)
    case .badChunkExtension: malformed("a chunk extension is not a name with or without a value", at: path)
    case .extensionsTooLong: malformed("the chunk extensions are longer than 4096 bytes", at: path)
    case .badChunkEnd: malformed("a chunk is longer than its size", at: path)
    case .badTrailer: malformed("a trailer field line is not a name, a colon and a value", at: path)
    case .tooManyTrailers: headersTooLarge("there are more than 100 trailer fields", at: path)
    case .trailersTooLarge: headersTooLarge("the trailer section is larger than 16384 bytes", at: path)
    case .bodyTooLarge: bodyTooLarge(path)
    }
  }
}
