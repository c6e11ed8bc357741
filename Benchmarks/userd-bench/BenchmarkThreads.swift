// Threads of a workload that begin and end together.

import Platform

/// Runs `body` on `count` threads at once and returns when all have ended: each one starts the next and then joins it.
func runThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
  guard count > 0 else { return }
  do throws(Errno) {
    let thread = try Thread(name: "writer", body)
    runThreads(count - 1, body)
    thread.join()
  } catch {
    preconditionFailure("a thread cannot be started: \(error)")
  }
}
