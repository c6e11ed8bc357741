// Tells event loops how far the log is durable, so that held responses can leave.

import Glibc
import Synchronization

/// The newest durable position of a store, and the descriptors to wake when it moves.
///
/// The log thread calls `advance` and `fail`; any thread may read or subscribe. `hasFailed` is sticky: once a flush failed, nothing
/// after that position will ever be durable in this process (docs/architecture.md, held responses).
package final class DurabilitySignal: Sendable {
  private let durable = Atomic<UInt64>(0)
  private let failed = Atomic<Bool>(false)
  private let wakers = Mutex<[CInt]>([])

  package init() {}

  /// Everything up to and including this position is on disk and published.
  package var durablePosition: LogPosition { LogPosition(batch: durable.load(ordering: .acquiring)) }

  /// Whether positions after `durablePosition` will never become durable.
  package var hasFailed: Bool { failed.load(ordering: .acquiring) }

  /// Publishes a new position and wakes each subscriber once.
  package func advance(to position: LogPosition) {
    durable.store(position.batch, ordering: .releasing)
    wake()
  }

  /// Marks everything after the durable position as lost and wakes each subscriber once.
  package func fail() {
    failed.store(true, ordering: .releasing)
    wake()
  }

  /// Adds an eventfd(2) that gets 1 added on every change; it must stay open until `unsubscribe`.
  package func subscribe(_ eventDescriptor: CInt) {
    wakers.withLock { $0.append(eventDescriptor) }
  }

  package func unsubscribe(_ eventDescriptor: CInt) {
    wakers.withLock { list in list.removeAll { $0 == eventDescriptor } }
  }

  // Held while writing, so that a descriptor is never written after `unsubscribe` returned; an eventfd write does not block here.
  private func wake() {
    wakers.withLock { list in
      for descriptor in list {
        var one: UInt64 = 1
        // SAFETY: eight bytes of a local. EAGAIN means the counter is already far from zero, so the loop wakes anyway.
        while unsafe Glibc.write(descriptor, &one, 8) < 0 && Errno.last.kind == .retry {}
      }
    }
  }
}
