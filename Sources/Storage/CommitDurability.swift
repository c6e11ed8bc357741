// How soon a commit must be on disk.

/// When the log writes a commit. It says nothing about order: commits become durable in the order of their positions.
package enum CommitDurability: Sendable {
  /// The log thread starts at once; whoever depends on the commit holds the answer until its position is durable.
  case durable
  /// Rides on the next frame, at the latest after 100 ms.
  case relaxed
  /// The caller calls `waitUntilDurable` next and may write the frame itself, which saves waking the log thread.
  case awaited
}
