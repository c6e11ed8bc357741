// Random transactions on a tree of small or large pages beside a sorted array: reads, ranges, shape and the bound of pages.

import Storage
import TestSupport

let storageModelRig = Rig(
  name: "storage-model", purpose: "the tree against a sorted array, with its integrity check and its bound of pages",
  bug: "a deletion behind the tenth operation of a transaction is forgotten", smokeEventCount: 1000
) { random, subject, course in
  do throws(StorageError) {
    var life = try TreeLife(&random, forgetsDeletions: subject == .broken)
    return try life.run(&random, maxStepCount: course.maxStepCount)
  } catch {
    return "a tree with room refused: \(error)"
  }
}

/// One tree from its first transaction to the deletion of everything: some five hundred operations.
private struct TreeLife: ~Copyable {
  private let tree: StandaloneTree
  private let forgetsDeletions: Bool
  private let keys: KeyStyle
  private var model: [(key: [UInt8], value: [UInt8])] = []
  /// What readers see: the model at the last commit.
  private var published: [(key: [UInt8], value: [UInt8])] = []

  init(_ random: inout SeededGenerator, forgetsDeletions: Bool) throws(StorageError) {
    tree = try StandaloneTree(pageByteCount: random.pick([512, 512, 512, 1024, 2048, 8192]))
    self.forgetsDeletions = forgetsDeletions
    keys = random.pick([.scattered, .rising, .falling, .prefixed, .longest, .few])
  }

  mutating func run(_ random: inout SeededGenerator, maxStepCount: Int) throws(StorageError) -> String? {
    var left = min(random.pick([20, 200, 500, 500, 1000]), maxStepCount)
    let maxTransaction = random.pick([1, 5, 40, 300])
    while left > 0 {
      let count = random.number(1..<maxTransaction + 1)
      // The share of deletions moves, so that the tree grows, shrinks and grows again.
      let deletions = random.pick([5, 30, 60, 90])
      if let complaint = try transaction(count, deletions, &random) { return complaint }
      left -= count
      if random.once(in: 3) { commit() }
      if random.once(in: 8), let complaint = try compareRange(&random) { return complaint }
    }
    if let complaint = try check() { return complaint }
    while !model.isEmpty { if let complaint = try transaction(min(100, model.count), 101, &random) { return complaint } }
    commit()
    return try check()
  }

  private mutating func transaction(_ count: Int, _ deletions: Int, _ random: inout SeededGenerator) throws(StorageError)
    -> String?
  {
    var next = model
    var mistake: String?
    let complaint = try tree.write { transaction throws(StorageError) in
      for number in 0..<count {
        let isDeletion = random.number(0..<100) < deletions
        let key = isDeletion && !next.isEmpty && !random.once(in: 10) ? random.pick(next).key : drawKey(&random)
        let (place, isThere) = find(key, in: next)
        if isDeletion {
          if !(forgetsDeletions && number > 10) { try transaction.delete(key.span) }
          if isThere { next.remove(at: place) }
        } else {
          let value = random.bytes(drawValueCount(key, &random))
          try transaction.put(key.span, value.span)
          if isThere { next[place].value = value } else { next.insert((key, value), at: place) }
        }
        if random.once(in: 20), mistake == nil { mistake = try compare(drawKey(&random), in: &transaction, with: next) }
      }
    }
    model = next
    return mistake ?? complaint
  }

  private mutating func commit() {
    tree.commit()
    published = model
  }

  // MARK: Comparing

  private func check() throws(StorageError) -> String? {
    let report = tree.checkIntegrity()
    if let problem = report.problems.first { return problem }
    if report.keys != model.count { return "\(report.keys) keys instead of \(model.count)" }
    return try compareRange(from: [], below: [], .ascending)
  }

  private func compareRange(_ random: inout SeededGenerator) throws(StorageError) -> String? {
    let lower = random.once(in: 3) ? [] : drawKey(&random), upper = random.once(in: 3) ? [] : drawKey(&random)
    return try compareRange(from: lower, below: upper, random.pick([.ascending, .descending]))
  }

  private func compareRange(from lower: [UInt8], below upper: [UInt8], _ order: ScanOrder) throws(StorageError) -> String? {
    let first = find(lower, in: published).place
    let end = upper.isEmpty ? published.count : max(first, find(upper, in: published).place)
    var expected = published[first..<end]
    return try tree.read { transaction throws(StorageError) in
      var complaint: String?
      try transaction.scan(from: lower.span, below: upper.span, order) { key, value throws(StorageError) in
        guard let entry = order == .ascending ? expected.popFirst() : expected.popLast() else {
          complaint = "a scan \(order) from \(lower) below \(upper) goes on behind its end"
          return .stop
        }
        if !isSame(entry.key, key) || !isSame(entry.value, value) {
          complaint = "a scan \(order) from \(lower) below \(upper) gives another entry than \(entry.key)"
          return .stop
        }
        return .next
      }
      if complaint == nil, let entry = expected.first {
        complaint = "a scan \(order) from \(lower) below \(upper) ends before \(entry.key)"
      }
      return complaint
    }
  }

  private func compare(
    _ key: [UInt8], in transaction: inout WriteTransaction, with entries: [(key: [UInt8], value: [UInt8])]
  ) throws(StorageError) -> String? {
    let (place, isThere) = find(key, in: entries)
    let isRight = try transaction.get(key.span) { value throws(StorageError) in isThere && isSame(entries[place].value, value) }
    return isRight ?? !isThere ? nil : "a transaction reads \(key) wrongly"
  }

  private func isSame(_ bytes: [UInt8], _ span: Span<UInt8>) -> Bool {
    if bytes.count != span.count { return false }
    for index in bytes.indices where bytes[index] != span[index] { return false }
    return true
  }

  private func find(_ key: [UInt8], in entries: [(key: [UInt8], value: [UInt8])]) -> (place: Int, isThere: Bool) {
    var low = 0, high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return (low, low < entries.count && entries[low].key == key)
  }

  // MARK: Drawing

  private enum KeyStyle {
    case scattered, rising, falling, prefixed, longest, few
  }

  private func drawKey(_ random: inout SeededGenerator) -> [UInt8] {
    let longest = tree.maxKeyByteCount
    func number(_ number: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)] }
    switch keys {
    case .scattered: return random.bytes(random.number(1..<5))
    // In several places at once, so that every leaf is appended to.
    case .rising: return [UInt8(random.number(0..<4))] + number(model.count + random.number(0..<3))
    case .falling: return number(60_000 - model.count - random.number(0..<3))
    // Cells grow and shrink with every fence that moves.
    case .prefixed: return [UInt8](repeating: UInt8(random.number(0..<3)), count: random.number(1..<longest)) + random.bytes(1)
    case .longest: return [UInt8](repeating: 9, count: longest - 2) + number(random.number(0..<600))
    case .few: return [UInt8(random.number(0..<40))]
    }
  }

  private func drawValueCount(_ key: [UInt8], _ random: inout SeededGenerator) -> Int {
    let room = tree.maxInlineByteCount - key.count
    switch random.number(0..<20) {
    case 0: return room
    case 1: return room + 1
    case 2: return random.number(0..<4 * room)
    case 3...6: return random.number(0..<room)
    default: return random.number(0..<24)
    }
  }
}
