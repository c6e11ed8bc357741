// Threads that start together, because a race needs its runners at the line.

import Platform
import Synchronization

/// Runs `body` on `count` threads that leave a barrier together, and returns when all have finished.
///
/// - Parameter body: gets the index of its thread, from 0.
package func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let barrier = Barrier(count)
  start(0..<count) { index in
    barrier.arrive()
    body(index)
  }
}

/// Starts a thread for the first index, the others likewise, then joins: `Thread` goes into no array.
private func start(_ indices: Range<Int>, _ body: @escaping @Sendable (Int) -> Void) {
  guard let index = indices.first else { return }
  do throws(Errno) {
    let thread = try Thread(name: "test") { body(index) }
    start(indices.dropFirst(), body)
    thread.join()
  } catch {
    fatalError("cannot start thread \(index): \(error)")
  }
}

private final class Barrier: Sendable {
  private let missing: Atomic<Int>

  init(_ count: Int) { missing = Atomic(count) }

  func arrive() {
    missing.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    while missing.load(ordering: .acquiring) > 0 {}
  }
}
