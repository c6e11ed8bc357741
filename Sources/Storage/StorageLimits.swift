// The bounds of the engine, each one tested at the limit and one past it.

/// Sizes that the engine refuses to exceed.
package enum StorageLimits {
  package static let maxKeyByteCount = 512
  package static let maxValueByteCount = 1 << 20
  /// The encoded operations of one transaction; less when segments are configured smaller than usual.
  package static let maxTransactionByteCount = 4 << 20
  /// One frame of the log, header and padding included.
  package static let maxFrameByteCount = 8 << 20
  /// Bytes that may wait for the log thread before writers must wait too.
  package static let maxPendingByteCount = 4 << 20
  package static let maxReaderSlots = 256
  package static let maxLeases = 16
  /// How long a lease may last.
  package static let maxLeaseNanoseconds: UInt64 = 60_000_000_000
}
