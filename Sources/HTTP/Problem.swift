// Errors as clients see them: RFC 9457 problem documents.

import Codecs

/// What a handler throws to answer with a problem document.
///
/// The server adds `type` (`/problems/` and the code), `instance` (the path) and `requestId`. A position given to `Response.hold(until:)` before the
/// throw still holds the answer.
package struct Problem: Error, Sendable {
  package let status: Status
  /// The stable name of the problem, such as `email_exists`.
  package let code: StaticString
  /// A short sentence that is the same each time.
  package let title: StaticString
  /// What was wrong this time; names the thing, the value and the limit, never a secret.
  package var detail: String
  package var fieldErrors: [FieldError] = []
  /// Seconds, sent as `Retry-After`.
  package var retryAfter: Int?
  package var headers: [(name: StaticString, value: String)] = []
  /// Further members of the document.
  package var members: [(name: StaticString, value: MemberValue)] = []
  /// Where a handler on a loop that throws this wants to run again; nil for what is an answer.
  package private(set) var worker: Route.Executor?

  package enum MemberValue: Sendable {
    case string(String)
    case strings([String])
    case integer(Int64)
  }

  package init(_ status: Status, code: StaticString, title: StaticString, detail: String = "") {
    self.status = status
    self.code = code
    self.title = title
    self.detail = detail
  }

  /// Thrown by a handler whose work must wait for the disk.
  ///
  /// On a loop it is no answer: the server runs the whole handler again on the disk pool, with a copy of the request, and 503 `overloaded`
  /// if the pool is full. Where waiting is allowed it means that the wait was in vain, and is answered as 503 `overloaded`.
  package static var needsWorker: Problem {
    var problem = Problem(
      .serviceUnavailable, code: "overloaded", title: "The server is busy", detail: "the disk did not answer in time")
    problem.retryAfter = 1
    problem.worker = .diskPool
    return problem
  }

  /// Thrown on a loop by a handler that finds a password to hash in this request, which most requests to its route do not have: the server
  /// runs the whole handler again on the hash pool, and answers 503 `overloaded` if that is full. See `Request.requireHashWorker`.
  static var needsHashWorker: Problem {
    var problem = Problem.overloaded
    problem.worker = .hashPool
    return problem
  }
}

/// One field of a request that was judged wrong.
package struct FieldError: Sendable {
  /// A JSON pointer as a URI fragment: `#/password`, `#` for the whole.
  package var pointer: String
  package let code: StaticString
  package var detail: String
  /// Numbers that tell the limit: `("min", 8)`.
  package var bounds: [(name: StaticString, value: Int64)]

  package init(
    _ pointer: String, code: StaticString, detail: String, bounds: [(name: StaticString, value: Int64)] = []
  ) {
    self.pointer = pointer
    self.code = code
    self.detail = detail
    self.bounds = bounds
  }
}
