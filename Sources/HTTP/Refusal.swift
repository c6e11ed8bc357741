// Why the head of a request was not accepted, and what is answered.

/// A fault in the first bytes that make a request invalid. After any of them the connection closes: where the next request begins is not certain.
package enum Refusal: Error, Equatable, Sendable, CaseIterable {
  case badMethod, badTarget, badEscape, badVersion, unknownMajorVersion, requestLineTooLong
  case bareCarriageReturn, bareLineFeed, foldedLine, badFieldName, badFieldValue, tooManyFields, headersTooLarge
  case missingHost, repeatedHost, badHost
  case repeatedAuthorization
  case badContentLength, repeatedContentLength, lengthWithCoding
  case badTransferCoding, unknownTransferCoding, codingInOldVersion
  case unknownExpectation

  func problem(_ limits: HTTPLimits) -> Problem {
    switch self {
    case .badMethod: malformed("the method is not a token")
    case .badTarget: malformed("the request target is neither a path nor an http URI")
    case .badEscape: malformed("a percent sign in the request target is not followed by two hexadecimal digits")
    case .badVersion: malformed("the request line does not end in HTTP/1.1")
    case .unknownMajorVersion:
      Problem(
        .versionNotSupported, code: "version_not_supported", title: "The protocol version is not supported",
        detail: "this server speaks HTTP/1.1 and HTTP/1.0")
    case .requestLineTooLong:
      Problem(
        .uriTooLong, code: "uri_too_long", title: "The request line is too long",
        detail: "the request line is longer than \(limits.maxRequestLineByteCount) bytes")
    case .bareCarriageReturn: malformed("a carriage return is not followed by a line feed")
    case .bareLineFeed: malformed("a line feed does not follow a carriage return")
    case .foldedLine: malformed("a header field line begins with white space")
    case .badFieldName: malformed("a header field name is not a token followed by a colon")
    case .badFieldValue: malformed("a header field value holds a control character")
    case .tooManyFields:
      Problem(
        .headersTooLarge, code: "headers_too_large", title: "The header section is too large",
        detail: "there are more than \(limits.maxFieldCount) header fields")
    case .headersTooLarge:
      Problem(
        .headersTooLarge, code: "headers_too_large", title: "The header section is too large",
        detail: "the header section is larger than \(limits.maxHeaderByteCount) bytes")
    case .missingHost: malformed("there is no Host header field")
    case .repeatedHost: malformed("there is more than one Host header field")
    case .badHost: malformed("the host is not valid")
    case .repeatedAuthorization: malformed("there is more than one Authorization header field")
    case .badContentLength: malformed("the Content-Length is not one decimal number")
    case .repeatedContentLength: malformed("there is more than one Content-Length header field")
    case .lengthWithCoding: malformed("there are both a Content-Length and a Transfer-Encoding header field")
    case .badTransferCoding: malformed("chunked is not the one and last transfer coding")
    case .unknownTransferCoding:
      Problem(
        .notImplemented, code: "not_implemented", title: "The server does not do this",
        detail: "the transfer coding is not known; chunked is")
    case .codingInOldVersion: malformed("HTTP/1.0 has no Transfer-Encoding")
    case .unknownExpectation:
      Problem(
        .expectationFailed, code: "expectation_failed", title: "The expectation cannot be met",
        detail: "the only known expectation is 100-continue")
    }
  }

  private func malformed(_ detail: String) -> Problem {
    Problem(.badRequest, code: "malformed_request", title: "The request is malformed", detail: detail)
  }
}
