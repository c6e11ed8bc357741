// A database whose threads are turned by hand, so that a simulation interleaves them from one seed. docs/testing.md §1.

/// A thread of the engine, as a simulation sees it.
package enum EngineThread: CaseIterable, Sendable {
  case log
  case maintenance
  case checkpoint
}

extension Database {
  /// Opens without threads: nothing happens but in `turn`, or when a caller waits.
  package static func simulated(_ options: DatabaseOptions) throws(StorageError) -> Database {
    try Database(options, hasThreads: false)
  }

  /// What one turn of a thread would do if it ran now.
  ///
  /// - Returns: whether anything was due.
  package func turn(_ thread: EngineThread) -> Bool {
    switch thread {
    case .log: commits.step()
    case .maintenance: commits.maintain() || commits.grow(checkpointer.file)
    case .checkpoint: checkpointer.step() == .worked
    }
  }

  /// Whether a frame is being written at this moment.
  package var isWritingLog: Bool { commits.isRightTaken }

  /// Whether the open batch has no transactions.
  package var hasEmptyBatch: Bool { commits.open.isEmpty }
}
