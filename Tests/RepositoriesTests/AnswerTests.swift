// Kept answers in a real database: bytes, bounds, who makes way, what is over, and what a check finds.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct AnswerTests {
  private func name(_ asker: UInt64, _ request: UInt64) -> AnswerName {
    AnswerName(asker: UUID(high: 7, low: asker), request: UUID(high: 9, low: request))
  }

  private func answer(_ asker: UInt64, _ request: UInt64, endsAt: Int64 = 5000, byteCount: Int = 40) -> AnswerRecord {
    AnswerRecord(
      name: name(asker, request), endsAt: endsAt, fingerprint: UUID(high: 3, low: 4),
      box: [UInt8](repeating: 0xab, count: byteCount))
  }

  private func keep(_ answers: [AnswerRecord], _ limits: AnswerLimits = AnswerLimits(), in test: TestStore) throws {
    for answer in answers {
      try test.write { (transaction) throws(RepositoryError) in
        try test.store.answers.keep(answer, within: limits, in: &transaction)
      }
    }
  }

  private func find(_ name: AnswerName, in test: TestStore) throws -> AnswerRecord? {
    try test.store.read { (transaction) throws(RepositoryError) in try test.store.answers.find(name, in: &transaction) }
  }

  private func count(of asker: UInt64, in test: TestStore) throws -> Int {
    try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.answers.count(of: UUID(high: 7, low: asker), in: &transaction)
    }
  }

  private func state(in test: TestStore) throws -> AnswerState {
    try test.store.read { (transaction) throws(RepositoryError) in try AnswerRepository.state(in: &transaction) }
  }

  private func damage(_ bytes: [UInt8]) -> RecordDamage? {
    do throws(RecordDamage) {
      _ = try AnswerRecord(name: name(1, 1), decoding: bytes.span)
      return nil
    } catch { return error }
  }

  @Test func `an answer has the bytes of docs/records.md section 13`() throws {
    let answer = answer(1, 2, endsAt: 0x0102, byteCount: 2)
    let bytes = try answer.encoded()
    let fingerprint = "0000000000000003" + "0000000000000004"
    #expect(Hex.encodedString(bytes.span) == "01" + "0201000000000000" + fingerprint + "02000000" + "abab")
    #expect(try AnswerRecord(name: answer.name, decoding: bytes.span) == answer)
  }

  @Test func `bytes that no version wrote are damage, not a trap`() throws {
    let bytes = try answer(1, 2, byteCount: 3).encoded()
    for count in bytes.indices {
      #expect(damage(Array(bytes[..<count])) == .truncated(offset: [0, 1, 9, 25, 29].last { $0 <= count }!))
    }
    #expect(damage(bytes + [0]) == .trailingBytes(offset: 32))
    #expect(damage([2] + bytes.dropFirst()) == .unknownVersion(2))
    var empty = Array(bytes[..<29])
    empty[25] = 0
    #expect(damage(empty) == .invalidField(offset: 25))
  }

  @Test func `an answer of the greatest size is kept, and of one byte more refused`() throws {
    let greatest = AnswerRecord.maxBoxByteCount
    #expect(try answer(1, 1, byteCount: greatest).encoded().count == greatest + 29)
    #expect(greatest + 29 <= StorageLimits.maxValueByteCount)
    #expect(throws: RepositoryError.fieldTooLong(.idempotentAnswers, byteCount: greatest + 1, limit: greatest)) {
      try answer(1, 2, byteCount: greatest + 1).encoded()
    }
    let test = try TestStore()
    let limits = AnswerLimits(maxByteCount: 1029)
    try keep([answer(1, 1, byteCount: 1000)], limits, in: test)
    #expect(throws: RepositoryError.fieldTooLong(.idempotentAnswers, byteCount: 1030, limit: 1029)) {
      try keep([answer(1, 2, byteCount: 1001)], limits, in: test)
    }
    #expect(try state(in: test).rowCount == 1 && find(name(1, 1), in: test)?.box.count == 1000 && test.checkIntegrity())
  }

  @Test func `one more than there is room for makes the one go that ends first, whoever asked`() throws {
    let test = try TestStore()
    let limits = AnswerLimits(maxCount: 3)
    try keep([answer(1, 1, endsAt: 30), answer(1, 2, endsAt: 10), answer(2, 3, endsAt: 20)], limits, in: test)
    #expect(try state(in: test).rowCount == 3)
    try keep([answer(2, 4, endsAt: 5)], limits, in: test)
    #expect(try find(name(1, 2), in: test) == nil && find(name(2, 4), in: test) != nil)
    #expect(try count(of: 1, in: test) == 1 && count(of: 2, in: test) == 2)
    // The same name again takes its own place.
    try keep([answer(2, 4, endsAt: 50)], limits, in: test)
    #expect(try state(in: test).rowCount == 3 && find(name(2, 3), in: test) != nil && find(name(2, 4), in: test)?.endsAt == 50)
    try test.reopen()
    #expect(try state(in: test).rowCount == 3 && test.checkIntegrity())
  }

  @Test func `bytes are bounded as rows are, by as many as it takes`() throws {
    let test = try TestStore()
    let limits = AnswerLimits(maxByteCount: 83_000)
    try keep((0..<8).map { answer(1, $0, endsAt: Int64($0), byteCount: 10_000) }, limits, in: test)
    #expect(try state(in: test) == AnswerState(rowCount: 8, byteCount: 8 * 10_029))
    try keep([answer(2, 1, endsAt: 99, byteCount: 52_000)], limits, in: test)
    let left = try (0..<8).filter { try find(name(1, $0), in: test) != nil }
    #expect(left == [5, 6, 7])
    #expect(try state(in: test) == AnswerState(rowCount: 4, byteCount: 3 * 10_029 + 52_029) && test.checkIntegrity())
  }

  @Test func `what ended by a moment goes, a bounded number at once, and nothing that ends a millisecond later`() throws {
    let test = try TestStore()
    try keep((0..<10).map { answer($0 % 2, $0, endsAt: 100 + Int64($0)) }, in: test)
    func sweep(_ moment: Int64, _ limit: Int) throws -> Int {
      try test.write { (transaction) throws(RepositoryError) in
        try test.store.answers.sweep(endedBy: moment, limit: limit, in: &transaction)
      }
    }
    #expect(try sweep(99, 100) == 0)
    #expect(try sweep(106, 4) == 4 && sweep(106, 4) == 3 && sweep(106, 4) == 0)
    #expect(try (0..<10).filter { try find(name($0 % 2, $0), in: test) != nil } == [7, 8, 9])
    #expect(try count(of: 0, in: test) == 1 && count(of: 1, in: test) == 2)
    #expect(try sweep(.max - 1, 100) == 3 && state(in: test) == AnswerState() && count(of: 1, in: test) == 0)
    #expect(try test.checkIntegrity())
  }

  @Test func `a check finds an answer too many or too few, for the store and for each asker`() throws {
    let test = try TestStore()
    try keep([answer(1, 1), answer(1, 2), answer(2, 3)], in: test)
    let row = [0x58] + UUID(high: 7, low: 1).list + UUID(high: 9, low: 2).list
    let count = [0x58] + UUID(high: 7, low: 1).list
    let state: [UInt8] = [0x01, 0x0a]
    #expect(try problems(test).isEmpty)
    for (key, other) in [(row, nil), (count, nil), (count, [1, 9, 0, 0, 0]), (state, nil), (row, [1])] as [([UInt8], [UInt8]?)] {
      let before = try #require(try bytes(at: key, in: test))
      if let other { try test.plant(other, at: key) } else { try test.erase(key) }
      #expect(try !problems(test).isEmpty, "\(key)")
      try test.plant(before, at: key)
      #expect(try problems(test).isEmpty)
    }
  }

  private func bytes(at key: [UInt8], in test: TestStore) throws -> [UInt8]? {
    try test.store.read { (transaction) throws(RepositoryError) in
      try transaction.get(key.span) { (value) throws(RepositoryError) in value.array() }
    }
  }

  private func problems(_ test: TestStore) throws -> [String] {
    try RecordCheck.run { (body) throws(RepositoryError) in
      let everything: [UInt8] = []
      try test.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending, body)
      }
    }.problems
  }
}
