// What the grounds of fuzzers stand on: a store on a disk in memory that is the same in every run, with its clock and its hasher.

import Auth
import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport

/// For one thread, until the ground is made.
struct GroundStore {
  let clock = ManualClock()
  let random: RandomSource
  let database: Database
  let store: Store
  let hasher: PasswordHasher

  init(seed: UInt64) throws {
    random = RandomSource(SeededGenerator(seed: seed))
    var options = DatabaseOptions(path: "data/db")
    options.clock = clock
    options.files = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: 1)
    options.segmentByteCount = 1 << 20
    options.random = random
    database = try Database.simulated(options)
    store = try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4))
    hasher = try PasswordHasher(
      parameters: Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1), arenas: 1, random: random)
  }
}

extension Database {
  /// Makes everything durable, and lets every thread of a simulated engine do what is due.
  func settle() throws(StorageError) {
    try waitUntilDurable(heldPosition)
    for thread in EngineThread.allCases { _ = turn(thread) }
  }
}

extension RandomSource {
  /// Bytes that are the same in every run; for one thread.
  init(_ generator: SeededGenerator) {
    let source = DrawnBytes(generator)
    self.init { bytes in for index in bytes.indices { bytes[index] = source.next() } }
  }
}

private final class DrawnBytes: @unchecked Sendable {
  private var generator: SeededGenerator
  init(_ generator: SeededGenerator) { self.generator = generator }
  func next() -> UInt8 { UInt8(truncatingIfNeeded: generator.next()) }
}
