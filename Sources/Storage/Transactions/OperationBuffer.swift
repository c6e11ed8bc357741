// The bytes of a transaction while it is made: operations one after another, as they will stand in the log.

/// A growing buffer of encoded operations.
///
/// SAFETY: one allocation owned here. `reserve` comes before each write and nothing is written beyond `count`, so all offsets given out stay
/// readable until `removeAll`; a pointer into the buffer is good until the next `append`.
@safe struct OperationBuffer: ~Copyable {
  private(set) var count = 0
  private var base: UnsafeMutableRawPointer
  private var capacity: Int

  /// What a buffer keeps between transactions; the memory of a large one is given back.
  private static let keptByteCount = 256 << 10

  init() {
    capacity = 4096
    unsafe base = .allocate(byteCount: capacity, alignment: 8)
  }

  deinit { unsafe base.deallocate() }

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
  mutating func append(_ key: LentBytes, _ value: LentBytes?) {
    reserve(Self.byteCount(key, value))
    unsafe base.storeBytes(of: (value == nil ? OperationKind.delete : .put).rawValue, toByteOffset: count, as: UInt8.self)
    count += 1
    appendField(key)
    if let value { appendField(value) }
  }

  /// Where bytes that were decoded from this buffer lie in it.
  func field(_ bytes: LentBytes) -> Field { unsafe Field(offset: bytes.base - UnsafeRawPointer(base), count: bytes.count) }

  mutating func removeAll() {
    count = 0
    if capacity > Self.keptByteCount { grow(to: Self.keptByteCount) }
  }

  private mutating func appendField(_ bytes: LentBytes) {
    var rest = bytes.count
    while rest >= 0x80 {
      unsafe base.storeBytes(of: UInt8(rest & 0x7F) | 0x80, toByteOffset: count, as: UInt8.self)
      rest >>= 7
      count += 1
    }
    unsafe base.storeBytes(of: UInt8(rest), toByteOffset: count, as: UInt8.self)
    count += 1
    unsafe bytes.copy(to: base + count)
    count += bytes.count
  }

  private mutating func reserve(_ more: Int) {
    if count + more > capacity { grow(to: max(2 * capacity, count + more)) }
  }

  private mutating func grow(to newCapacity: Int) {
    let larger = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 8)
    unsafe larger.copyMemory(from: base, byteCount: count)
    unsafe base.deallocate()
    unsafe base = larger
    capacity = newCapacity
  }
}
