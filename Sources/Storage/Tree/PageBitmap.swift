// One bit for each page id, with a second level over full words so that the lowest free id is found without scanning.

import Platform

/// A bitmap over page ids. Memory is committed as far as ids are used.
///
/// SAFETY: all words lie in one mapping owned by the value; every index is checked against `capacity`.
@safe struct PageBitmap: ~Copyable {
  let capacity: Int
  private(set) var count = 0
  private let mapping: MemoryMapping
  private let words: UnsafeMutablePointer<UInt64>
  /// Bit w is set if word w is full.
  private let full: UnsafeMutablePointer<UInt64>
  private let wordCount: Int
  /// No word of `full` before this one has a clear bit.
  private var firstOpen = 0
  /// One more than the highest bit that is set.
  private(set) var end = 0

  init(capacity: Int) throws(Errno) {
    wordCount = (capacity + 63) / 64
    self.capacity = wordCount * 64
    let fullCount = (wordCount + 63) / 64
    mapping = try MemoryMapping(byteCount: (wordCount + fullCount) * 8)
    unsafe words = mapping.base.bindMemory(to: UInt64.self, capacity: wordCount + fullCount)
    unsafe full = words + wordCount
  }

  subscript(index: Int) -> Bool {
    precondition(index >= 0 && index < capacity)
    return unsafe words[index >> 6] >> UInt64(index & 63) & 1 != 0
  }

  mutating func set(_ index: Int) {
    precondition(!self[index], "bit \(index) is set already")
    let word = index >> 6
    let bits = unsafe words[word] | 1 << UInt64(index & 63)
    unsafe words[word] = bits
    if bits == .max { unsafe full[word >> 6] = full[word >> 6] | 1 << UInt64(word & 63) }
    count += 1
    end = max(end, index + 1)
  }

  mutating func clear(_ index: Int) {
    precondition(self[index], "bit \(index) is clear already")
    let word = index >> 6
    unsafe words[word] = words[word] & ~(1 << UInt64(index & 63))
    unsafe full[word >> 6] = full[word >> 6] & ~(1 << UInt64(word & 63))
    firstOpen = min(firstOpen, word >> 6)
    count -= 1
    while end > 0, !self[end - 1] { end -= 1 }
  }

  /// The lowest index that is set, from `index` on.
  func nextSet(from index: Int) -> Int? {
    guard index < end else { return nil }
    var word = index >> 6
    var bits = unsafe words[word] & (UInt64.max << UInt64(index & 63))
    while bits == 0 {
      word += 1
      guard word << 6 < end else { return nil }
      bits = unsafe words[word]
    }
    return word << 6 + bits.trailingZeroBitCount
  }

  /// Becomes equal to a bitmap of the same capacity.
  mutating func assign(_ other: borrowing PageBitmap) {
    precondition(capacity == other.capacity)
    let used = (max(end, other.end) + 63) / 64, usedFull = (used + 63) / 64
    // SAFETY: both have the same number of words, and nothing is set behind the end.
    unsafe words.update(from: other.words, count: used)
    unsafe full.update(from: other.full, count: usedFull)
    (count, firstOpen, end) = (other.count, other.firstOpen, other.end)
  }

  /// Clears what the other one does not have.
  mutating func formIntersection(_ other: borrowing PageBitmap) {
    var index = nextSet(from: 0)
    while let found = index {
      if !other[found] { clear(found) }
      index = nextSet(from: found + 1)
    }
  }

  /// The word that begins with bit `64 * index`; 0 behind the end.
  func word(_ index: Int) -> UInt64 { index < wordCount ? unsafe words[index] : 0 }

  /// The lowest clear index; nil if every bit is set.
  mutating func lowestClear() -> Int? {
    while firstOpen < (wordCount + 63) / 64, unsafe full[firstOpen] == .max { firstOpen += 1 }
    guard firstOpen < (wordCount + 63) / 64 else { return nil }
    let word = unsafe firstOpen << 6 + (~full[firstOpen]).trailingZeroBitCount
    guard word < wordCount else { return nil }
    return unsafe word << 6 + (~words[word]).trailingZeroBitCount
  }

  /// The lowest run of `length` clear bits below `end`, or else the place at `end`; nil if it does not fit there.
  mutating func lowestClearRun(_ length: Int) -> Int? {
    var start = lowestClear() ?? capacity, index = start
    while index < end {
      // A full word holds no part of a run.
      if index & 63 == 0, unsafe words[index >> 6] == .max {
        index += 64
        start = index
      } else if self[index] {
        index += 1
        start = index
      } else {
        index += 1
        if index - start == length { return start }
      }
    }
    // What is clear right before the end is part of the run too.
    return start + length <= capacity ? start : nil
  }
}
