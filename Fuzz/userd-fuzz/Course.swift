// How far a life goes and what never happens in it, so that a long one that went wrong is told as a short one.

import TestSupport

/// What of a life is led. The draws of what is led stay the same, so a life that is cut off is the beginning of the whole one.
struct Course: Equatable, Sendable {
  /// More steps than any life has.
  static let wholeLife = 1 << 13

  var maxStepCount = Course.wholeLife
  /// What never happens, by the names that its rig has for it.
  var without: [String] = []

  func leads(to kind: String) -> Bool { !without.contains(kind) }

  /// The options that repeat it; with a space in front, or empty.
  var options: String {
    (maxStepCount == Course.wholeLife ? "" : " --steps \(maxStepCount)")
      + (without.isEmpty ? "" : " --without \(without.joined(separator: ","))")
  }
}

extension Finding {
  /// The same event on a shorter course that goes wrong as well, if not always in the same way. Plays it some hundred times at most; a course
  /// that ends the process cannot be looked for this way.
  ///
  /// - Parameter dropsKinds: whether things are left out too, and not only steps at the end.
  func shortened(subject: Subject = .real, dropsKinds: Bool = true) -> Finding {
    guard let life = rig.life else { return self }
    func played(_ course: Course) -> String? {
      var random = SeededGenerator(seed: seed &+ UInt64(event))
      return life(&random, subject, course)
    }
    func with(_ course: Course, _ complaint: String) -> Finding {
      var found = self
      (found.course, found.complaint) = (course, complaint)
      return found
    }
    var best = cut(self, played, with)
    for kind in rig.kinds where dropsKinds && best.course.leads(to: kind) {
      var course = best.course
      course.without.append(kind)
      course.maxStepCount = Course.wholeLife
      guard let complaint = played(course) else { continue }
      let shorter = cut(with(course, complaint), played, with)
      if shorter.course.maxStepCount <= best.course.maxStepCount { best = shorter }
    }
    return best
  }

  /// Cuts off the end: what is left goes wrong, and one step less does not.
  private func cut(_ whole: Finding, _ played: (Course) -> String?, _ with: (Course, String) -> Finding) -> Finding {
    var (best, good) = (whole, -1)
    while good + 1 < best.course.maxStepCount {
      var course = best.course
      course.maxStepCount = (good + best.course.maxStepCount) / 2
      if let complaint = played(course) { best = with(course, complaint) } else { good = course.maxStepCount }
    }
    return best
  }
}
