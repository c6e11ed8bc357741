// The way from a caller's span to the bytes that pages and keys are compared with, and back.

extension Span where Element == UInt8 {
  /// Lends the span's bytes; they must not leave the closure.
  @inlinable @inline(__always) func withLentBytes<Value, Failure: Error>(
    _ body: (LentBytes) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    // SAFETY: the span keeps its bytes in place for the length of the call.
    try unsafe withUnsafeBytes { buffer throws(Failure) in try unsafe body(LentBytes(buffer)) }
  }
}

extension LentBytes {
  /// Lends the bytes as a span.
  ///
  /// SAFETY: they stay where they are for the length of the call, as this type's maker vouches.
  @inlinable @inline(__always) func withSpan<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value)
    throws(Failure) -> Value
  {
    let buffer = unsafe UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count)
    return try unsafe body(buffer.span)
  }
}
