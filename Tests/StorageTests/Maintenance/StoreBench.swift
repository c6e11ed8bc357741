// A small store on a simulated disk with everything in it that maintenance must know: levels, large values, free pages, a log.

import Platform
import TestSupport

@testable import Storage

/// A database that a test fills, closes, damages and looks at.
final class StoreBench {
  let system: SimulatedFileSystem
  var options: DatabaseOptions
  var generator: SeededGenerator
  /// What the database holds.
  private(set) var contents: [String: String] = [:]

  init(seed: UInt64, disk: SimulatedDisk = SimulatedDisk(folder: "data")) {
    generator = SeededGenerator(seed: seed)
    system = SimulatedFileSystem(disk, seed: seed)
    options = Self.options(for: "data/db", system)
  }

  static func options(for path: String, _ system: SimulatedFileSystem) -> DatabaseOptions {
    var options = DatabaseOptions(path: path)
    options.files = system
    options.segmentByteCount = 64 << 10
    options.cacheByteCount = 16 << 20
    options.pageByteCount = 1024
    options.growthByteCount = 16 << 10
    return options
  }

  func open(_ path: String = "data/db") throws(StorageError) -> Database {
    var options = options
    options.path = path
    return try .simulated(options)
  }

  /// Puts and deletes at random, as many as `count`, of about that many keys.
  func change(_ database: Database, _ count: Int) throws(StorageError) {
    for _ in 0..<count {
      let key = "key \(generator.number(0..<count))"
      if generator.number(0..<4) == 0 {
        try database.turning { () throws(StorageError) in try database.remove(key) }
        contents[key] = nil
      } else {
        let byteCount = generator.number(0..<20) == 0 ? generator.number(300..<4000) : generator.number(0..<90)
        let value = "\(generator.next()) " + String(repeating: "v", count: byteCount)
        try database.turning { () throws(StorageError) in try database.put(key, value) }
        contents[key] = value
      }
    }
    try database.waitUntilDurable(database.heldPosition)
  }

  func remove(_ database: Database, _ key: String) throws(StorageError) {
    try database.turning { () throws(StorageError) in try database.remove(key) }
    contents[key] = nil
    try database.waitUntilDurable(database.heldPosition)
  }

  /// A store with three levels that was closed in order.
  static func closed(seed: UInt64, _ count: Int = 400, pageByteCount: Int = 1024) throws -> StoreBench {
    let bench = StoreBench(seed: seed)
    bench.options.pageByteCount = pageByteCount
    let database = try bench.open()
    try bench.change(database, count)
    try database.checkpoint()
    try bench.change(database, count / 4)
    try database.close()
    return bench
  }

  func stored(_ path: String = "data/db") throws(StorageError) -> StoredCheckpoint {
    try StoredCheckpoint(closed: path, files: system, pageByteCount: options.pageByteCount)
  }

  /// What the database in a folder says that it holds, opened on the disk as it is now and closed again.
  func contents(of path: String) throws(StorageError) -> [String: String] {
    let database = try open(path)
    let found = try database.contents()
    try database.close()
    return found
  }

  /// The same files for another process, damaged or not.
  func fork(_ change: (inout SimulatedDisk) -> Void = { _ in }) -> StoreBench {
    var disk = system.disk
    change(&disk)
    let fork = StoreBench(seed: 1, disk: disk)
    fork.contents = contents
    return fork
  }

  /// The ids of pages that the tree in main.udb reaches, with their kinds.
  func pages() throws -> [UInt64: PageKind] {
    let stored = try stored().stored
    guard let tree = stored.superblock.tree else { return [:] }
    var walk = IntegrityWalk(try PrivatePages(stored.file, checkpoint: stored.superblock.checkpoint), stored.file.limits)
    walk.check(tree.root, height: tree.height, batch: stored.superblock.batch)
    let memory = try PageMemory(count: 1, stored.file.limits)
    var kinds: [UInt64: PageKind] = [:]
    for id in walk.seen {
      try stored.file.readRun(id, count: 1, into: memory[0])
      kinds[id] = memory[0].kind
    }
    return kinds
  }

  /// Where a page begins in main.udb.
  func offset(of id: UInt64) -> Int { 4 * 8192 + (Int(id) - 4) * options.pageByteCount }
}
