// Stores of earlier schemas: each opens, is brought forward in steps that a crash may cut short, and loses nothing. docs/records.md §5.

import Codecs
import Platform
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct SchemaTests {
  private typealias Entries = [[UInt8]: [UInt8]]

  /// The entries of a store of an earlier schema as the program of that time wrote them: 23 users of three roles, five sessions.
  private static func golden(schema: Int = 1) throws -> Entries {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let file = try File("/\(folder)/Golden/schema-\(schema).hex", .read)
    var text = [UInt8](repeating: 0, count: try file.size())
    var span = text.mutableSpan
    let got = try file.read(into: &span, at: 0)
    var entries: Entries = [:]
    for line in String(decoding: text[..<got], as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ")
      entries[try bytes(words[0])] = words[1] == "-" ? [] : try bytes(words[1])
    }
    return entries
  }

  private static func bytes(_ hex: Substring) throws -> [UInt8] {
    let digits = Array(hex.utf8)
    return try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16))
    }
  }

  private static func entries(_ database: Database) throws -> Entries {
    var found: Entries = [:]
    let everything: [UInt8] = []
    try database.read { (transaction) throws(RepositoryError) in
      try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
        found[key.indices.map { key[$0] }] = value.indices.map { value[$0] }
        return .next
      }
    }
    return found
  }

  /// What a store of an earlier schema must become.
  private static func migrated(_ old: Entries) throws -> Entries {
    var new = old
    new[[1, 1]] = [1, 3, 0, 0, 0]
    for (key, value) in old where key[0] == 0x10 {
      let user = try UserRecord(id: key.span.identifier(at: 1), decoding: value.span)
      new[[0x12] + Array(user.role.text.utf8) + [0, 1] + key.dropFirst()] = []
      let name = user.name.utf8.prefix(64).map { (0x41...0x5a).contains($0) ? $0 + 0x20 : $0 }
      new[[0x13] + name + [0, 1] + key.dropFirst()] = []
      if user.status != .active { new[[0x14, user.status.rawValue] + key.dropFirst()] = [] }
    }
    return new
  }

  private static func problems(_ database: Database) throws -> [String] {
    let everything: [UInt8] = []
    return try RecordCheck.run { body throws(RepositoryError) in
      try database.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending, body)
      }
    }.problems
  }

  /// A disk with a store of these entries on it, made by a process that ended.
  private static func disk(_ entries: Entries) throws -> SimulatedDisk {
    let system = SimulatedFileSystem(SimulatedDisk(folder: "data"))
    let database = try open(system)
    let done = try database.write(.awaited) { (transaction) throws(RepositoryError) in
      for (key, value) in entries { try transaction.set(key.span, value.span) }
    }
    try database.waitUntilDurable(done.position)
    try database.close()
    return system.disk
  }

  private static func open(_ system: SimulatedFileSystem) throws(StorageError) -> Database {
    var options = DatabaseOptions(path: "data/db")
    options.files = system
    options.segmentByteCount = 64 << 10
    options.cacheByteCount = 16 << 20
    options.growthByteCount = 64 << 10
    options.repeatsWrites = true
    return try .open(options)
  }

  /// Ends the machine; what was not made durable is there or not, as chance has it.
  private static func cutPower(
    _ system: SimulatedFileSystem, under database: Database, _ random: inout SeededGenerator
  ) {
    system.cutPower(leaving: system.disk.afterPowerCut(using: &random))
    // Its files are gone, so nothing that it still does has an effect; but its threads must end.
    try? database.close()
  }

  private static let fresh = StoreIdentity(uuid: UUID(high: 9, low: 9), epoch: 9)

  /// Takes up to so many steps of five users each; true if there are more.
  private static func advance(_ database: Database, steps: Int) throws -> Bool {
    for _ in 0..<steps where try !Schema.advance(database, fresh, sliceCount: 5) { return false }
    return true
  }

  @Test(arguments: [1, 2]) func `a store of an earlier schema opens, gets its indexes, and is sound`(_ schema: Int) throws {
    let golden = try Self.golden(schema: schema)
    #expect(golden.count == 2 + 1 + 23 + 23 + 5 + 5 + (schema == 1 ? 0 : 23))
    let system = SimulatedFileSystem(try Self.disk(golden))
    var database = try Self.open(system)
    #expect(try Self.problems(database) == [], "before its migration an index that is not there is not missed")
    _ = try Store.open(database, fresh: Self.fresh)
    var expected = try Self.migrated(golden)
    // The entries came to another engine's line of history, so the store has a new epoch.
    expected[[1, 2]] = StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 9).encoded()
    expected[[1, 3]] = try Self.entries(database)[[1, 3]]
    #expect(try Self.entries(database) == expected)
    #expect(try Self.problems(database) == [])
    #expect(database.checkIntegrity().isSound)
    try database.close()
    database = try Self.open(system)
    let store = try Store.open(database, fresh: Self.fresh)
    #expect(try Self.entries(database) == expected)
    let admins = try store.read { (transaction) throws(RepositoryError) in
      try store.users.hasActive(.admin, in: &transaction)
    }
    #expect(admins)
    try database.close()
  }

  @Test(arguments: [1, 2]) func `a migration that stops after any step goes on where it stood`(_ schema: UInt8) throws {
    var random = SeededGenerator.announced("migration steps")
    let golden = try Self.golden(schema: Int(schema))
    let disk = try Self.disk(golden)
    let expected = try Self.migrated(golden)
    // Entries of the first migration, and steps in all.
    let index: UInt8 = schema == 1 ? 0x12 : 0x13
    let stepCount = schema == 1 ? 10 : 5
    for steps in 0...5 {
      let system = SimulatedFileSystem(disk)
      var database = try Self.open(system)
      #expect(try Self.advance(database, steps: steps))
      let before = try Self.entries(database)
      Self.cutPower(system, under: database, &random)
      database = try Self.open(system)
      #expect(try Self.entries(database) == before, "each step waits until it is durable")
      #expect(before.count { $0.key[0] == index } == min(steps * 5, 23))
      if steps > 0, steps < 5 {
        #expect(before[[1, 1]] == nil, "an older program refuses a store without a version")
        let place = Array(
          before.keys.filter { $0[0] == 0x10 }.map { $0.dropFirst() }.sorted { $0.lexicographicallyPrecedes($1) }[steps * 5 - 1])
        #expect(before[[1, 4]] == [1, schema, 0, 0, 0, schema + 1, 0, 0, 0] + place)
        #expect(
          try Self.problems(database) == [
            "the store is on the way from schema version \(schema) to \(schema + 1), which the next start goes on with"
          ])
      }
      #expect(try Self.advance(database, steps: stepCount - steps))
      #expect(try !Schema.advance(database, Self.fresh))
      #expect(try Self.entries(database) == expected)
      #expect(try Self.problems(database) == [])
      #expect(database.checkIntegrity().isSound)
      try database.close()
    }
  }

  @Test(arguments: [1, 2]) func `a crash at any call of the file system during a migration loses nothing`(_ schema: Int) throws {
    var random = SeededGenerator.announced("migration crashes")
    let golden = try Self.golden(schema: schema)
    let disk = try Self.disk(golden)
    let expected = try Self.migrated(golden)
    var crashes = 0
    for call in 1...Int.max {
      let system = SimulatedFileSystem(disk, seed: random.next())
      var database = try Self.open(system)
      system.faults.crashCall = system.calls + call
      do { while try Schema.advance(database, Self.fresh, sliceCount: 5) {} } catch { crashes += 1 }
      let isOver = !system.hasCrashed
      Self.cutPower(system, under: database, &random)
      database = try Self.open(system)
      while try Schema.advance(database, Self.fresh, sliceCount: 5) {}
      #expect(try Self.entries(database) == expected, "call \(call)")
      #expect(database.checkIntegrity().isSound)
      try database.close()
      if isOver { break }
    }
    #expect(crashes >= 10, "five steps make at least ten calls")
  }

  @Test func `a migration's note is refused by a program that does not know where it leads`() throws {
    var golden = try Self.golden()
    golden[[1, 1]] = nil
    golden[[1, 4]] = [1, 3, 0, 0, 0, 4, 0, 0, 0] + [UInt8](repeating: 0, count: 16)
    let newer = try Self.open(SimulatedFileSystem(try Self.disk(golden)))
    #expect(throws: RepositoryError.newerSchema(found: 4, supported: 3)) { try Store.open(newer, fresh: Self.fresh) }
    try newer.close()
    for numbers in [[2, 0, 0, 0, 2, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0]] as [[UInt8]] {
      golden[[1, 4]] = [1] + numbers + [UInt8](repeating: 0, count: 16)
      let damaged = try Self.open(SimulatedFileSystem(try Self.disk(golden)))
      let error = #expect(throws: RepositoryError.self) { try Store.open(damaged, fresh: Self.fresh) }
      guard case .damaged(.settings, _) = error else { Issue.record("\(String(describing: error))"); continue }
      try damaged.close()
    }
  }
}
