// The name of one request, in every response, problem document and log line.

package import Codecs

/// Between 1 and 128 bytes of `[A-Za-z0-9._-]`: what the client sent, or an identifier made here, which becomes text only where it is written.
package struct RequestID: Sendable {
  package static let maxByteCount = 128

  private var given = InlineArray<128, UInt8>(repeating: 0)
  /// 0 if the name was made here.
  private var givenByteCount: UInt8 = 0
  private var made = UUID(high: 0, low: 0)

  init() {}

  /// Takes over what a client sent, if it has the form.
  package init?(_ bytes: Span<UInt8>) {
    guard bytes.count >= 1, bytes.count <= Self.maxByteCount else { return nil }
    for index in bytes.indices {
      guard Self.allows(bytes[index]) else { return nil }
      given[index] = bytes[index]
    }
    givenByteCount = UInt8(bytes.count)
  }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// Becomes a name that was made here.
  mutating func replace(with uuid: UUID) {
    givenByteCount = 0
    made = uuid
  }

  /// Writes the name.
  package func append(to buffer: inout ByteBuffer) {
    if givenByteCount == 0 {
      made.append(to: &buffer)
    } else {
      buffer.append(given.span.extracting(0..<Int(givenByteCount)))
    }
  }

  /// Runs `body` on the name as text.
  package func withSpan<Value>(_ body: (Span<UInt8>) -> Value) -> Value {
    if givenByteCount > 0 { return body(given.span.extracting(0..<Int(givenByteCount))) }
    var text = ByteBuffer(capacity: 36)
    made.append(to: &text)
    return text.withSpan(body)
  }
}

extension RequestID: CustomStringConvertible {
  package var description: String { withSpan { String(decoding: $0, as: UTF8.self) } }
}
