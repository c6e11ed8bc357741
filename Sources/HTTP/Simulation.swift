// A server whose threads are turned by hand, so that a simulation interleaves them from one seed. docs/testing.md §7.

import Platform

/// An event loop with its listeners and connections, and no thread: the caller's thread is its own while it turns.
package struct SimulatedLoop: ~Copyable {
  private var loop: EventLoop

  fileprivate init(_ loop: consuming EventLoop) {
    self.loop = loop
    self.loop.begin()
  }

  // Work that was finished and never taken home holds on to the mailbox that it lies in.
  deinit { _ = loop.mailbox.takeAll() }

  /// One turn as the thread of the loop makes it, without waiting: what the kernel has ready, what was left over, what is due.
  package mutating func turn() { loop.turn(milliseconds: 0) }

  package var connectionCount: Int { loop.connections.count }

  /// Whether an orderly stop has come to its end here.
  package var isFinished: Bool { loop.isFinished }
}

extension Server {
  /// Binds every listener, as `start` does, and begins no thread.
  ///
  /// - Parameter take: gets each loop. Letting go of one closes all that it has, as the end of the process would.
  package func startSimulated(_ take: (consuming SimulatedLoop) -> Void) throws(ServerError) {
    for thread in try bind() { take(SimulatedLoop(thread.takeLoop())) }
  }

  /// Begins an orderly stop; the loops go on turning until each is finished.
  package func drainSimulated(graceMilliseconds: Int) { beginDraining(graceMilliseconds: graceMilliseconds) }

  /// What a worker would take now from the pool for hashes, or from the one for the disk: running it is that worker's work.
  package func takeWork(ofHashPool isHashPool: Bool) -> (() -> Void)? {
    guard let work = (isHashPool ? state.hashPool : state.diskPool).takeNext() else { return nil }
    return { [clock = state.clock] in work.run(now: clock.monotonicNanoseconds()) }
  }
}
