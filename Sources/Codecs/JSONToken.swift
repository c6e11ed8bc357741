// What the scanner finds: a kind, and where its text lies.

package struct JSONToken: Equatable, Sendable {
  package enum Kind: UInt8, Sendable {
    case beginObject, endObject, beginArray, endArray, key, string, number, `true`, `false`, null, end
  }

  package let kind: Kind
  /// The bytes of the token, for keys and strings without their quotes.
  package let range: Range<Int>
  /// Whether the text between the quotes is not yet the text that is meant.
  package let hasEscapes: Bool

  init(kind: Kind, range: Range<Int>, hasEscapes: Bool = false) {
    self.kind = kind
    self.range = range
    self.hasEscapes = hasEscapes
  }

  // What follows takes the bytes that the token came from.

  /// Whether this is a key or string that means exactly `literal`.
  package func equals(_ literal: StaticString, in bytes: Span<UInt8>) -> Bool {
    guard kind == .key || kind == .string else { return false }
    guard hasEscapes else { return bytes.extracting(range).equals(literal) }
    var decoded = ByteBuffer(capacity: range.count)
    append(to: &decoded, from: bytes)
    return decoded.withSpan { $0.equals(literal) }
  }

  /// Writes what a key or string means as UTF-8.
  package func append(to buffer: inout ByteBuffer, from bytes: Span<UInt8>) {
    precondition(kind == .key || kind == .string, "the text of \(kind)")
    guard hasEscapes else { return buffer.append(bytes.extracting(range)) }
    var copied = range.lowerBound
    var at = copied
    while at < range.upperBound {
      guard bytes[at] == UInt8(ascii: "\\") else {
        at &+= 1
        continue
      }
      buffer.append(bytes.extracting(copied..<at))
      do {
        let escape = try JSONEscape(at: at, in: bytes)
        UTF8Sequence.append(escape.scalar, to: &buffer)
        at &+= escape.byteCount
      } catch { preconditionFailure("the bytes have changed since they were scanned: \(error)") }
      copied = at
    }
    buffer.append(bytes.extracting(copied..<range.upperBound))
  }

  /// The text that a key or string means.
  package func text(in bytes: Span<UInt8>) -> String {
    var buffer = ByteBuffer(capacity: range.count)
    append(to: &buffer, from: bytes)
    return buffer.text()
  }

  /// The value of a number that is written without fraction and exponent and fits; nil for every other token.
  package func integer(in bytes: Span<UInt8>) -> Int64? {
    guard kind == .number else { return nil }
    let negative = bytes[range.lowerBound] == UInt8(ascii: "-")
    var value: Int64 = 0
    for index in (negative ? range.lowerBound + 1 : range.lowerBound)..<range.upperBound {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let tens = value.multipliedReportingOverflow(by: 10)
      // Negative numbers are built downwards, because they reach one further.
      let sum = tens.partialValue.addingReportingOverflow(negative ? -Int64(digit) : Int64(digit))
      guard !tens.overflow, !sum.overflow else { return nil }
      value = sum.partialValue
    }
    return value
  }
}
