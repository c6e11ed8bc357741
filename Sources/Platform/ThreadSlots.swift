// Small numbers for threads: each thread that asks gets one for as long as it lives.

import Glibc
import Synchronization

/// Hands every thread that asks a number in 0..<capacity that no other living thread has; it returns when the thread ends.
///
/// After the first call of a thread, asking costs one pthread_getspecific(3), about 2 ns.
package final class ThreadSlots: Sendable {
  private let key: pthread_key_t
  private let pool: Pool

  /// - Throws: EAGAIN if the process has used up its thread keys (PTHREAD_KEYS_MAX).
  package init(capacity: Int) throws(Errno) {
    precondition(capacity > 0)
    var made = pthread_key_t()
    let result = unsafe pthread_key_create(&made) { value in
      // SAFETY: the value of a key is always a claim made in `claim`, and the ending thread is its only user.
      if let value = unsafe value { unsafe ThreadSlots.giveBack(value) }
    }
    if result != 0 { throw Errno(result) }
    key = made
    pool = Pool(capacity: capacity)
  }

  // Deleting the key stops the destructors of other threads; their claims, a few words each, then stay behind with the pool they hold.
  // The thread that drops the last reference gives its own back.
  deinit {
    if let value = unsafe pthread_getspecific(key) { unsafe Self.giveBack(value) }
    pthread_key_delete(key)
  }

  /// The calling thread's number; nil if `capacity` other threads have one.
  package var current: Int? {
    if let value = unsafe pthread_getspecific(key) {
      // SAFETY: a claim lives until its thread ends or this object goes, and neither can happen during this call.
      return unsafe value.load(as: Claim.self).slot
    }
    return claim()
  }

  /// Marks the calling thread until it ends, or takes the mark away. Without effect if no number is left for it.
  package func markCurrent(_ isMarked: Bool) {
    guard current != nil, let value = unsafe pthread_getspecific(key) else { return }
    // SAFETY: the claim of this thread, which nobody else looks at.
    unsafe value.assumingMemoryBound(to: Claim.self).pointee.isMarked = isMarked
  }

  /// Whether the calling thread was marked; asking gives it no number.
  package var isCurrentMarked: Bool {
    guard let value = unsafe pthread_getspecific(key) else { return false }
    // SAFETY: as in `current`.
    return unsafe value.assumingMemoryBound(to: Claim.self).pointee.isMarked
  }

  /// One more than the highest number ever given out. Sequentially consistent: a thread's number is covered before the thread has it.
  package var highWater: Int { pool.highWater.load(ordering: .sequentiallyConsistent) }

  @unsafe private struct Claim {
    let slot: Int
    let pool: Unmanaged<Pool>
    var isMarked = false
  }

  @inline(never) private func claim() -> Int? {
    guard let slot = pool.take() else { return nil }
    // SAFETY: freshly allocated for exactly one claim; freed once in `giveBack`.
    let claim = UnsafeMutablePointer<Claim>.allocate(capacity: 1)
    unsafe claim.initialize(to: Claim(slot: slot, pool: Unmanaged.passRetained(pool)))
    let result = unsafe pthread_setspecific(key, claim)
    if result != 0 {
      unsafe Self.giveBack(claim)
      return nil
    }
    return slot
  }

  private static func giveBack(_ value: UnsafeMutableRawPointer) {
    // SAFETY: see `claim`; the pool was retained there for this claim.
    let claim = unsafe value.assumingMemoryBound(to: Claim.self)
    unsafe claim.pointee.pool.takeUnretainedValue().giveBack(claim.pointee.slot)
    unsafe claim.pointee.pool.release()
    unsafe claim.deallocate()
  }

  /// Which numbers are taken; outlives the key as long as a claim holds it.
  ///
  /// SAFETY: `capacity` atomics allocated here and freed at the end; every index is below `capacity`.
  @safe private final class Pool: Sendable {
    let highWater = Atomic<Int>(0)
    private let capacity: Int
    private nonisolated(unsafe) let taken: UnsafeMutablePointer<Atomic<Bool>>

    init(capacity: Int) {
      self.capacity = capacity
      unsafe taken = .allocate(capacity: capacity)
      for slot in 0..<capacity { unsafe (taken + slot).initialize(to: Atomic(false)) }
    }

    deinit { unsafe taken.deallocate() }

    func take() -> Int? {
      for slot in 0..<capacity {
        let (isMine, _) = unsafe taken[slot].compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
        if isMine {
          _ = highWater.max(slot + 1, ordering: .sequentiallyConsistent)
          return slot
        }
      }
      return nil
    }

    func giveBack(_ slot: Int) { unsafe taken[slot].store(false, ordering: .releasing) }
  }
}
