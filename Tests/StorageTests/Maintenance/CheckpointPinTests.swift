// Checkpoints that are kept for readers beside the server, while it goes on. docs/storage.md §14.

import TestSupport
import Testing

@testable import Storage

struct CheckpointPinTests {
  @Test func `a pinned checkpoint has everything that was committed, and stays as it is under writes and checkpoints`() throws {
    var seeds = SeededGenerator.announced("pins")
    for _ in 0..<4 * testScale {
      let bench = StoreBench(seed: seeds.next())
      let database = try bench.open()
      try bench.change(database, 300)
      let pin = try database.pinCheckpoint(), state = bench.contents
      for round in 0..<6 {
        try bench.change(database, 150)
        try database.checkpoint()
        if round % 2 == 0 { #expect(database.renewPin(pin.id)) }
      }
      let stored = try StoredCheckpoint(pinned: pin.record, at: "data/db", files: bench.system)
      #expect(try stored.check().problems == [])
      _ = try stored.backUp(toFile: "data/backup")
      _ = try BackupSet(["data/backup"], files: bench.system).restore(to: "data/new")
      #expect(try bench.contents(of: "data/new") == state)
      var entries: [String: String] = [:], keys: [[UInt8]] = []
      try stored.forEachEntry { (key, value) throws(StorageError) in
        entries[String(copying: key)] = String(copying: value)
        keys.append(key.indices.map { key[$0] })
        return .next
      }
      #expect(entries == state)
      // From any key on, there or not, it is the rest of the same walk.
      for index in stride(from: 0, to: keys.count, by: 1 + keys.count / 20) {
        for (lower, first) in [(keys[index], index), (keys[index] + [0], index + 1)] {
          var rest: [[UInt8]] = []
          try stored.forEachEntry(from: lower) { (key, _) throws(StorageError) in
            rest.append(key.indices.map { key[$0] })
            return .next
          }
          #expect(rest == Array(keys[first...]), "from \(lower)")
        }
      }

      #expect(database.unpinCheckpoint(pin.id) && !database.unpinCheckpoint(pin.id) && !database.renewPin(pin.id))
      #expect(database.checkIntegrity().problems == [])
      for _ in 0..<6 {
        try bench.change(database, 150)
        try database.checkpoint()
      }
      // Its pages were used again: now the same record is of no use, and that is noticed.
      #expect(try !stored.check().isSound)
      #expect(throws: StorageError.self) { try stored.backUp(toFile: "data/other") }
      try database.close()
      #expect(try bench.stored().check(deep: true).problems == [])
      #expect(try bench.contents(of: "data/db") == bench.contents)
    }
  }

  @Test func `a pin that nobody asks for ends after a minute`() throws {
    let clock = SimulatedClock()
    let bench = StoreBench(seed: 3)
    bench.options.clock = clock
    let database = try bench.open()
    try bench.change(database, 100)
    let pin = try database.pinCheckpoint(), other = try database.pinCheckpoint()
    clock.advance(milliseconds: 59_000)
    #expect(database.renewPin(other.id))
    clock.advance(milliseconds: 1000)
    try bench.change(database, 10)
    try database.checkpoint()
    #expect(!database.renewPin(pin.id) && database.renewPin(other.id))
    #expect(database.checkIntegrity().problems == [])
    try database.close()
  }

  @Test func `sixteen pins are kept, and one more is refused`() throws {
    let bench = StoreBench(seed: 4)
    let database = try bench.open()
    try bench.change(database, 50)
    let pins = try (0..<16).map { _ in try database.pinCheckpoint() }
    #expect(throws: StorageError.tooManyReaders(limit: 16)) { try database.pinCheckpoint() }
    for pin in pins { #expect(database.unpinCheckpoint(pin.id)) }
    #expect(database.checkIntegrity().problems == [])
    try database.close()
  }
}
