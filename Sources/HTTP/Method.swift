// The request methods that the server knows (RFC 9110 §9, RFC 5789).

/// A method. Names are case-sensitive; a well-formed name that is not here is answered with 501.
package enum Method: UInt8, Sendable, CaseIterable {
  case get, head, post, put, patch, delete, options

  package var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    }
  }
}

/// Some methods, kept in one byte.
struct MethodSet: OptionSet, Sendable {
  let rawValue: UInt8
  init(rawValue: UInt8) { self.rawValue = rawValue }
  init(_ method: Method) { rawValue = 1 << method.rawValue }

  func contains(_ method: Method) -> Bool { rawValue & (1 << method.rawValue) != 0 }
}
