// A request as a handler sees it: views into the bytes that arrived.

public import Codecs
package import Platform
import Synchronization

/// One whole request, head and body. Valid while the handler runs; nothing in it is copied until it is asked for as a `String`.
@usableFromInline
package struct Request: ~Copyable, Sendable {
  /// The connection's input; this request begins at `base`.
  @usableFromInline var bytes: ByteBuffer
  @usableFromInline var base = 0
  @usableFromInline var head = RequestHead()
  /// Where the body lies, counted from `base`.
  @usableFromInline var body = BytePlace.nowhere
  var parameters = RouteParameters()
  /// Never read. A value that holds an atomic stays where it is and is lent by its address; without one, each call that borrows a request copies
  /// all 440 bytes of it (measured: a tenth of the instructions of a small answer).
  private let anchor = Atomic<Bool>(false)

  /// What outlives the bytes of the request.
  var exchange = Exchange()
  /// Whose connection it is.
  var source = PeerState()

  /// When the client gets 503 `timeout` if the handler has not returned; only pool routes can be that late.
  package internal(set) var deadlineNanoseconds: UInt64 = 0
  /// Whether the server is going down and answers only what it has.
  package internal(set) var isServerDraining = false

  /// Whether the handler runs on a pool, where it may wait for the disk, and not on an event loop.
  package internal(set) var mayWait = false

  init(bytes: consuming ByteBuffer) { self.bytes = bytes }

  /// Said by a handler that is about to hash a password: on an event loop it must not, and runs again from the start on the hash pool.
  package func requireHashWorker() throws(Problem) {
    if !mayWait { throw .needsHashWorker }
  }

  /// A HEAD request runs the handler of GET and sees `.head` here.
  package var method: Method { exchange.method ?? .get }
  /// The name of this request; it is in the response and in every problem document already.
  package var requestID: RequestID { exchange.requestID }
  /// Who asks: the other end of the connection, or whom it speaks for if it is a trusted proxy.
  package var client: SocketAddress { exchange.client }
  /// The other end of the connection.
  package var peer: SocketAddress { source.address }
  /// The process at the other end of a Unix socket, as the kernel tells.
  package var peerCredentials: PeerCredentials? { source.credentials }
  /// Which of `ServerOptions.listeners` the connection came in by.
  package var listenerIndex: Int { source.listenerIndex }
  /// When the head was complete, on the server's monotonic clock.
  package var arrivalNanoseconds: UInt64 { exchange.startNanoseconds }

  /// Runs `work` on the body; it is empty if there is none.
  @inlinable
  package func withBody<Value, Failure: Error>(_ work: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value {
    let range = body.range(from: base)
    return try bytes.withSpan { span throws(Failure) in try work(span.extracting(range)) }
  }

  /// Runs `work` on the value of the first line with this name, without white space around it; nil if there is no such line.
  @inlinable
  package func withHeader<Value, Failure: Error>(
    _ name: HeaderName, _ work: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    guard let place = head.firstValue(name) else { return nil }
    let range = place.range(from: base)
    return try bytes.withSpan { span throws(Failure) in try work(span.extracting(range)) }
  }

  /// How many lines carry this name. Host, Content-Length and Authorization never have two.
  package func lineCount(of name: HeaderName) -> Int { head.lineCount(name) }

  /// The first value as text; bytes that are no UTF-8 come out as U+FFFD.
  package func header(_ name: HeaderName) -> String? { withHeader(name) { String(decoding: $0, as: UTF8.self) } }

  /// Runs `work` on the path, never empty, as it was sent.
  package func withPath<Value>(_ work: (Span<UInt8>) -> Value) -> Value {
    if head.path.count == 0 {
      let root = InlineArray<1, UInt8>(repeating: UInt8(ascii: "/"))
      return work(root.span)
    }
    let range = head.path.range(from: base)
    return bytes.withSpan { span in work(span.extracting(range)) }
  }

  /// The path as it was sent; empty if it stands for `/`.
  var pathBytes: [UInt8] { bytes.withSpan { span in head.path.range(from: base).map { span[$0] } } }

  package var path: String { withPath { String(decoding: $0, as: UTF8.self) } }

  /// Runs `work` on what follows the question mark, as it was sent; it is empty if there is none.
  package func withQuery<Value>(_ work: (Span<UInt8>) -> Value) -> Value {
    let range = head.query.range(from: base)
    return bytes.withSpan { span in work(span.extracting(range)) }
  }
}

extension Request {
  /// Runs `work` on the decoded value of a pattern's parameter, counted from 0.
  package func withParameter<Value>(_ index: Int, _ work: (Span<UInt8>) -> Value) -> Value {
    precondition(index >= 0 && index < parameters.count, "parameter \(index) of \(parameters.count)")
    let range = parameters.places[index].range(from: base)
    return bytes.withSpan { span in
      let raw = span.extracting(range)
      guard raw.contains(UInt8(ascii: "%")) else { return work(raw) }
      // The parser has refused whatever does not decode.
      let decoded = PercentEncoding.decode(raw) ?? []
      return work(decoded.span)
    }
  }

  /// The decoded value of a pattern's parameter as text; bytes that are no UTF-8 come out as U+FFFD.
  package func parameter(_ index: Int) -> String { withParameter(index) { String(decoding: $0, as: UTF8.self) } }

  /// The items of the query in their order, decoded as a form is (`+` is a space); nil if one does not decode or is no UTF-8.
  ///
  /// An item without `=` has an empty value; empty items are passed over.
  package func queryItems() -> [(name: String, value: String)]? { withQuery { Self.items(of: $0) } }

  /// The same of a body of `application/x-www-form-urlencoded`.
  package func formItems() -> [(name: String, value: String)]? { withBody { Self.items(of: $0) } }

  private static func items(of form: Span<UInt8>) -> [(name: String, value: String)]? {
    var items: [(name: String, value: String)] = []
    var start = 0
    while start < form.count {
      let end = form.firstIndex(of: UInt8(ascii: "&"), from: start) ?? form.count
      if end > start {
        let equals = form.firstIndex(of: UInt8(ascii: "="), from: start).map { min($0, end) } ?? end
        guard let name = formText(form.extracting(start..<equals)),
          let value = formText(form.extracting(min(equals + 1, end)..<end))
        else { return nil }
        items.append((name, value))
      }
      start = end + 1
    }
    return items
  }

  private static func formText(_ bytes: Span<UInt8>) -> String? {
    PercentEncoding.decodeForm(bytes).flatMap { String(validating: $0, as: UTF8.self) }
  }
}

extension Request {
  /// A copy of exactly this request, for a pool.
  func copy() -> Request {
    let end = max(Int(head.byteCount), Int(body.start + body.count))
    var copied = ByteBuffer(capacity: end)
    bytes.withSpan { copied.append($0.extracting(base..<base + end)) }
    var request = Request(bytes: copied)
    request.head = head.copy()
    request.body = body
    request.parameters = parameters
    request.exchange = exchange
    request.source = source
    request.deadlineNanoseconds = deadlineNanoseconds
    request.isServerDraining = isServerDraining
    request.mayWait = true
    return request
  }
}
