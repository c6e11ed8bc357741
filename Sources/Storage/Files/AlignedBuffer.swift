// Memory that direct transfers accept: aligned, owned, and zero until written.

import Platform

/// A block of bytes at an address that is a multiple of `File.directAlignment`, freed with its owner.
@safe struct AlignedBuffer: ~Copyable, @unchecked Sendable {
  // SAFETY: allocated here with `count` bytes, all initialised, freed in deinit; spans of it do not leave the closures below.
  private let base: UnsafeMutableRawPointer
  let count: Int

  /// - Parameter count: a multiple of `File.directAlignment`, at least one.
  init(count: Int) {
    precondition(count > 0 && count % File.directAlignment == 0, "a buffer of \(count) bytes cannot be aligned")
    unsafe base = .allocate(byteCount: count, alignment: File.directAlignment)
    // By words: without optimisation this loop is not a memset.
    unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: count / 8)
    self.count = count
  }

  deinit { unsafe base.deallocate() }

  /// Lends a range of the bytes.
  func withBytes<Value, Failure: Error>(
    _ range: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of a buffer of \(count)")
    let bytes = unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    return try body(unsafe Span(_unsafeBytes: bytes))
  }

  /// Lends a range of the bytes for writing.
  mutating func withMutableBytes<Value, Failure: Error>(
    _ range: Range<Int>, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of a buffer of \(count)")
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count)
    var span = unsafe MutableSpan<UInt8>(_unsafeBytes: bytes)
    return try body(&span)
  }

  /// Copies bytes in.
  mutating func copy(_ source: Span<UInt8>, to offset: Int) {
    precondition(offset >= 0 && offset + source.count <= count, "\(source.count) bytes at \(offset) of a buffer of \(count)")
    // SAFETY: both ranges were checked, and a span never overlaps memory that this value owns exclusively.
    unsafe source.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { unsafe (base + offset).copyMemory(from: start, byteCount: bytes.count) }
    }
  }

  mutating func zero(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of a buffer of \(count)")
    unsafe (base + range.lowerBound).initializeMemory(as: UInt8.self, repeating: 0, count: range.count)
  }
}
