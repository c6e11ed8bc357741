// What is remembered of a request until its answer has left.

import Codecs
import Platform

/// One request and its answer, by the facts that outlive the request's bytes.
struct Exchange: Sendable {
  var startNanoseconds: UInt64 = 0
  /// nil if the method was not understood.
  var method: Method?
  /// The index of the matched endpoint, or -1.
  var endpoint = -1
  var minorVersion: UInt8 = 1
  /// Whether the connection goes on after the answer.
  var keepsAlive = false
  /// Whether no shared cache may keep the answer.
  var isPrivate = false
  var requestID = RequestID()
  var trace = TraceContext()
  /// Where the loop keeps what it notes of the request; -1 for one that is not traced.
  var tracePlace: Int16 = -1
  /// The index of the allowed origin that the request comes from, or -1.
  var origin = -1
  /// The peer, or whoever it speaks for.
  var client = SocketAddress.local
  /// Tells the requests apart that one connection handed to pools.
  var ticket: UInt32 = 0
}

/// Whose connection it is.
struct PeerState: Sendable {
  var address = SocketAddress.local
  var credentials: PeerCredentials?
  var listenerIndex = 0
  /// Whether it may tell whom it speaks for.
  var isTrusted = false
  /// As whom it is served.
  var audience = Audience.clients
}

/// An answer that waits for the disk.
struct HeldAnswer: ~Copyable, Sendable {
  let position: LogPosition
  let exchange: Exchange
  /// As it would have been told to the access hook.
  let status: Status
  let code: StaticString?
  let subject: (high: UInt64, low: UInt64)?
  /// For the problem document that takes its place if the disk fails.
  let path: [UInt8]
  /// The whole answer, or its head, ready to be sent.
  let bytes: ByteBuffer
  /// Makes the body, if that is not among the bytes.
  let source: BodySource?
}
