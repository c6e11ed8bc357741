// The bytes of a transaction while it is made: operations one after another, as they will stand in the log.

import Platform

/// A growing buffer of encoded operations, in memory that can become that of a frame.
///
/// SAFETY: `base` is a place in the buffer owned here. Room is made before each write and nothing is written beyond `count`, so all offsets given
/// out stay readable until `removeAll` or `exchange`; a pointer into the buffer is good until the next `append`.
@safe final class OperationBuffer {
  private(set) var count = 0
  private var buffer: AlignedBuffer
  /// Where the operations begin, and how many bytes there are from there on.
  private var base: UnsafeMutableRawPointer
  private var capacity: Int

  /// What stands before the operations of the first transaction of a frame, if its length takes three bytes.
  static let offset = OnDisk.Frame.headerByteCount + 3
  private static let initialByteCount = 4096
  /// What a buffer keeps between transactions; the memory of a larger one is given back.
  private static let keptByteCount = 1 << 20

  init() {
    let buffer = AlignedBuffer(count: Self.initialByteCount)
    unsafe base = buffer.base + Self.offset
    capacity = buffer.count - Self.offset
    self.buffer = buffer
  }

  /// Where a field of an operation lies in the buffer.
  struct Field {
    let offset: Int
    let count: Int
  }

  var bytes: LentBytes { unsafe LentBytes(base, count) }

  func bytes(_ field: Field) -> LentBytes { bytes.dropping(field.offset).prefix(field.count) }

  /// Bytes that an operation will take.
  static func byteCount(_ key: LentBytes, _ value: LentBytes?) -> Int {
    var count = 1 + varintByteCount(key.count) + key.count
    if let value { count += varintByteCount(value.count) + value.count }
    return count
  }

  /// Appends a put, or a delete if there is no value.
  ///
  /// - Returns: false, with nothing changed, if there would be more than `limit` bytes.
  func append(_ key: LentBytes, _ value: LentBytes?, limit: Int) -> Bool {
    let end = count + Self.byteCount(key, value)
    if end > limit { return false }
    if end > capacity { grow(to: max(2 * capacity, end)) }
    var target = unsafe base + count
    unsafe target.storeBytes(of: (value == nil ? OperationKind.delete : .put).rawValue, as: UInt8.self)
    unsafe target += 1
    unsafe Self.write(key, to: &target)
    if let value { unsafe Self.write(value, to: &target) }
    count = end
    return true
  }

  /// Where bytes that were decoded from this buffer lie in it.
  func field(_ bytes: LentBytes) -> Field { unsafe Field(offset: bytes.base - UnsafeRawPointer(base), count: bytes.count) }

  func removeAll() {
    count = 0
    if capacity > Self.keptByteCount { grow(to: 1) }
  }

  /// Gives its memory away, with the operations at `offset`, and goes on in other memory, without any.
  func exchange(_ other: inout AlignedBuffer) {
    swap(&buffer, &other)
    use()
    count = 0
  }

  /// Writes a field, its length first, and moves `target` behind it.
  ///
  /// SAFETY: the caller has made room for it.
  @unsafe private static func write(_ bytes: LentBytes, to target: inout UnsafeMutableRawPointer) {
    var rest = bytes.count
    while rest >= 0x80 {
      unsafe target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
      unsafe target += 1
      rest >>= 7
    }
    unsafe target.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
    unsafe target += 1
    unsafe bytes.copy(to: target)
    unsafe target += bytes.count
  }

  private func grow(to newCapacity: Int) {
    let block = File.directAlignment
    var larger = AlignedBuffer(count: (Self.offset + newCapacity + block - 1) / block * block)
    larger.copy(unsafe Span(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: count)), to: Self.offset)
    buffer = larger
    use()
  }

  private func use() {
    unsafe base = buffer.base + Self.offset
    capacity = buffer.count - Self.offset
  }
}
