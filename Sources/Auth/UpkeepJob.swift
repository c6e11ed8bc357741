// Work that nobody waits for, done in slices so small that nobody notices it.

/// A job of `Upkeep`: sweeping what is over, removing what may be forgotten.
package struct UpkeepJob: Sendable {
  let name: StaticString
  /// From the end of one round to the begin of the next.
  let intervalSeconds: Int
  let slice: @Sendable () throws(AuthError) -> Progress

  /// What a slice says about the round that it belongs to.
  package enum Progress: Sendable {
    /// There is more to do; the next slice follows soon.
    case more
    /// The round is over.
    case done
  }

  /// - Parameter slice: does a bounded part, some milliseconds of work: it reads and writes some hundred rows at most, in small transactions,
  ///   and remembers by itself where to go on. It may wait for the disk. It may fail: then the round is over.
  package init(
    _ name: StaticString, everySeconds intervalSeconds: Int, slice: @escaping @Sendable () throws(AuthError) -> Progress
  ) {
    precondition(intervalSeconds > 0, "a job every \(intervalSeconds) s")
    self.name = name
    self.intervalSeconds = intervalSeconds
    self.slice = slice
  }

  /// Does a whole round on the calling thread, for tests and tools.
  package func run() throws(AuthError) {
    while try slice() == .more {}
  }
}
