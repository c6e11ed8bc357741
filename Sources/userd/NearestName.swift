// Guesses which name a person meant to type.

/// The candidate that differs from `word` by the fewest slips of the finger, if those are few enough to be slips.
///
/// A slip is one character added, lost, replaced, or swapped with its neighbour (optimal string alignment). A third of the
/// word may be wrong, at least one character and at most three; a word that begins exactly one candidate means that one.
func nearestName(to word: String, among candidates: [String]) -> String? {
  let typed = Array(word.utf8.prefix(64))
  let allowed = min(3, max(1, typed.count / 3))
  var best: (name: String, distance: Int)?
  for candidate in candidates {
    let distance = slipCount(typed, Array(candidate.utf8))
    if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  if let best { return best.name }
  let begun = candidates.filter { typed.count >= 2 && $0.utf8.starts(with: typed) }
  return begun.count == 1 ? begun[0] : nil
}

private func slipCount(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for row in 0..<left.count {
    var current = [row + 1]
    for column in 0..<right.count {
      var cost = min(last[column + 1] + 1, current[column] + 1, last[column] + (left[row] == right[column] ? 0 : 1))
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        cost = min(cost, beforeLast[column - 1] + 1)
      }
      current.append(cost)
    }
    beforeLast = last
    last = current
  }
  return last[right.count]
}
