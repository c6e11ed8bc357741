// A reader in a thread of its own that enters, reads everything, waits to be let go, and reads everything again.

import Glibc
import Platform
import Synchronization

@testable import Storage

/// A snapshot held for as long as a test wants, with what it showed at its begin and at its end.
final class HeldSnapshot {
  private let board = Board()
  private var thread: Thread?

  /// Whether the snapshot is read at its begin and end, or only held: where a bug was planted, reading may trap.
  enum Reading { case twice, never }

  /// Returns once the snapshot is held.
  init(_ tree: PageTree, reading: Reading = .twice) throws {
    thread = try Thread(name: "held snapshot") { [board] in board.hold(tree, reading) }
    while board.phase.load(ordering: .acquiring) == 0 { usleep(200) }
  }

  /// Ends the snapshot; both readings of all entries.
  func release() -> (first: [SortedModel.Entry], last: [SortedModel.Entry]) {
    board.phase.store(2, ordering: .releasing)
    if let running = thread.take() { running.join() }
    return board.found.withLock { $0 }
  }

  /// What both threads see.
  private final class Board: Sendable {
    let phase = Atomic<Int>(0)  // 0 starting, 1 holding, 2 let go
    let found = Mutex<(first: [SortedModel.Entry], last: [SortedModel.Entry])>(([], []))

    func hold(_ tree: PageTree, _ reading: Reading) {
      do throws(StorageError) {
        try tree.read { transaction throws(StorageError) in
          var first: [SortedModel.Entry] = [], last: [SortedModel.Entry] = []
          if reading == .twice { try transaction.collect(into: &first) }
          phase.store(1, ordering: .releasing)
          while phase.load(ordering: .acquiring) < 2 { usleep(200) }
          if reading == .twice { try transaction.collect(.descending, into: &last) }
          found.withLock { $0 = (first, last.reversed()) }
        }
      } catch {
        fatalError("a snapshot that should have been held: \(error)")
      }
    }
  }
}
