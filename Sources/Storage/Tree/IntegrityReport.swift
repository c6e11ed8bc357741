// What a walk over every page of a tree found.

/// The outcome of an integrity check: counts, and each violation as a sentence that names the page.
package struct IntegrityReport: Sendable {
  package internal(set) var pages = 0
  package internal(set) var keys = 0
  package internal(set) var height = 0
  /// Violations, in the order they were met; at most `maxProblems` are kept.
  package internal(set) var problems: [String] = []

  package static let maxProblems = 100

  package var isSound: Bool { problems.isEmpty }

  init() {}

  mutating func add(_ problem: String) {
    if problems.count < Self.maxProblems { problems.append(problem) }
  }
}
