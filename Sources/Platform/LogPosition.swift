// The name of a batch of transactions, in the words that storage and HTTP share.

/// The number of a batch in the write-ahead log; the root that this batch left carries the same name.
///
/// Numbers grow and may skip. Position 0 is before everything: whatever depends on it may be told at once.
@usableFromInline package struct LogPosition: Hashable, Comparable, Sendable {
  @usableFromInline package let batch: UInt64

  @inlinable package init(batch: UInt64) { self.batch = batch }

  package static let zero = LogPosition(batch: 0)

  @inlinable package static func < (left: LogPosition, right: LogPosition) -> Bool { left.batch < right.batch }
}
