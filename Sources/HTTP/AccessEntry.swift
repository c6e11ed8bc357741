// What is told about each finished request.

package import Platform

/// One answered request, told on the thread of its loop right before its last byte is handed to the kernel.
package struct AccessEntry: Sendable {
  /// nil for a request whose method was not understood.
  package let method: Method?
  /// The pattern of the route, never the path; nil if none matched.
  package let route: StaticString?
  package let status: Status
  /// The code of the problem document, if the answer was one.
  package let code: StaticString?
  /// From the first look at the request to its answer, waiting for the disk included.
  package let durationNanoseconds: UInt64
  /// When it was answered, on the monotonic clock.
  package let endNanoseconds: UInt64
  /// Size of the answer, head and body.
  package let byteCount: Int
  /// The peer, or whom a trusted proxy speaks for.
  package let client: SocketAddress
  package let listenerIndex: Int
  package let requestID: RequestID
  /// The trace that the request belongs to, if any.
  package let trace: TraceContext
  /// Whom the handler acted for, as it told by `Response.subject`.
  package let subject: (high: UInt64, low: UInt64)?
  /// Whether a streamed body was left off in the middle: it failed, or nobody read it.
  package let isCut: Bool
}

/// Called for each finished request; must return within a microsecond or so.
package typealias AccessHook = @Sendable (borrowing AccessEntry) -> Void
