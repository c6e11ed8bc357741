// The memory that makes password hashes hard, kept from one hash to the next.

import Platform
import Synchronization

/// An arena for one hash at a time; page faults would otherwise cost a quarter of it.
///
/// Any thread may use it, but two that do wait for each other: each worker should have its own. Zeroed after each hash, left out of core dumps.
/// It keeps the mapping of the last hash while the next one needs at least half of it, so it never holds more than twice what the
/// last hash needed.
package final class PasswordMemory: Sendable {
  private let mapping = Mutex<MemoryMapping?>(nil)

  package init() {}

  /// Lends `byteCount` bytes aligned to a page; they hold zeros.
  @unsafe func withBlocks<Value>(
    byteCount: Int, _ body: (UnsafeMutableRawPointer) -> Value
  ) throws(CryptoError) -> Value {
    try mapping.withLock { kept throws(CryptoError) in
      let mapping = try Self.fit(kept.take(), byteCount: byteCount)
      let value = unsafe body(mapping.base)
      mapping.zero()
      kept = consume mapping
      return value
    }
  }

  private static func fit(_ kept: consuming MemoryMapping?, byteCount: Int) throws(CryptoError) -> MemoryMapping {
    if let kept, kept.byteCount >= byteCount && kept.byteCount / 2 <= byteCount { return kept }
    do throws(Errno) {
      return try MemoryMapping(byteCount: byteCount, for: .largeSecret)
    } catch {
      throw .memoryUnavailable(byteCount: byteCount)
    }
  }
}
