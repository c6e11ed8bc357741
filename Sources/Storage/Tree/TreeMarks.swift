// How often the tree changed its shape in each way: what a long test looks at to know that it met all of them.

/// Counts of rebuilt pages since the tree was made, read under the writer lock.
struct TreeMarks: Equatable, Sendable {
  /// Entries moved into a neighbour instead of a split.
  var shifts = 0
  /// Two full leaves made into three.
  var threeWaySplits = 0
  /// Leaves left full because keys came in order.
  var edgeSplits = 0
  /// Splits in two, by the level of the page.
  private(set) var splits = [Int](repeating: 0, count: TreePath.maxHeight)
  private(set) var merges = [Int](repeating: 0, count: TreePath.maxHeight)
  var rootGrowths = 0
  var rootCollapses = 0
  var overflowRuns = 0

  mutating func noteSplit(ofLevel level: Int) { splits[level] += 1 }

  mutating func noteMerge(ofLevel level: Int) { merges[level] += 1 }
}
