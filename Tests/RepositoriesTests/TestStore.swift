// A real database in a folder of its own, for tests of what lies above it.

import Codecs
import Platform
import Storage
import TestSupport

@testable import Repositories

/// A store that can be closed and opened again.
final class TestStore {
  let folder = TemporaryFolder("repositories")
  let clock = ManualClock()
  private(set) var database: Database
  private(set) var store: Store

  static let identity = StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 0xA1B2_C3D4)

  init() throws {
    database = try Self.open(folder.path)
    store = try Store.open(database, fresh: Self.identity)
  }

  // The folder goes after this, and nobody may still be writing in it.
  deinit { try? database.close() }

  static func open(_ path: String) throws(StorageError) -> Database {
    var options = DatabaseOptions(path: path + "/db")
    options.segmentByteCount = 1 << 18
    // What a closure does must not depend on how often it runs.
    options.repeatsWrites = true
    return try Database.open(options)
  }

  func reopen() throws {
    try database.close()
    database = try Self.open(folder.path)
    store = try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 9, low: 9), epoch: 9))
  }

  /// Writes and waits, so that the next read sees it.
  @discardableResult
  func write<Value>(_ body: (inout Writing) throws(RepositoryError) -> Value) throws -> Value {
    let done = try store.write(body)
    try database.waitUntilDurable(done.position)
    return done.value
  }

  /// Puts bytes under a key without asking anyone.
  func plant(_ value: [UInt8], at key: [UInt8]) throws {
    let done = try database.write { (transaction) throws(RepositoryError) in try transaction.set(key.span, value.span) }
    try database.waitUntilDurable(done.position)
  }

  func erase(_ key: [UInt8]) throws {
    let done = try database.write { (transaction) throws(RepositoryError) in try transaction.remove(key.span) }
    try database.waitUntilDurable(done.position)
  }

  /// Every storage test ends so.
  func checkIntegrity() throws -> Bool { database.checkIntegrity().isSound }
}

func makeUser(_ number: UInt64, email: String, name: String = "Ann", hash: String? = "$argon2id$x") -> UserRecord {
  UserRecord(
    id: UUID(high: 0x0198_f3c0_0000_7000, low: 0x8000_0000_0000_0000 | number), createdAt: 1_780_000_000_000,
    updatedAt: 1_780_000_000_001,
    role: .user, email: email, name: name, passwordHash: hash)
}

func makeSession(_ number: UInt64, of user: UserRecord) -> SessionRecord {
  SessionRecord(
    id: UUID(high: 0x0198_f3c0_0001_7000, low: 0x8000_0000_0000_0000 | number), userID: user.id, userEpoch: user.epoch,
    methods: .password, createdAt: 1_780_000_000_000, idleExpiresAt: 1_780_000_100_000, expiresAt: 1_780_000_200_000,
    seed: InlineArray { UInt8($0) }, ipPrefix: "203.0.113.0/24", userAgent: "curl/8", deviceName: "kiosk-3")
}

extension UUID {
  var list: [UInt8] { (0..<16).map { bytes[$0] } }
}
