// The end of the model's file is cut off: from a page on that nobody needs, while checkpoints and the log go on. docs/storage.md §11.

extension FlipModel {
  /// A cut is chosen under the lock, with everything that is needed in sight, and made after it was released.
  func addCutSteps(from state: State, to steps: inout Steps<State>) {
    if let cut = state.cut {
      return steps.add("the file is cut off before page \(cut)", from: state) {
        $0.cut = nil
        // Whether a power cut finds the tail there depends on the next flush.
        for page in Int(cut)..<pageCount { $0.pages[page].visible = nil }
      }
    }
    if state.idLimit < pageCount {
      // Room is made durably before ids in it are handed out.
      steps.add("the file grows again", from: state) {
        flushMain(&$0)
        $0.idLimit = Int8(pageCount)
      }
    }
    guard state.left.cuts > 0, mutation == .cutsBeforeNamed || state.loggedCheckpoint >= state.durable.checkpoint else { return }
    let end = 1 + neededPages(state).max()!
    guard end < state.idLimit else { return }
    steps.add("a cut before page \(end) is chosen", from: state) {
      $0.left.cuts -= 1
      $0.cut = end
      if mutation != .handsOutCutPages { $0.idLimit = end }
    }
  }

  private func neededPages(_ state: State) -> [Int8] {
    var needed = [state.root.page]
    if mutation != .cutsBeforeFlip || state.pending == nil { needed.append(state.durable.root.page) }
    if let pending = state.pending, mutation != .cutsFlight { needed.append(pending.root.page) }
    if let predecessor = state.predecessor, mutation != .cutsBeforeNamed { needed.append(predecessor.root.page) }
    return needed
  }
}
