// The status codes that the house answers with (RFC 9110 §15).

/// A status code with its line of the response.
package enum Status: UInt16, Sendable, CaseIterable {
  case ok = 200
  case created = 201
  case accepted = 202
  case noContent = 204
  case notModified = 304
  case badRequest = 400
  case unauthorized = 401
  case forbidden = 403
  case notFound = 404
  case methodNotAllowed = 405
  case requestTimeout = 408
  case conflict = 409
  case gone = 410
  case lengthRequired = 411
  case preconditionFailed = 412
  case contentTooLarge = 413
  case uriTooLong = 414
  case unsupportedMediaType = 415
  case expectationFailed = 417
  case unprocessableContent = 422
  case preconditionRequired = 428
  case tooManyRequests = 429
  case headersTooLarge = 431
  case internalServerError = 500
  case notImplemented = 501
  case serviceUnavailable = 503
  case versionNotSupported = 505
  case insufficientStorage = 507

  package var code: Int { Int(rawValue) }

  /// Its place among all of them. The compiler makes no code of this: it is how a case is kept.
  var ordinal: Int {
    switch self {
    case .ok: 0
    case .created: 1
    case .accepted: 2
    case .noContent: 3
    case .notModified: 4
    case .badRequest: 5
    case .unauthorized: 6
    case .forbidden: 7
    case .notFound: 8
    case .methodNotAllowed: 9
    case .requestTimeout: 10
    case .conflict: 11
    case .gone: 12
    case .lengthRequired: 13
    case .preconditionFailed: 14
    case .contentTooLarge: 15
    case .uriTooLong: 16
    case .unsupportedMediaType: 17
    case .expectationFailed: 18
    case .unprocessableContent: 19
    case .preconditionRequired: 20
    case .tooManyRequests: 21
    case .headersTooLarge: 22
    case .internalServerError: 23
    case .notImplemented: 24
    case .serviceUnavailable: 25
    case .versionNotSupported: 26
    case .insufficientStorage: 27
    }
  }

  /// Whether a response with this status never has a body (RFC 9110 §6.4.1).
  var isBodiless: Bool { self == .noContent || self == .notModified }

  /// The status line with its line end.
  var line: StaticString {
    switch self {
    case .ok: "HTTP/1.1 200 OK\r\n"
    case .created: "HTTP/1.1 201 Created\r\n"
    case .accepted: "HTTP/1.1 202 Accepted\r\n"
    case .noContent: "HTTP/1.1 204 No Content\r\n"
    case .notModified: "HTTP/1.1 304 Not Modified\r\n"
    case .badRequest: "HTTP/1.1 400 Bad Request\r\n"
    case .unauthorized: "HTTP/1.1 401 Unauthorized\r\n"
    case .forbidden: "HTTP/1.1 403 Forbidden\r\n"
    case .notFound: "HTTP/1.1 404 Not Found\r\n"
    case .methodNotAllowed: "HTTP/1.1 405 Method Not Allowed\r\n"
    case .requestTimeout: "HTTP/1.1 408 Request Timeout\r\n"
    case .conflict: "HTTP/1.1 409 Conflict\r\n"
    case .gone: "HTTP/1.1 410 Gone\r\n"
    case .lengthRequired: "HTTP/1.1 411 Length Required\r\n"
    case .preconditionFailed: "HTTP/1.1 412 Precondition Failed\r\n"
    case .contentTooLarge: "HTTP/1.1 413 Content Too Large\r\n"
    case .uriTooLong: "HTTP/1.1 414 URI Too Long\r\n"
    case .unsupportedMediaType: "HTTP/1.1 415 Unsupported Media Type\r\n"
    case .expectationFailed: "HTTP/1.1 417 Expectation Failed\r\n"
    case .unprocessableContent: "HTTP/1.1 422 Unprocessable Content\r\n"
    case .preconditionRequired: "HTTP/1.1 428 Precondition Required\r\n"
    case .tooManyRequests: "HTTP/1.1 429 Too Many Requests\r\n"
    case .headersTooLarge: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
    case .internalServerError: "HTTP/1.1 500 Internal Server Error\r\n"
    case .notImplemented: "HTTP/1.1 501 Not Implemented\r\n"
    case .serviceUnavailable: "HTTP/1.1 503 Service Unavailable\r\n"
    case .versionNotSupported: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    case .insufficientStorage: "HTTP/1.1 507 Insufficient Storage\r\n"
    }
  }
}
