// What scanners ask of a run of bytes: eight at once, or a comparison with a literal.

extension Span<UInt8> {
  /// The eight bytes at `offset`, the first of them in the lowest byte.
  @inlinable
  package func word(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count &- 8, "a word at \(offset) of \(count) bytes")
    // SAFETY: the precondition keeps all eight bytes inside the span, whose bytes are initialised; UInt64 has no invalid
    // patterns.
    return unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Whether the bytes from `offset` on begin with `literal`.
  @inlinable
  package func has(_ literal: StaticString, at offset: Int) -> Bool {
    let size = literal.utf8CodeUnitCount
    guard literal.hasPointerRepresentation, offset >= 0, offset <= count, size <= count &- offset else { return false }
    for index in 0..<size {
      // SAFETY: index stays below the count of the literal, whose bytes live as long as the program.
      guard unsafe self[offset &+ index] == literal.utf8Start[index] else { return false }
    }
    return true
  }

  /// Whether the bytes are exactly `literal`.
  @inlinable
  package func equals(_ literal: StaticString) -> Bool { count == literal.utf8CodeUnitCount && has(literal, at: 0) }

  /// The bytes as text, or nil if they are not well-formed UTF-8.
  package func text() -> String? {
    do { return String(copying: try UTF8Span(validating: self)) } catch { return nil }
  }

  /// A copy of the bytes.
  package func array() -> [UInt8] {
    // SAFETY: the buffer covers the span's initialised bytes, which the array copies before the closure ends.
    unsafe withUnsafeBufferPointer { buffer in unsafe [UInt8](buffer) }
  }
}

extension MutableSpan<UInt8> {
  /// Replaces the six bytes from `offset` on by the low six of `value`, the highest first.
  mutating func set(sixBytesOf value: UInt64, at offset: Int) {
    precondition(offset >= 0 && offset <= count &- 6, "six bytes at \(offset) of \(count)")
    for place in 0..<6 {
      // SAFETY: the precondition keeps all six bytes inside the span.
      unsafe self[unchecked: offset &+ place] = UInt8(truncatingIfNeeded: value >> UInt64(40 &- 8 &* place))
    }
  }
}
