// The audit trail: its bytes, its chain, what is found when somebody changes it, and what is left when the oldest go.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct AuditTests {
  private typealias Entry = (key: [UInt8], value: [UInt8])

  private static func id(_ number: UInt64) -> UUID { UUID(high: 0x0198_F3C0_0000_7000, low: 0x8000_0000_0000_0000 | number) }

  /// No hash to trust, but all bytes and their order count; this floor has no other.
  private static func hash(_ bytes: Span<UInt8>) -> AuditHash {
    var words: [UInt64] = [0xcbf2_9ce4_8422_2325, 1, 2, 3]
    for index in bytes.indices {
      for word in 0..<4 { words[word] = (words[word] ^ UInt64(bytes[index])) &* (0x100_0000_01b3 &+ UInt64(2 * word)) }
    }
    return AuditHash { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8)) }
  }

  private static func record(_ number: Int) -> AuditRecord {
    AuditRecord(
      number.isMultiple(of: 2) ? .loginFailed : .sessionBegun, at: 1_780_000_000_000 + Int64(number), actor: .user(id(7)),
      subject: id(UInt64(number)), session: number.isMultiple(of: 3) ? id(99) : nil, network: "203.0.113.0/24",
      addressTag: nil, details: .reason(.wrongPassword))
  }

  private static func fill(_ server: TestStore, _ count: Int) throws {
    for number in 1...count {
      try server.write { (transaction) throws(RepositoryError) in
        try server.store.audit.append(record(number), hash: hash, in: &transaction)
      }
    }
  }

  private static func entries(_ server: TestStore) throws -> [Entry] {
    var all: [Entry] = []
    let everything: [UInt8] = []
    try server.database.read { (transaction) throws(RepositoryError) in
      try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
        all.append((key.indices.map { key[$0] }, value.indices.map { value[$0] }))
        return .next
      }
    }
    return all
  }

  private static func check(_ entries: [Entry]) throws -> AuditReport {
    let sorted = entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    return try AuditCheck.run(from(sorted), hash: hash)
  }

  private static func from(_ sorted: [Entry]) -> EntriesFrom {
    { lower, body throws(RepositoryError) in
      for entry in sorted where !entry.key.lexicographicallyPrecedes(lower) {
        if try body(entry.key.span, entry.value.span) == .stop { return }
      }
    }
  }

  private static func newest(_ server: TestStore, before sequence: UInt64? = nil) throws -> [AuditRecord] {
    var found: [AuditRecord] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: sequence, in: &transaction) { record in
        found.append(record)
        return .next
      }
    }
    return found
  }

  /// What a record says when it is read and written again; nil if it is damaged.
  private static func decoded(_ bytes: [UInt8]) -> [UInt8]? { try? AuditRecord(sequence: 1, decoding: bytes.span).encoded() }

  @Test func `a record has the bytes of docs/records.md section 9`() throws {
    var record = AuditRecord(
      .sessionReuseDetected, at: 0x0102_0304_0506, actor: .key(Self.id(1)), subject: Self.id(2), session: Self.id(3),
      network: "local", addressTag: InlineArray { UInt8($0) },
      details: AuditDetails(reason: .usedCode, role: .admin, count: 0x0a0b_0c0d, policy: .loginNetwork))
    record.previous = AuditHash { UInt8(0xe0 + $0) }
    let golden =
      "01" + "03" + "0402" + "0605040302010000" + "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
      + "011000" + "0198f3c0000070008000000000000001" + "021000" + "0198f3c0000070008000000000000002"
      + "031000" + "0198f3c0000070008000000000000003" + "040500" + "6c6f63616c" + "051000"
      + "000102030405060708090a0b0c0d0e0f" + "060100" + "07" + "070500" + "61646d696e" + "080400" + "0d0c0b0a" + "090100"
      + "04"
    let bytes = try record.encoded()
    #expect(Hex.encodedString(bytes.span) == golden)
    #expect(Self.decoded(bytes) == bytes)
    let hashed = AuditRepository.hashed(0x0102, bytes.span)
    #expect(Hex.encodedString(hashed.span) == "75736572642061756469742031" + "0000000000000102" + golden)
  }

  @Test func `every kind of actor comes back, and a record cut or changed anywhere never traps`() throws {
    for actor in [AuditActor.nobody, .owner, .user(Self.id(4)), .key(Self.id(5))] {
      let record = AuditRecord(
        .keysRotated, at: 1, actor: actor, subject: nil, session: nil, network: nil, addressTag: nil, details: .none)
      let bytes = try record.encoded()
      let back = try AuditRecord(sequence: 1, decoding: bytes.span)
      #expect(back.actor == actor)
    }
    var random = SeededGenerator.announced("damaged audit records")
    let whole = try Self.record(3).encoded()
    for count in 0..<44 { #expect(Self.decoded(Array(whole.prefix(count))) == nil, "\(count) bytes") }
    for _ in 0..<(5_000 * testScale) {
      var bytes = whole
      for _ in 0..<random.number(1..<4) { bytes[random.number(0..<bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
      if let back = Self.decoded(bytes) { #expect(back == bytes) }
    }
  }

  @Test func `events, reasons and policies have names of their own`() {
    func names(_ all: [StaticString]) -> Set<String> { Set(all.map { "\($0)" }) }
    #expect(names(AuditEvent.allCases.map(\.name)).count == AuditEvent.allCases.count)
    #expect(names(AuditReason.allCases.map(\.name)).count == AuditReason.allCases.count)
    for event in AuditEvent.allCases {
      #expect("\(event.name)".utf8.allSatisfy { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 >= 0x61 && $0 <= 0x7a })
    }
  }

  @Test func `records follow each other, in number, hash and time`() throws {
    let server = try TestStore()
    try Self.fill(server, 3)
    try server.reopen()
    try server.write { (transaction) throws(RepositoryError) in
      var early = Self.record(4)
      early.time = 5
      try server.store.audit.append(early, hash: Self.hash, in: &transaction)
    }
    let found = try Self.newest(server)
    #expect(found.map(\.sequence) == [4, 3, 2, 1])
    #expect(found[0].time == found[1].time, "a clock that was set back does not show")
    #expect(try Self.newest(server, before: 3).map(\.sequence) == [2, 1])
    let all = try Self.entries(server)
    for (limit, expected) in [(1, [4]), (3, [2, 3, 4]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4])] as [(Int, [UInt64])] {
      #expect(try AuditCheck.newest(limit, Self.from(all)).map(\.sequence) == expected)
    }
    let report = try Self.check(Self.entries(server))
    #expect(report.isSound && report.count == 4 && report.first == 1 && report.next == 5)
    #expect(try server.checkIntegrity())
  }

  @Test func `a transaction that fails leaves no record`() throws {
    let server = try TestStore()
    #expect(throws: RepositoryError.emailTaken) {
      try server.write { (transaction) throws(RepositoryError) in
        try server.store.audit.append(Self.record(1), hash: Self.hash, in: &transaction)
        throw .emailTaken
      }
    }
    #expect(try Self.newest(server).isEmpty)
    #expect(try Self.check(Self.entries(server)).isSound)
  }

  @Test func `whatever is done to a record in the store is found`() throws {
    let server = try TestStore()
    try Self.fill(server, 8)
    let all = try Self.entries(server)
    let places = all.indices.filter { all[$0].key[0] == 0x40 }
    #expect(try Self.check(all).isSound)
    // Edited: any byte of any record, even its last.
    var random = SeededGenerator.announced("edited audit records")
    for (number, place) in places.enumerated() {
      for _ in 0..<(8 * testScale) {
        var edited = all
        let byte = random.number(0..<edited[place].value.count)
        edited[place].value[byte] ^= UInt8(random.number(1..<256))
        let misfit = try #require(try Self.check(edited).misfit, "byte \(byte) of record \(number + 1)")
        let near = UInt64(number + 1)...UInt64(min(number + 2, 8))
        #expect(near.contains(misfit.sequence), "byte \(byte) of record \(number + 1): \(misfit)")
      }
      // Removed: in the middle, at the beginning, at the end.
      var removed = all
      removed.remove(at: place)
      #expect(try Self.check(removed).misfit == .init(sequence: UInt64(number + 1), what: "it is missing"))
      // Swapped with the next.
      if number + 1 < places.count {
        var swapped = all
        swapped[place].value = all[places[number + 1]].value
        swapped[places[number + 1]].value = all[place].value
        #expect(try Self.check(swapped).misfit?.sequence == UInt64(number + 1))
      }
    }
    // Inserted: behind the end, before the beginning, and one number twice in another spelling.
    for number in [UInt64(9), 0, 200] {
      let key = AuditRepository.key(number).withSpan { span in span.indices.map { span[$0] } }
      #expect(try Self.check(all + [(key, all[places[0]].value)]).misfit?.what == "it does not belong to the trail")
    }
    #expect(try !Self.check(all + [([0x40, 0, 0, 0, 0, 0, 0, 0, 3, 0], all[places[2]].value)]).isSound)
    // Cut off at the end together with the row that names the end: the row says when.
    var cut = all
    cut.removeAll { $0.key == all[places[7]].key }
    #expect(try Self.check(cut).misfit == .init(sequence: 8, what: "it is missing"))
    // Without the row that names its ends the trail has no beginning.
    #expect(try !Self.check(all.filter { $0.key != [0x01, 0x08] }).isSound)
  }

  @Test func `the oldest go in slices, and the chain holds from what is left`() throws {
    let server = try TestStore()
    try Self.fill(server, 10)
    func drop(before number: Int, limit: Int) throws -> Int {
      try server.write { (transaction) throws(RepositoryError) in
        try server.store.audit.dropOldest(
          before: Self.record(number).time, limit: limit, hash: Self.hash, in: &transaction)
      }
    }
    #expect(try drop(before: 1, limit: 100) == 0)
    #expect(try drop(before: 8, limit: 3) == 3)
    #expect(try drop(before: 8, limit: 3) == 3)
    #expect(try drop(before: 8, limit: 3) == 1)
    #expect(try drop(before: 8, limit: 3) == 0)
    var report = try Self.check(Self.entries(server))
    #expect(report.isSound && report.first == 8 && report.count == 3)
    // What was dropped cannot be put back changed, nor the new oldest one be changed.
    var changed = try Self.entries(server)
    let place = try #require(changed.firstIndex { $0.key[0] == 0x40 })
    changed[place].value[20] ^= 1
    #expect(try Self.check(changed).misfit?.sequence == 8)
    #expect(try drop(before: 99, limit: 100) == 3)
    report = try Self.check(Self.entries(server))
    #expect(report.isSound && report.first == 11 && report.next == 11 && report.count == 0)
    try Self.fill(server, 1)
    #expect(try Self.newest(server).map(\.sequence) == [11])
    #expect(try Self.check(Self.entries(server)).isSound)
    #expect(try server.checkIntegrity())
  }
}
