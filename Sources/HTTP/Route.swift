// One line of the routing table.

/// Answers a request, synchronously. It may run on any loop or pool thread, several at a time, and again from the start after
/// `Problem.needsWorker`; so nothing may leave it before it has succeeded.
package typealias Handler = @Sendable (borrowing Request, inout Response) throws(Problem) -> Void

/// Wraps a handler at start-up.
package typealias Middleware = @Sendable (@escaping Handler) -> Handler

/// Judges a whole request on its loop before the handler runs, wherever that is, and once only: a handler that is run again is not judged
/// again. What it throws is the answer.
package typealias Admission = @Sendable (borrowing Request) throws(Problem) -> Void

/// A method and pattern with what answers them.
package struct Route: Sendable {
  /// Where the handler runs.
  package enum Executor: Sendable {
    /// On the event loop itself: microseconds, no waiting.
    case loop
    /// On the pool for password hashing: milliseconds of processor time.
    case hashPool
    /// On the pool that may wait for the disk.
    case diskPool
  }

  /// What a route takes as a body; anything else is 415, a larger one 413.
  package struct Body: Sendable {
    let allowsJSON: Bool
    let allowsMergePatch: Bool
    let allowsForm: Bool
    /// nil is `HTTPLimits.maxBodyByteCount`.
    let maxByteCount: Int?

    /// A body is read and ignored.
    package static let ignored = Body(allowsJSON: false, allowsMergePatch: false, allowsForm: false, maxByteCount: nil)
    /// `application/json`; whether an empty body will do is the handler's business.
    package static let json = Body(allowsJSON: true, allowsMergePatch: false, allowsForm: false, maxByteCount: nil)
    /// `application/json` or `application/merge-patch+json`.
    package static let mergePatch = Body(allowsJSON: true, allowsMergePatch: true, allowsForm: false, maxByteCount: nil)
    /// `application/json` or `application/x-www-form-urlencoded`.
    package static let jsonOrForm = Body(allowsJSON: true, allowsMergePatch: false, allowsForm: true, maxByteCount: nil)
    /// `application/json` with its own limit.
    package static func json(maxByteCount: Int) -> Body {
      Body(allowsJSON: true, allowsMergePatch: false, allowsForm: false, maxByteCount: maxByteCount)
    }
  }

  package let method: Method
  package let pattern: StaticString
  package let executor: Executor
  package let body: Body
  package let audience: Audience
  package let admission: Admission?
  package let handler: Handler

  /// - Parameters:
  ///   - pattern: literal segments and at most four parameters, each a whole segment: `/api/v1/users/{id}`.
  ///   - audience: the same for all methods of a pattern.
  package init(
    _ method: Method, _ pattern: StaticString, on executor: Executor = .loop, body: Body = .ignored,
    for audience: Audience = .clients, admission: Admission? = nil, handler: @escaping Handler
  ) {
    precondition(method != .head && method != .options, "HEAD and OPTIONS are answered by rule")
    self.method = method
    self.pattern = pattern
    self.executor = executor
    self.body = body
    self.audience = audience
    self.admission = admission
    self.handler = handler
  }

  /// The same route with its handler wrapped, the first middleware outermost.
  package func wrapped(in middleware: [Middleware]) -> Route {
    var wrapped = handler
    for wrap in middleware.reversed() { wrapped = wrap(wrapped) }
    return Route(method, pattern, on: executor, body: body, for: audience, admission: admission, handler: wrapped)
  }
}
