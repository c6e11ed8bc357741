// Breaks in long work on the disk, so that the log's flushes meet a device with little else to do. docs/storage.md §17.

package import Platform
import Synchronization

/// How long somebody who copies, moves or removes a lot leaves the disk alone after each piece of it.
///
/// As long as the piece took, while others commit; not at all while nobody does. Any thread may call it.
package final class Pace: Sendable {
  /// Whose commits are waited for.
  private enum Others: Sendable {
    /// There is nobody.
    case none
    /// They cannot be seen from here, so there may be some at any time.
    case unseen
    case seen(DurabilitySignal)
  }

  private let others: Others
  private let clock: any Clock
  private let sleep: @Sendable (_ nanoseconds: UInt64) -> Void
  /// The newest batch that was seen, and when it was new.
  private let batch: Atomic<UInt64>
  private let newsTime: Atomic<UInt64>

  /// Bytes that are read or written between two breaks, about: a flush that comes meanwhile waits for no more.
  static let pieceByteCount = 128 << 10
  /// Bytes that are cut off a file between two breaks.
  static let cutByteCount = 16 << 20
  /// So long after the last commit that was seen somebody may commit again.
  private static let quietNanoseconds: UInt64 = 100_000_000
  /// Breaks alone never make work slower than this.
  static let leastByteRate: UInt64 = 20_000_000

  private init(_ others: Others, _ clock: any Clock, sleep: @escaping @Sendable (UInt64) -> Void) {
    self.others = others
    self.clock = clock
    self.sleep = sleep
    batch = Atomic(Self.batch(of: others))
    newsTime = Atomic(0)
  }

  /// For work beside a database that is open here.
  convenience init(
    beside durability: DurabilitySignal, _ clock: any Clock,
    sleep: @escaping @Sendable (UInt64) -> Void = { sleepThread(nanoseconds: $0) }
  ) {
    self.init(.seen(durability), clock, sleep: sleep)
  }

  /// For work beside a server that is another process.
  package static func besideServer() -> Pace { Pace(.unseen, SystemClock()) { sleepThread(nanoseconds: $0) } }

  /// For work on what nobody else has open, and for simulations: without breaks.
  package static func alone(_ clock: any Clock = SystemClock()) -> Pace { Pace(.none, clock) { _ in } }

  var now: UInt64 { clock.monotonicNanoseconds() }

  private static func batch(of others: Others) -> UInt64 {
    if case .seen(let durability) = others { durability.durablePosition.batch } else { 0 }
  }

  /// The break that is due after a piece of work, in nanoseconds.
  ///
  /// - Parameters:
  ///   - began: when the piece began; it ends now.
  ///   - times: how many times as long as the piece, and as the longest break that its bytes allow.
  func pause(after began: UInt64, byteCount: Int, times: UInt64 = 1) -> UInt64 {
    let now = now
    switch others {
    case .none: return 0
    case .unseen: break
    case .seen:
      let batch = Self.batch(of: others)
      if batch != self.batch.load(ordering: .acquiring) {
        newsTime.store(now, ordering: .releasing)
        self.batch.store(batch, ordering: .releasing)
      }
      let newsTime = newsTime.load(ordering: .acquiring)
      if newsTime == 0 || now > newsTime + Self.quietNanoseconds { return 0 }
    }
    return min(now - began, UInt64(byteCount) * 1_000_000_000 / Self.leastByteRate) * times
  }

  /// Takes it.
  func rest(after began: UInt64, byteCount: Int) {
    let pause = pause(after: began, byteCount: byteCount)
    if pause > 0 { sleep(pause) }
  }
}
