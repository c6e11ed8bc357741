// The outbox in a real database: bytes, the order in which messages are due, and messages that are put off or go.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct OutboxTests {
  private static func message(_ number: UInt64, due: Int64, user: UInt64 = 1, sealed: [UInt8] = [9, 9]) -> OutboxRecord {
    OutboxRecord(
      id: UUID(high: (1_780_000_000_000 + number) << 16 | 0x7000, low: 0x8000_0000_0000_0000 | number), dueAt: due, kind: .reset,
      isDecoy: false, userID: UUID(high: 0, low: user), expiresAt: 0x0102, address: "a@b.c", sealedToken: sealed)
  }

  private func due(_ test: TestStore, at now: Int64, limit: Int = 100) throws -> [UInt64] {
    try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.outbox.due(at: now, limit: limit, in: &transaction)
    }.map { $0.id.low & 0xffff }
  }

  private func seeded(_ messages: [OutboxRecord]) throws -> TestStore {
    let test = try TestStore()
    try test.write { (transaction) throws(RepositoryError) in
      for message in messages { try test.store.outbox.insert(message, in: &transaction) }
    }
    return test
  }

  @Test func `a message has the bytes of docs/records.md section 12`() throws {
    var message = Self.message(1, due: 1)
    message.isDecoy = true
    message.attempts = 3
    let head = "01" + "01" + "01" + "03" + "00000000000000000000000000000001" + "0201000000000000"
    let bytes = try message.encoded()
    #expect(Hex.encodedString(bytes.span) == head + "010500" + "6140622e63" + "020200" + "0909")
    #expect(try OutboxRecord(id: message.id, dueAt: 1, decoding: bytes.span) == message)
    let key = OutboxRepository.key(message).withSpan { Hex.encodedString($0) }
    #expect(key == "38" + "8000000000000001" + "019e70448801" + "7000" + "8000000000000001")
    let notice = Self.message(1, due: 1, sealed: [])
    #expect(try notice.encoded().count == 36)
  }

  @Test func `bytes that no version wrote are damage, not a trap`() throws {
    let bytes = try Self.message(1, due: 1).encoded()
    func damage(_ bytes: [UInt8]) -> RecordDamage? {
      do throws(RecordDamage) {
        _ = try OutboxRecord(id: UUID(high: 0, low: 0), dueAt: 0, decoding: bytes.span)
        return nil
      } catch { return error }
    }
    for count in 0..<28 { #expect(damage(Array(bytes[..<count])) != nil) }
    #expect(damage(Array(bytes[..<28])) == .missingField(tag: 1))
    for (offset, value) in [(1, 0), (1, 5), (2, 2)] as [(Int, UInt8)] {
      var broken = bytes
      broken[offset] = value
      #expect(damage(broken) == .invalidField(offset: offset))
    }
    let long = Self.message(1, due: 1, sealed: [UInt8](repeating: 1, count: 129))
    #expect(throws: RepositoryError.fieldTooLong(.outbox, byteCount: 129, limit: 128)) { try long.encoded() }
  }

  @Test func `what is due longest comes first, and what is not due yet does not come`() throws {
    let test = try seeded([
      Self.message(1, due: 300), Self.message(2, due: 100), Self.message(3, due: -5), Self.message(4, due: 200),
      Self.message(5, due: 200),
    ])
    #expect(try due(test, at: 200) == [3, 2, 4, 5])
    #expect(try due(test, at: 200, limit: 2) == [3, 2])
    #expect(try due(test, at: -6) == [])
    #expect(try due(test, at: .max - 1).count == 5)
    let next = try test.store.read { (transaction) throws(RepositoryError) in try test.store.outbox.nextDue(in: &transaction) }
    #expect(next == -5)
    #expect(try test.checkIntegrity())
  }

  @Test func `a message that is put off counts its tries and keeps its name; one that is gone stays gone`() throws {
    let message = Self.message(1, due: 100)
    let test = try seeded([message])
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.outbox.putOff(message, until: 500, in: &transaction)
      // Under its old key it is not there any more.
      try test.store.outbox.putOff(message, until: 900, in: &transaction)
    }
    #expect(try due(test, at: 499) == [])
    let found = try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.outbox.due(at: 500, limit: 9, in: &transaction)
    }
    #expect(found.map(\.id) == [message.id] && found.map(\.attempts) == [1])
    var many = Self.message(2, due: 1)
    many.attempts = .max
    let last = many
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.outbox.insert(last, in: &transaction)
      try test.store.outbox.putOff(last, until: 2, in: &transaction)
      try test.store.outbox.delete(found[0], in: &transaction)
      try test.store.outbox.delete(found[0], in: &transaction)
    }
    #expect(try due(test, at: 1000) == [2])
    #expect(try test.checkIntegrity())
  }

  @Test func `figures tell how many wait and when the oldest was written, and a user's messages go together`() throws {
    let test = try seeded((1...6).map { Self.message($0, due: 1000 - Int64($0), user: $0 % 2) })
    func figures(_ limit: Int) throws -> [Int64] {
      try test.store.read { (transaction) throws(RepositoryError) in
        let (count, oldest) = try test.store.outbox.figures(limit: limit, in: &transaction)
        return [Int64(count), oldest ?? 0]
      }
    }
    #expect(try figures(100) == [6, 1_780_000_000_001])
    #expect(try figures(2)[0] == 2)
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.outbox.deleteAll(of: UUID(high: 0, low: 1), in: &transaction)
    }
    #expect(try figures(100) == [3, 1_780_000_000_002])
    #expect(try test.checkIntegrity())
  }
}
