// Why bytes are not acceptable JSON, and where.

/// Bounds on one JSON text.
package struct JSONLimits: Sendable {
  package var maxByteCount: Int
  /// The outermost value counts 1.
  package var maxDepth: Int
  /// Members count two: name and value.
  package var maxValueCount: Int

  /// - Parameter maxDepth: at most 64.
  package init(maxByteCount: Int = 1 << 20, maxDepth: Int = 64, maxValueCount: Int = 1 << 18) {
    precondition((1...64).contains(maxDepth), "a JSON depth of \(maxDepth)")
    precondition((1...1 << 30).contains(maxByteCount), "a JSON text of \(maxByteCount) bytes")
    self.maxByteCount = maxByteCount
    self.maxDepth = maxDepth
    self.maxValueCount = maxValueCount
  }
}

package struct JSONError: Error, Equatable, Sendable {
  package enum Reason: Equatable, Sendable {
    /// The text stops in the middle, or was empty.
    case unexpectedEnd
    /// A byte that the grammar does not allow there.
    case unexpectedByte(UInt8)
    /// More after the end of the value.
    case trailingBytes
    case byteOrderMark
    /// A control character inside a string.
    case controlCharacter(UInt8)
    case invalidEscape
    /// Half of a surrogate pair.
    case loneSurrogate
    case invalidUTF8
    /// A member's name that its object has already, however it is spelled.
    case duplicateKey
    case tooLong(byteCount: Int, limit: Int)
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
  }

  package let reason: Reason
  /// The byte the reason is about; the length of the text where it ended too early.
  package let offset: Int

  package init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

extension JSONError: CustomStringConvertible {
  package var description: String {
    switch reason {
    case .unexpectedEnd: "JSON ends too early at offset \(offset)"
    case .unexpectedByte(let byte): "unexpected byte \(Self.hex(byte)) at offset \(offset)"
    case .trailingBytes: "more bytes after the JSON value at offset \(offset)"
    case .byteOrderMark: "byte order mark at offset \(offset)"
    case .controlCharacter(let byte): "control character \(Self.hex(byte)) in a string at offset \(offset)"
    case .invalidEscape: "invalid escape at offset \(offset)"
    case .loneSurrogate: "lone surrogate at offset \(offset)"
    case .invalidUTF8: "invalid UTF-8 at offset \(offset)"
    case .duplicateKey: "duplicate key at offset \(offset)"
    case .tooLong(let byteCount, let limit): "JSON is \(byteCount) bytes; the limit is \(limit)"
    case .tooDeep(let limit): "JSON is nested deeper than \(limit) at offset \(offset)"
    case .tooManyValues(let limit): "JSON has more than \(limit) values at offset \(offset)"
    }
  }

  private static func hex(_ byte: UInt8) -> String {
    let bytes = [byte]
    return "0x" + Hex.encodedString(bytes.span)
  }
}
