// Second factors in a real database: bytes, what a user's own record says of them, and what does not fit.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct SecondFactorTests {
  private let ann = makeUser(1, email: "ann@example.org")

  private func factors(codes: Int = 0, pending: Bool = false, enabled: Bool = true) -> SecondFactorRecord {
    SecondFactorRecord(
      userID: ann.id, sealedSecret: enabled ? [0xaa, 0xbb] : nil, lastStep: enabled ? 0x0102 : 0, enabledAt: enabled ? 0x0304 : 0,
      pending: pending ? .init(sealedSecret: [0xcc], endsAt: 0x0506) : nil,
      recoveryDigests: (0..<codes).map(digest))
  }

  private func digest(_ number: Int) -> SecondFactorRecord.CodeDigest {
    var digest = SecondFactorRecord.CodeDigest(repeating: 0)
    for index in digest.indices { digest[index] = UInt8(16 * number + index % 16) }
    return digest
  }

  private func damage(_ bytes: [UInt8]) -> RecordDamage? {
    do throws(RecordDamage) {
      _ = try SecondFactorRecord(id: ann.id, decoding: bytes.span)
      return nil
    } catch { return error }
  }

  private func report(_ test: TestStore) throws -> RecordReport {
    try RecordCheck.run { body throws(RepositoryError) in
      let everything: [UInt8] = []
      try test.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending, body)
      }
    }
  }

  @Test func `second factors have the bytes of docs/records.md section 8`() throws {
    let head = "01" + "0201000000000000" + "0403000000000000"
    let digest = "000102030405060708090a0b0c0d0e0f"
    let fields = "010200aabb" + "020100cc" + "032000" + digest + digest
    #expect(try hex(factors(codes: 1, pending: true)) == head + "0605000000000000" + fields)
    #expect(try hex(factors()) == head + "0000000000000000" + "010200aabb")
    let waiting = "01" + String(repeating: "00", count: 16) + "0605000000000000" + "020100cc"
    #expect(try hex(factors(pending: true, enabled: false)) == waiting)
    for record in [factors(), factors(codes: 10, pending: true), factors(pending: true, enabled: false)] {
      let bytes = try record.encoded()
      let decoded = try SecondFactorRecord(id: ann.id, decoding: bytes.span)
      #expect(decoded == record)
    }
  }

  private func hex(_ record: SecondFactorRecord) throws -> String {
    let bytes = try record.encoded()
    return Hex.encodedString(bytes.span)
  }

  @Test func `bytes that no version wrote are damage, not a trap`() throws {
    let whole = try factors(codes: 2, pending: true).encoded()
    // A record that ends behind a field is whole, so only the last field and the fixed ones are cut here.
    for count in Array(0..<25) + Array((whole.count - 66)..<whole.count) where count != whole.count - 67 {
      #expect(damage(Array(whole[..<count])) != nil, "\(count) bytes")
    }
    #expect(damage([2] + whole[1...]) == .unknownVersion(2))
    #expect(damage(whole + [4, 0, 0]) == .invalidField(offset: whole.count + 3))
    let head = Array(whole[..<25])
    let noPending = Array(head[..<17]) + [UInt8](repeating: 0, count: 8)
    #expect(damage(noPending) == .missingField(tag: 1))
    #expect(damage(noPending + [2, 1, 0, 0xcc]) == .invalidField(offset: 17), "an enrolment that never ends")
    #expect(damage(head + [1, 1, 0, 0xaa]) == .invalidField(offset: 17), "an end without an enrolment")
    let digests = [UInt8](repeating: 7, count: 32)
    #expect(damage(noPending + [3, 32, 0] + digests) == .invalidField(offset: 28), "codes without an app")
    #expect(damage(noPending + [1, 1, 0, 0xaa, 3, 0, 0]) == .invalidField(offset: 32))
    #expect(damage(noPending + [1, 1, 0, 0xaa, 3, 31, 0] + digests.dropLast()) == .invalidField(offset: 32))
    let eleven = (0..<11).flatMap { _ in digests }
    #expect(damage(noPending + [1, 1, 0, 0xaa, 3, 0x60, 1] + eleven) == .invalidField(offset: 32))
    #expect(damage(noPending + [1, 1, 0, 0xaa, 3, 0x40, 1] + eleven.dropLast(32)) == nil)
  }

  @Test func `a user's record says what the row says, from one transaction to the next`() throws {
    let test = try TestStore()
    try test.write { (transaction) throws(RepositoryError) in try test.store.users.insert(ann, in: &transaction) }
    func said() throws -> (isEnabled: Bool, codes: Int) {
      let user = try test.store.read { (transaction) throws(RepositoryError) in
        try test.store.users.find(ann.id, in: &transaction)
      }
      let record = try #require(user)
      return (record.hasSecondFactors, record.recoveryCodesLeft ?? 0)
    }
    func put(_ record: SecondFactorRecord?) throws {
      try test.write { (transaction) throws(RepositoryError) in
        guard let old = try test.store.users.find(ann.id, in: &transaction) else { throw .rowMissing(.users) }
        var new = old
        if let record {
          try test.store.secondFactors.put(record, noting: &new, in: &transaction)
        } else {
          try test.store.secondFactors.remove(from: &new, in: &transaction)
        }
        try test.store.users.update(new, replacing: old, in: &transaction)
      }
    }
    for codes in [0, 1, 10] {
      try put(factors(codes: codes))
      #expect(try said() == (true, codes))
      #expect(try report(test).problems == [])
    }
    try test.reopen()
    #expect(try said() == (true, 10))
    try put(factors(pending: true, enabled: false))
    #expect(try said() == (false, 0))
    #expect(try report(test).problems == [], "who is only setting an app up has none yet")
    try put(nil)
    try put(nil)
    #expect(try said() == (false, 0))
    #expect(try test.checkIntegrity())
  }

  @Test func `a record and a row that do not agree are named`() throws {
    let test = try TestStore()
    var user = ann
    user.recoveryCodesLeft = 3
    let stored = user
    try test.write { (transaction) throws(RepositoryError) in try test.store.users.insert(stored, in: &transaction) }
    let key = [0x18] + ann.id.list
    let missing = "user \(ann.id) has no entry in \"second factors\""
    #expect(try report(test).problems == [missing])
    try test.plant(factors(codes: 3).encoded(), at: key)
    #expect(try report(test).problems == [])
    try test.plant(factors(codes: 2).encoded(), at: key)
    #expect(try report(test).problems.contains(missing))
    try test.plant([9], at: key)
    #expect(try report(test).problems.contains { $0.contains("second factors") && $0.contains("version 9") })
    try test.plant(factors(codes: 3).encoded(), at: key)
    try test.plant(factors().encoded(), at: [0x18] + UUID(high: 5, low: 5).list)
    #expect(try report(test).problems.count == 1, "a row of nobody")
  }
}
