// A growable run of bytes with one owner: what every writer in the house writes into.

/// Output bytes, or the unread input of a connection.
///
/// Appending never fails; who fills a buffer from outside bounds it. `removeAll` keeps the memory, so a buffer that is used
/// again and again stops allocating. One thread at a time may change it, which ownership sees to.
@safe
@usableFromInline
package struct ByteBuffer: ~Copyable, @unchecked Sendable {
  // SAFETY: `base` points at `capacity` bytes that this value alone owns and that are initialised from the moment they are
  // allocated; `used` never passes `capacity`. Every member keeps both sentences true, and a span of the bytes lives only as
  // long as the closure that got it.
  @usableFromInline var base: UnsafeMutablePointer<UInt8>
  @usableFromInline var capacity: Int
  @usableFromInline var used = 0

  /// An empty buffer with room for `capacity` bytes.
  package init(capacity: Int = 256) {
    precondition(capacity >= 0, "a buffer for \(capacity) bytes")
    self.capacity = max(capacity, 16)
    unsafe base = .allocate(capacity: self.capacity)
    unsafe base.initialize(repeating: 0, count: self.capacity)
  }

  deinit { unsafe base.deallocate() }

  /// How many bytes it holds.
  @inlinable package var count: Int { used }

  /// Makes room for `more` further bytes, so that appending them does not allocate.
  @inlinable
  package mutating func reserve(_ more: Int) {
    if more > capacity &- used { grow(more) }
  }

  /// Makes room for `more` further bytes and no more, for a buffer that stays as small as it can be.
  package mutating func reserve(exactly more: Int) {
    if more > capacity &- used { grow(more, leastFactor: 1) }
  }

  /// The memory that it holds, used or not.
  package var allocatedByteCount: Int { capacity }

  @usableFromInline
  @inline(never)
  mutating func grow(_ more: Int) { grow(more, leastFactor: 2) }

  private mutating func grow(_ more: Int, leastFactor: Int) {
    precondition(more >= 0 && more <= Int.max / 4 - used, "a buffer of \(used) bytes cannot grow by \(more)")
    let size = max(used + more, capacity * leastFactor)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    // SAFETY: the first `used` bytes are copied and the rest zeroed, so all `size` bytes are initialised; the old memory is not
    // used again.
    unsafe larger.initialize(from: base, count: used)
    unsafe (larger + used).initialize(repeating: 0, count: size - used)
    unsafe base.deallocate()
    unsafe base = larger
    capacity = size
  }

  @inlinable
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    // SAFETY: `reserve` left room for one byte at `used`.
    unsafe base[used] = byte
    used &+= 1
  }

  @inlinable
  package mutating func append(_ bytes: Span<UInt8>) {
    reserve(bytes.count)
    let end = unsafe base + used
    unsafe bytes.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      // SAFETY: `reserve` left room for the whole span, which cannot overlap memory that only this value owns.
      unsafe end.update(from: start, count: source.count)
    }
    used &+= bytes.count
  }

  @inlinable
  package mutating func append(_ literal: StaticString) {
    precondition(literal.hasPointerRepresentation, "a literal of one scalar")
    let size = literal.utf8CodeUnitCount
    reserve(size)
    // SAFETY: `reserve` left room for the literal, whose bytes live as long as the program.
    unsafe (base + used).update(from: literal.utf8Start, count: size)
    used &+= size
  }

  /// Three literals in a row that the compiler knows: a few moves in place of calls, for what every request takes.
  @inlinable
  @inline(__always)
  package mutating func append(_ first: StaticString, _ second: StaticString, _ third: StaticString) {
    precondition(
      first.hasPointerRepresentation && second.hasPointerRepresentation && third.hasPointerRepresentation,
      "a literal of one scalar")
    let (one, two, three) = (first.utf8CodeUnitCount, second.utf8CodeUnitCount, third.utf8CodeUnitCount)
    reserve(one &+ two &+ three)
    // SAFETY: `reserve` left room for all three, whose bytes live as long as the program.
    unsafe (base + used).update(from: first.utf8Start, count: one)
    unsafe (base + used + one).update(from: second.utf8Start, count: two)
    unsafe (base + used + one + two).update(from: third.utf8Start, count: three)
    used &+= one &+ two &+ three
  }

  /// The first `size` bytes of a word, its lowest byte first.
  @inline(__always)
  mutating func append(word: UInt64, count size: Int = 8) {
    assert(size >= 0 && size <= 8, "\(size) bytes of a word")
    reserve(8)
    // SAFETY: `reserve` left room for eight bytes at `used`, however many of them are kept.
    unsafe UnsafeMutableRawPointer(base + used).storeBytes(of: word.littleEndian, as: UInt64.self)
    used &+= size
  }

  package mutating func append(utf8 string: String) { append(string.utf8.span) }

  /// The number in decimal digits, with a minus sign if it is negative.
  package mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }

  package mutating func append(decimal value: Int) { append(decimal: Int64(value)) }

  package mutating func append(decimal value: UInt64) {
    if value < 10_000 { return append(short: UInt32(truncatingIfNeeded: value)) }
    var width = 5
    var power: UInt64 = 100_000
    while width < 20, value >= power {
      width += 1
      power &*= 10
    }
    append(decimal: value, width: width)
  }

  /// A number below 10,000 and, if it is not 0, a character behind it.
  private mutating func append(short value: UInt32, before next: UInt8 = 0) {
    let digits = Self.fourDigits(of: value)
    // What comes before the first digit that is not 0 is left out, but never the last digit.
    let zeros = min(digits.trailingZeroBitCount &>> 3, 3)
    let text = (UInt64(digits | 0x3030_3030) | UInt64(next) &<< 32) &>> UInt64(truncatingIfNeeded: zeros &* 8)
    append(word: text, count: (next == 0 ? 4 : 5) &- zeros)
  }

  /// Four numbers with points between them: an IPv4 address, of which the highest byte comes first.
  package mutating func append(dotted address: UInt32) {
    append(short: address >> 24, before: UInt8(ascii: "."))
    append(short: address >> 16 & 255, before: UInt8(ascii: "."))
    append(short: address >> 8 & 255, before: UInt8(ascii: "."))
    append(short: address & 255)
  }

  /// Thousands of a unit with a point and three decimals.
  package mutating func append(thousandths value: UInt64) {
    append(decimal: value / 1000)
    // The point takes the place of the fourth digit, which is 0.
    let digits = Self.fourDigits(of: UInt32(truncatingIfNeeded: value % 1000)) | 0x3030_3000
    append(word: UInt64(digits | UInt32(UInt8(ascii: "."))), count: 4)
  }

  /// The four decimal digits of a number below 10,000 as numbers, the first in the lowest byte.
  private static func fourDigits(of value: UInt32) -> UInt32 {
    let hundreds = value / 100
    // Two numbers below 100 in halves of their own: 103 / 1024 of one is a tenth of it, rounded down.
    let pairs = hundreds | (value &- hundreds &* 100) << 16
    let tens = (pairs &* 103) >> 10 & 0x000f_000f
    return tens | (pairs &- tens &* 10) << 8
  }

  /// The last `width` decimal digits of the number, with leading zeros.
  package mutating func append(decimal value: UInt64, width: Int) {
    precondition(width > 0 && width <= 20, "\(width) digits")
    reserve(width)
    var rest = value
    for place in stride(from: used + width - 1, through: used, by: -1) {
      let next = rest / 10
      // SAFETY: `place` lies in the `width` bytes after `used` that `reserve` made room for.
      unsafe base[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- next &* 10)
      rest = next
    }
    used += width
  }

  /// Lets `fill` write at most `maxCount` bytes after the end and keeps as many as it returns.
  ///
  /// What `fill` finds in the span is whatever the memory held before, zeros or earlier content of this same buffer.
  @inlinable
  package mutating func append<Failure: Error>(
    upTo maxCount: Int, _ fill: (inout MutableSpan<UInt8>) throws(Failure) -> Int
  ) throws(Failure) {
    precondition(maxCount >= 0, "room for \(maxCount) bytes")
    reserve(maxCount)
    // SAFETY: the span covers initialised bytes between `used` and `capacity`, and dies before this function returns.
    var room = unsafe MutableSpan<UInt8>(_unsafeStart: base + used, count: maxCount)
    let added = try fill(&room)
    precondition(added >= 0 && added <= maxCount, "\(added) bytes filled of \(maxCount)")
    used &+= added
  }

  /// Replaces bytes that are already there, such as a length that was not known when its place was written.
  package mutating func overwrite(at offset: Int, with bytes: Span<UInt8>) {
    precondition(
      offset >= 0 && bytes.count <= used && offset <= used - bytes.count, "\(bytes.count) bytes at \(offset) of \(used)")
    for index in bytes.indices {
      // SAFETY: the precondition keeps offset + index below `used`.
      unsafe base[offset &+ index] = bytes[index]
    }
  }

  @inlinable
  package mutating func removeAll() { used = 0 }

  /// Drops the first `size` bytes and moves the others to the front.
  package mutating func removeFirst(_ size: Int) {
    precondition(size >= 0 && size <= used, "\(size) of \(used) bytes removed")
    // SAFETY: both ranges lie within the first `used` bytes; `update` allows them to overlap.
    unsafe base.update(from: base + size, count: used - size)
    used -= size
  }

  /// Copies a run of the bytes over others of the same number; the two may overlap.
  package mutating func move(_ range: Range<Int>, to offset: Int) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= used && offset >= 0 && offset <= used - range.count,
      "bytes \(range) of \(used) moved to \(offset)")
    if range.lowerBound == offset { return }
    // SAFETY: both runs lie within the first `used` bytes; `update` allows them to overlap.
    unsafe (base + offset).update(from: base + range.lowerBound, count: range.count)
  }

  /// Drops everything from `size` on.
  package mutating func truncate(to size: Int) {
    precondition(size >= 0 && size <= used, "\(used) bytes truncated to \(size)")
    used = size
  }

  /// Runs `body` on the bytes held.
  @inlinable
  package borrowing func withSpan<Value: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    // SAFETY: the first `used` bytes are initialised, and the borrow of this value outlasts the call.
    try body(unsafe Span(_unsafeStart: base, count: used))
  }

  /// A copy of the bytes.
  package borrowing func bytes() -> [UInt8] {
    // SAFETY: the first `used` bytes are initialised, and the array copies them.
    unsafe [UInt8](UnsafeBufferPointer(start: base, count: used))
  }

  /// The bytes as text; broken UTF-8 comes out as U+FFFD.
  package borrowing func text() -> String { text(in: 0..<used) }

  /// Some of the bytes as text; broken UTF-8 comes out as U+FFFD.
  package borrowing func text(in range: Range<Int>) -> String {
    precondition(range.lowerBound >= 0 && range.upperBound <= used, "text in \(range) of \(used) bytes")
    // SAFETY: the range lies within the initialised bytes, and the string copies them.
    return unsafe String(decoding: UnsafeBufferPointer(start: base + range.lowerBound, count: range.count), as: UTF8.self)
  }
}
