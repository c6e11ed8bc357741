// Backups: full ones with increments on top, whole, damaged, cut off, mixed up and chained wrongly, then restored.

import Platform
import Storage
import TestSupport

let backupRig = Rig(
  name: "backup", purpose: "chains of backups, damaged and mixed up, restored to the right data or refused by name",
  bug: "an increment that does not build on the one before is left out without a word", smokeEventCount: 60,
  moreBugs: ["a damaged increment is left out without a word"]
) { random, subject in
  do {
    let shelf = try BackupShelf(&random)
    for _ in 0..<10 {
      var chain = random.chain(on: shelf)
      var disk = shelf.disk
      let damage = (0..<random.pick([0, 0, 1, 1, 1, 2, 3])).map { _ in random.damage(to: chain, on: shelf, &disk) }
      let isWhole = chain.allSatisfy { disk.contents(shelf.files[$0].path) == shelf.disk.contents(shelf.files[$0].path) }
      let isChain = shelf.isChain(chain)
      guard let last = chain.last else { continue }
      let expected = shelf.files[last]
      if subject == .broken { while chain.count > 1 && !shelf.isChain(chain) { chain.removeLast() } }
      var answer = try shelf.restore(chain, on: disk)
      if subject == .otherwiseBroken(0), case .refused = answer, chain.count > 1 {
        answer = try shelf.restore(chain.dropLast(), on: disk)
      }
      let what = "\(chain) with \(damage)"
      switch answer {
      case .restored(let contents, let companion):
        if !isChain { return "\(what) is no chain, and is restored" }
        if contents != expected.contents { return "\(what) is restored to what never was: \(contents.count) keys" }
        if companion != expected.companion && isWhole {
          return "\(what) comes with \(companion ?? []), not \(expected.companion ?? [])"
        }
      case .mismatched(let error): if isChain && isWhole { return "\(what) is a chain, and is refused: \(error)" }
      case .refused(let error): if isWhole { return "\(what) is whole, and is refused: \(error)" }
      }
    }
    return nil
  } catch {
    return "\(error)"
  }
}

/// A few databases at rest, and the backups that were made of them on the way.
private struct BackupShelf {
  struct File {
    let path: String
    /// The place of the one that it was made on; nil for a full backup.
    let base: Int?
    let summary: BackupSummary
    let contents: [String: String]
    /// What a restore of this one brings along.
    let companion: [UInt8]?
  }

  enum Answer {
    case restored([String: String], companion: [UInt8]?)
    case mismatched(StorageError)
    case refused(StorageError)
  }

  private(set) var files: [File] = []
  private let system: SimulatedFileSystem
  private let pageByteCount: Int
  var disk: SimulatedDisk { system.disk }

  /// Two to five backups of a store, and one of another.
  init(_ random: inout SeededGenerator) throws {
    system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: random.next())
    pageByteCount = random.pick([512, 1024, 1024, 8192])
    var contents: [String: String] = [:]
    let database = try open("data/db", &random)
    try change(database, random.number(0..<150), &contents, &random)
    for number in 0..<random.number(2..<6) {
      if number > 0 { try change(database, random.number(1..<30), &contents, &random) }
      // Mostly on the newest, sometimes on an older one, or on none.
      let base = number == 0 || random.once(in: 6) ? nil : random.once(in: 4) ? random.number(0..<number) : number - 1
      try backUp(database, base: base, contents, &random)
    }
    try database.close()
    let other = try open("data/other", &random)
    var strangers: [String: String] = [:]
    try change(other, random.number(1..<60), &strangers, &random)
    try backUp(other, base: nil, strangers, &random)
    try other.close()
  }

  private func open(_ path: String, _ random: inout SeededGenerator) throws -> Database {
    var options = DatabaseOptions(path: path)
    options.files = system
    options.clock = ManualClock()
    options.random = RandomSource(SeededGenerator(seed: random.next()))
    options.segmentByteCount = 64 << 10
    options.cacheByteCount = 16 << 20
    options.pageByteCount = pageByteCount
    options.growthByteCount = 16 << 10
    return try Database.simulated(options)
  }

  private func change(
    _ database: Database, _ count: Int, _ contents: inout [String: String], _ random: inout SeededGenerator
  ) throws {
    for _ in 0..<count {
      let key = "key \(random.number(0..<120))"
      if random.once(in: 5) {
        try database.turning { () throws(StorageError) in try database.remove(key) }
        contents[key] = nil
      } else {
        let value =
          "\(random.next()) "
          + String(repeating: "v", count: random.once(in: 15) ? random.number(300..<3000) : random.number(0..<90))
        try database.turning { () throws(StorageError) in try database.put(key, value) }
        contents[key] = value
      }
    }
    try database.waitUntilDurable(database.heldPosition)
  }

  private mutating func backUp(
    _ database: Database, base: Int?, _ contents: [String: String], _ random: inout SeededGenerator
  ) throws {
    let path = "data/backup \(files.count)"
    let summary = try base.map { (base) throws(StorageError) in try BackupSummary(reading: files[base].path, files: system) }
    let companion = random.once(in: 3) ? random.bytes(random.pick([1, 40, 1024])) : []
    let made = try PinnedCheckpoint(of: database).stored.backUp(toFile: path, since: summary, with: companion)
    let inherited = base.flatMap { files[$0].companion }
    files.append(
      File(path: path, base: base, summary: made, contents: contents, companion: companion.isEmpty ? inherited : companion))
  }

  /// Whether each file builds on the one before.
  func isChain(_ chain: [Int]) -> Bool {
    chain.enumerated().allSatisfy { place, number in
      let summary = files[number].summary, before = place == 0 ? nil : files[chain[place - 1]].summary
      return summary.baseCheckpoint == before?.checkpoint && summary.identity == before?.identity ?? summary.identity
    }
  }

  /// Restores files of a disk to a store and reads all of it.
  func restore(_ chain: [Int], on disk: SimulatedDisk) throws -> Answer {
    let system = SimulatedFileSystem(disk, seed: 1)
    do throws(StorageError) {
      let set = try BackupSet(chain.map { files[$0].path }, files: system)
      _ = try set.restore(to: "data/new", random: RandomSource(SeededGenerator(seed: 1)))
      var options = DatabaseOptions(path: "data/new")
      options.files = system
      options.clock = ManualClock()
      options.segmentByteCount = 64 << 10
      options.cacheByteCount = 16 << 20
      options.pageByteCount = pageByteCount
      let database = try Database.simulated(options)
      let contents = try database.contents()
      let report = database.checkIntegrity()
      if !report.isSound { return .restored(["damaged": "\(report.problems)"], companion: nil) }
      try database.close()
      return .restored(contents, companion: set.companion)
    } catch {
      switch error {
      case .backupMismatch: return .mismatched(error)
      case .damaged, .pageDamaged, .newerFormat: return .refused(error)
      default: throw Complaint("a restore ends with \(error)")
      }
    }
  }
}

extension SeededGenerator {
  /// Files that build on each other, mostly; else some of them, in some order.
  fileprivate mutating func chain(on shelf: BackupShelf) -> [Int] {
    var chain: [Int] = []
    var next: Int? = number(0..<shelf.files.count)
    while let place = next {
      chain.insert(place, at: 0)
      next = shelf.files[place].base
    }
    if once(in: 3) {
      switch number(0..<4) {
      case 0: chain.swapAt(0, chain.count - 1)
      case 1: chain.insert(number(0..<shelf.files.count), at: number(0..<chain.count + 1))
      case 2: if chain.count > 1 { chain.remove(at: number(0..<chain.count)) }
      default: chain[number(0..<chain.count)] = number(0..<shelf.files.count)
      }
    }
    return chain
  }

  /// Hurts one of the files of a chain; says how.
  fileprivate mutating func damage(to chain: [Int], on shelf: BackupShelf, _ disk: inout SimulatedDisk) -> String {
    let victim = pick(chain), path = shelf.files[victim].path
    let count = disk.contents(path)?.count ?? 0
    guard count > 0 else { return "nothing left of \(victim)" }
    let place = number(0..<count)
    /// A run of blocks: a page, a head, some bytes.
    let length = min(count - place, pick([1, 8, 512, 1024, 8192]))
    switch number(0..<7) {
    case 0, 1:
      disk.flip(path, byte: place, mask: 1 << UInt8(number(0..<8)))
      return "byte \(place) of \(victim) flipped"
    case 2:
      disk.shorten(path, to: place)
      return "\(victim) cut to \(place) of \(count)"
    case 3:
      disk.zero(path, place..<place + length)
      return "\(length) bytes of \(victim) zeroed from \(place) on"
    case 4:
      disk.damage(path) { $0 += $0.suffix(length) }
      return "\(victim) longer by \(length)"
    case 5:
      let other = number(0..<count)
      if once(in: 2) {
        disk.swap(path, place..<place + length, other)
      } else {
        disk.misdirect(path, place..<place + length, to: other)
      }
      return "\(length) bytes of \(victim) from \(place) and \(other) mixed up"
    default:
      // The same place of another file: mostly a page that is whole by itself.
      let source = number(0..<shelf.files.count), begin = place / 512 * 512
      let other = shelf.disk.contents(shelf.files[source].path) ?? []
      guard begin < min(other.count, count) else { return "nothing" }
      let end = min(other.count, count, begin + max(512, length))
      disk.damage(path) { $0.replaceSubrange(begin..<end, with: other[begin..<end]) }
      return "bytes \(begin)..<\(end) of \(victim) from \(source)"
    }
  }
}
