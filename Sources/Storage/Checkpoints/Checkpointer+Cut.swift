// The end of main.udb goes back to the file system when nobody needs it any more. docs/storage.md §12.

import Platform

extension GroupCommit {
  /// Cuts main.udb off behind the last page that anybody needs, if that is worth while. Without the lock.
  func cutEnd(of file: DataFile, isLean: Bool = false) throws(StorageError) {
    monitor.lock()
    let end = beginCut(isLean: isLean)
    monitor.unlock()
    guard let end else { return }
    defer {
      monitor.lock()
      endCut(file)
      monitor.notifyAll(Self.progress)
      monitor.unlock()
    }
    try file.truncate(toPages: end, at: pace)
  }
}

extension Checkpointer {
  /// The planted mistake: only what the checkpoint that was just written needs, and the working root, stays.
  func cutEarly(_ root: CheckpointRoot) throws(StorageError) {
    commits.monitor.lock()
    let run = commits.tree.checkpointed.flightRun.map { Int($0.first.id) + $0.count } ?? 0
    let end = max(root.endID, commits.tree.arena.live.end, run)
    commits.monitor.unlock()
    try file.truncate(toPages: end, at: commits.pace)
    try file.extend(toPages: commits.tree.idLimit)
  }
}
