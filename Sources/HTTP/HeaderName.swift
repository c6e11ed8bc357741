// The header fields that the house reads; all others are checked and passed over.

/// A request header field known by name. Names are compared without regard to ASCII case.
@usableFromInline
package enum HeaderName: UInt8, Sendable, CaseIterable {
  case accept
  case accessControlRequestHeaders
  case accessControlRequestMethod
  case authorization
  case connection
  case contentEncoding
  case contentLength
  case contentType
  case expect
  case forwardedFor
  case host
  case idempotencyKey
  case ifMatch
  case ifNoneMatch
  case origin
  case requestID
  case traceparent
  case tracestate
  case transferEncoding
  case userAgent

  /// The name in lower case.
  package var text: StaticString {
    switch self {
    case .accept: "accept"
    case .accessControlRequestHeaders: "access-control-request-headers"
    case .accessControlRequestMethod: "access-control-request-method"
    case .authorization: "authorization"
    case .connection: "connection"
    case .contentEncoding: "content-encoding"
    case .contentLength: "content-length"
    case .contentType: "content-type"
    case .expect: "expect"
    case .forwardedFor: "x-forwarded-for"
    case .host: "host"
    case .idempotencyKey: "idempotency-key"
    case .ifMatch: "if-match"
    case .ifNoneMatch: "if-none-match"
    case .origin: "origin"
    case .requestID: "x-request-id"
    case .traceparent: "traceparent"
    case .tracestate: "tracestate"
    case .transferEncoding: "transfer-encoding"
    case .userAgent: "user-agent"
    }
  }
}
