// Throttle counters and known devices in the store: bytes, the bound, who makes way, and the sweep.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct ThrottleTests {
  private static func id(_ number: UInt64) -> UUID { UUID(high: 0x0198_F3C0_0000_7000, low: 0x8000_0000_0000_0000 | number) }
  private static func counter(_ failures: UInt16, end: Int64) -> ThrottleCounter {
    ThrottleCounter(end: end, moment: 7, counts: InlineArray { $0 == 0 ? failures : 0 })
  }

  private static func put(_ server: TestStore, _ rows: [(UInt64, UInt16, Int64)], maxRowCount: Int = 1000) throws {
    try server.write { (transaction) throws(RepositoryError) in
      var changes: [ThrottleRepository.Change] = []
      for (number, failures, end) in rows {
        let key = ThrottleKey(.loginID, id(number))
        let old = try server.store.throttle.find(key, in: &transaction)
        changes.append(.init(key, from: old, to: counter(failures, end: end)))
      }
      try server.store.throttle.apply(changes, at: 50, maxRowCount: maxRowCount, in: &transaction)
    }
  }

  private static func numbers(_ server: TestStore, among all: ClosedRange<UInt64>) throws -> [UInt64] {
    try server.store.read { (transaction) throws(RepositoryError) in
      var found: [UInt64] = []
      for number in all {
        if try server.store.throttle.find(ThrottleKey(.loginID, id(number)), in: &transaction) != nil { found.append(number) }
      }
      return found
    }
  }

  private static func problems(_ server: TestStore) throws -> [String] {
    try server.database.read { (transaction) throws(RepositoryError) in
      let everything: [UInt8] = []
      return try RecordCheck.run { body throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending, body)
      }.problems
    }
  }

  @Test func `counters have the bytes of docs/records.md section 10`() throws {
    let key = ThrottleKey(.loginPair, Self.id(1), client: 0x0102_0304_0506_0708)
    let pair = Self.counter(5, end: 0x0a0b)
    let row = "4801" + "0198f3c0000070008000000000000001" + "0102030405060708"
    #expect(Hex.encodedString(pair.encoded().span) == "01" + "03" + "0b0a000000000000" + "0700000000000000" + "0500")
    ThrottleRepository.rowKey(key).withSpan { #expect(Hex.encodedString($0) == row) }
    ThrottleRepository.indexKey(key, pair).withSpan {
      #expect(Hex.encodedString($0) == "49" + "03" + "8000000000000a0b" + row.dropFirst(2))
    }
    var slices = Self.counter(0, end: 1)
    slices.counts[2] = 0x0102
    let bytes = slices.encoded()
    #expect(Hex.encodedString(bytes.span) == "01" + "09" + "0100000000000000" + "0700000000000000" + "000000000201")
    for count in 0..<bytes.count { #expect(Self.decoded(Array(bytes.prefix(count))) != bytes, "\(count) bytes") }
    #expect(Self.decoded(bytes) == bytes)
    #expect(Self.decoded(bytes + [0]) == nil && Self.decoded(bytes + [UInt8](repeating: 0, count: 28)) == nil)
    var wrong = bytes
    wrong[1] = 4
    #expect(Self.decoded(wrong) == nil, "a rank that is not the counts'")
    var full = Self.counter(.max, end: 1)
    for index in full.counts.indices { full.counts[index] = .max }
    #expect(full.rank == ThrottleCounter.maxRank)
  }

  private static func decoded(_ bytes: [UInt8]) -> [UInt8]? { try? ThrottleCounter(decoding: bytes.span).encoded() }

  @Test func `the one with the fewest failures makes way, and among those the one that ends first`() throws {
    let server = try TestStore()
    try Self.put(server, [(1, 100, 10), (2, 3, 900), (3, 2, 800), (4, 1, 700), (5, 1, 600)], maxRowCount: 5)
    #expect(try Self.numbers(server, among: 1...9) == [1, 2, 3, 4, 5])
    try Self.put(server, [(6, 1, 500)], maxRowCount: 5)
    #expect(try Self.numbers(server, among: 1...9) == [1, 2, 3, 4, 6], "never the one that came just now")
    try Self.put(server, [(7, 1, 500), (8, 1, 500)], maxRowCount: 5)
    #expect(try Self.numbers(server, among: 1...9) == [1, 2, 3, 7, 8])
    try Self.put(server, [(7, 8, 500), (8, 8, 500), (9, 1, 1)], maxRowCount: 5)
    #expect(try Self.numbers(server, among: 1...9) == [1, 2, 7, 8, 9])
    #expect(try Self.problems(server) == [])
    #expect(try server.checkIntegrity())
  }

  @Test func `a flood of new keys stays within the bound and leaves what holds an attack back`() throws {
    let server = try TestStore()
    let bound = 500
    try Self.put(server, [(1, 100, 10)], maxRowCount: bound)
    var number: UInt64 = 2
    for _ in 0..<(40 * testScale) {
      try Self.put(server, (0..<50).map { (number + $0, 1, Int64(1000 + number + $0)) }, maxRowCount: bound)
      number += 50
    }
    let state = try server.store.read { (transaction) throws(RepositoryError) in try ThrottleRepository.state(in: &transaction) }
    #expect(state.rowCount == UInt64(bound))
    #expect(try Self.numbers(server, among: 1...1) == [1])
    #expect(try Self.problems(server) == [])
    #expect(try server.checkIntegrity())
  }

  @Test func `the sweep takes what has ended, in slices, whatever its rank`() throws {
    let server = try TestStore()
    try Self.put(server, (1...20).map { (UInt64($0), UInt16($0 * 100), Int64($0)) })
    func sweep(_ moment: Int64, _ limit: Int) throws -> Int {
      try server.write { (transaction) throws(RepositoryError) in
        try server.store.throttle.sweep(endedBy: moment, limit: limit, in: &transaction)
      }
    }
    #expect(try sweep(0, 100) == 0)
    #expect(try sweep(15, 10) == 10)
    #expect(try sweep(15, 10) == 5)
    #expect(try sweep(15, 10) == 0)
    #expect(try Self.numbers(server, among: 1...20) == [16, 17, 18, 19, 20])
    #expect(try Self.problems(server) == [])
    try server.reopen()
    #expect(server.store.throttleMoment == 50)
  }

  @Test func `the check names counters without entries and counts that are wrong`() throws {
    let server = try TestStore()
    try Self.put(server, [(1, 1, 10), (2, 2, 20)])
    let key = ThrottleKey(.loginID, Self.id(1))
    let row = ThrottleRepository.rowKey(key).withSpan { span in span.indices.map { span[$0] } }
    try server.erase(row)
    let found = try Self.problems(server)
    #expect(found.contains { $0.contains("throttle counters by end") } && found.contains { $0.contains("the store says 2") })
  }

  @Test func `sixteen networks of a user are kept, the latest ones`() throws {
    let server = try TestStore()
    let user = Self.id(1)
    func note(_ network: UInt64, at moment: Int64) throws {
      try server.write { (transaction) throws(RepositoryError) in
        try server.store.knownDevices.note(user, from: Self.id(network), at: moment, in: &transaction)
      }
    }
    func known() throws -> [UInt64] {
      try server.store.read { (transaction) throws(RepositoryError) in
        var found: [UInt64] = []
        for network in 1...UInt64(20) {
          if try server.store.knownDevices.lastLogin(of: user, from: Self.id(network), in: &transaction) != nil {
            found.append(network)
          }
        }
        return found
      }
    }
    for network in 1...UInt64(16) { try note(network, at: Int64(100 + network)) }
    try note(1, at: 200)
    #expect(try known() == Array(1...16))
    try note(17, at: 201)
    #expect(try known() == [1] + Array(3...17))
    try server.write { (transaction) throws(RepositoryError) in
      try server.store.knownDevices.note(Self.id(2), from: Self.id(18), at: 1, in: &transaction)
      try server.store.knownDevices.deleteAll(of: user, in: &transaction)
    }
    #expect(try known() == [])
    #expect(try Self.problems(server) == [])
  }
}
