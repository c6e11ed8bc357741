// A response while a handler makes it.

package import Codecs
package import Platform

/// The name under which the floor above carries the position of an answer.
package typealias HeldPosition = LogPosition

/// Status, header fields and body of one answer, in buffers that are used again for the next.
package struct Response: ~Copyable, Sendable {
  /// What may keep the response, in place of what its path says.
  package enum Caching: Sendable {
    /// By path: `ServerOptions.privatePrefixes`.
    case byPath
    /// `private, no-cache`: kept by the client, asked for again with its ETag.
    case revalidated
    /// `public, no-cache`: kept by anybody, asked for again with its ETag.
    case shared
  }

  package enum ContentType: Sendable {
    case none, json, problem, text, html
    case other(StaticString)
  }

  package var status = Status.ok
  package var contentType = ContentType.none
  package var caching = Caching.byPath
  /// Whom the handler acted for, for the access log.
  package var subject: (high: UInt64, low: UInt64)?
  /// The body so far; whoever appends to it sets `contentType`.
  package var body: ByteBuffer
  /// Makes the body in place of `body`, after the head has left.
  var source: BodySource?
  private var spare: ByteBuffer? = ByteBuffer(capacity: 1024)
  /// Header lines so far, each with its line end.
  var fields: ByteBuffer
  /// The code of the problem that this answer became.
  var code: StaticString?
  package private(set) var heldUntil = LogPosition.zero

  init() {
    body = ByteBuffer(capacity: 1024)
    fields = ByteBuffer(capacity: 256)
  }

  /// Adds a header field. The server itself sets Content-Type, Content-Length, Connection, Date, X-Request-Id, Cache-Control and Vary.
  package mutating func header(_ name: StaticString, _ value: StaticString) {
    fields.append(name)
    fields.append(": ")
    fields.append(value)
    fields.append("\r\n")
  }

  /// Adds a header field. Bytes that cannot stand in a value, such as line ends, are sent as `?`.
  package mutating func header(_ name: StaticString, _ value: String) {
    fields.append(name)
    fields.append(": ")
    for byte in value.utf8 { fields.append(byte < 0x20 || byte >= 0x7f ? UInt8(ascii: "?") : byte) }
    fields.append("\r\n")
  }

  /// Adds a header field, as above.
  package mutating func header(_ name: StaticString, _ value: Span<UInt8>) {
    fields.append(name)
    fields.append(": ")
    for index in value.indices { fields.append(value[index] < 0x20 || value[index] >= 0x7f ? UInt8(ascii: "?") : value[index]) }
    fields.append("\r\n")
  }

  /// Adds a header field with an identifier as its value.
  package mutating func header(_ name: StaticString, _ value: UUID) {
    fields.append(name)
    fields.append(": ")
    value.append(to: &fields)
    fields.append("\r\n")
  }

  /// Makes the body one JSON value, written by `write`.
  package mutating func json(_ write: (inout JSONWriter) -> Void) {
    contentType = .json
    writeJSON(write)
  }

  /// Makes the body a plain text.
  package mutating func text(_ text: StaticString) {
    contentType = .text
    body.removeAll()
    body.append(text)
  }

  mutating func writeJSON(_ write: (inout JSONWriter) -> Void) {
    // The writer owns its buffer, so two take turns: one is written while the other stands in for the body.
    guard var buffer = spare.take() else { preconditionFailure("a JSON value within a JSON value") }
    buffer.removeAll()
    var writer = JSONWriter(buffer)
    write(&writer)
    var written = writer.finish()
    swap(&written, &body)
    spare = consume written
  }

  /// Keeps the answer, or the problem that is thrown instead of it, until the log is durable up to `position`.
  ///
  /// If that never happens, the client gets 503 `commit_outcome_unknown`.
  package mutating func hold(until position: LogPosition) { heldUntil = max(heldUntil, position) }

  /// Ready for the next answer.
  mutating func reset() {
    resetContent()
    subject = nil
    heldUntil = .zero
  }

  /// Drops what was made so far but not what it must wait for.
  mutating func resetContent() {
    status = .ok
    contentType = .none
    caching = .byPath
    code = nil
    source = nil
    body.removeAll()
    fields.removeAll()
  }
}
