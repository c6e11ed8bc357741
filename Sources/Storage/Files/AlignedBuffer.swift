// Memory that direct transfers accept: aligned, owned, and zero until written.

import Platform

/// A block of bytes at an address that is a multiple of `File.directAlignment`, given back to the system with its owner.
///
/// Mapped and not allocated: a heap keeps what it once had, and aligned blocks of a mebibyte that come and go between small ones made it grow by
/// thirty of them.
@safe struct AlignedBuffer: ~Copyable, @unchecked Sendable {
  // SAFETY: at least `count` bytes, zeros at first, which nobody else has; spans of them do not leave the closures below.
  private let mapping: MemoryMapping
  let count: Int

  /// - Parameter count: a multiple of `File.directAlignment`, at least one.
  init(count: Int) {
    precondition(count > 0 && count % File.directAlignment == 0, "a buffer of \(count) bytes cannot be aligned")
    do throws(Errno) { mapping = try MemoryMapping(byteCount: count, for: count < Self.largeByteCount ? .plain : .large) } catch {
      preconditionFailure("no memory for a buffer of \(count) bytes: \(error)")
    }
    self.count = count
  }

  /// From this size on memory comes as huge pages.
  private static let largeByteCount = 8 << 20

  /// Where the bytes are, as long as this value lives.
  @unsafe var base: UnsafeMutableRawPointer { unsafe mapping.base }

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
