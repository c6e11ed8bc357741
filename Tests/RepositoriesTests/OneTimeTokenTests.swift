// One-time tokens in a real database: bytes, the bounded number of a user, single use, and what has expired.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct OneTimeTokenTests {
  private let ann = makeUser(1, email: "ann@example.org")
  private let bob = makeUser(2, email: "bob@example.org")

  private func token(
    _ number: UInt8, of user: UserRecord, _ purpose: OneTimePurpose = .reset, created: Int64 = 1000, payload: [UInt8] = []
  ) -> OneTimeTokenRecord {
    OneTimeTokenRecord(
      digest: InlineArray { $0 == 0 ? number : UInt8($0) }, purpose: purpose, userID: user.id, userEpoch: user.epoch,
      createdAt: created, expiresAt: created + 500, payload: payload)
  }

  private func insert(_ tokens: [OneTimeTokenRecord], _ test: TestStore) throws {
    try test.write { (transaction) throws(RepositoryError) in
      for token in tokens { try test.store.oneTimeTokens.insert(token, in: &transaction) }
    }
  }

  private func all(of user: UserRecord, _ purpose: OneTimePurpose, _ test: TestStore) throws -> [OneTimeTokenRecord] {
    try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.oneTimeTokens.all(of: user.id, purpose, in: &transaction)
    }
  }

  private func take(_ token: OneTimeTokenRecord, _ test: TestStore) throws -> OneTimeTokenRecord? {
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.oneTimeTokens.take(token.digest, in: &transaction)
    }
  }

  private func damage(_ bytes: [UInt8]) -> RecordDamage? {
    do throws(RecordDamage) {
      _ = try OneTimeTokenRecord(digest: InlineArray(repeating: 0), decoding: bytes.span)
      return nil
    } catch { return error }
  }

  @Test func `a token has the bytes of docs/records.md section 7`() throws {
    var token = token(7, of: ann, .changeEmail, created: 0x0102, payload: [0xaa, 0xbb])
    token.tries = 4
    let head = "01" + "03" + "04" + "00" + "01000000" + "0198f3c0000070008000000000000001"
    let bytes = try token.encoded()
    #expect(Hex.encodedString(bytes.span) == head + "0201000000000000" + "f602000000000000" + "010200" + "aabb")
    #expect(try OneTimeTokenRecord(digest: token.digest, decoding: bytes.span) == token)
    token.payload = []
    #expect(try token.encoded().count == 40)
  }

  @Test func `bytes that no version wrote are damage, not a trap`() throws {
    let bytes = try token(7, of: ann, payload: [1]).encoded()
    for count in 0..<40 {
      #expect(damage(Array(bytes[..<count])) == .truncated(offset: [0, 1, 2, 3, 4, 8, 24, 32].last { $0 <= count }!))
    }
    for (offset, value) in [(1, 0), (1, 5), (3, 1)] as [(Int, UInt8)] {
      var broken = bytes
      broken[offset] = value
      #expect(damage(broken) == .invalidField(offset: offset))
    }
    var field = bytes
    field[40] = 2
    #expect(damage(field) == .invalidField(offset: 43))
    #expect(damage(Array(bytes[..<40]) + [1, 0, 0]) == .invalidField(offset: 43), "an empty payload has no field")
    let longest = token(7, of: ann, payload: [UInt8](repeating: 1, count: 512))
    #expect(try longest.encoded().count == 555)
    let long = token(7, of: ann, payload: [UInt8](repeating: 1, count: 513))
    #expect(throws: RepositoryError.fieldTooLong(.oneTimeTokens, byteCount: 513, limit: 512)) { try long.encoded() }
  }

  @Test(arguments: OneTimePurpose.allCases)
  func `a user never has more tokens of a purpose than it allows, and the oldest go`(_ purpose: OneTimePurpose) throws {
    let test = try TestStore()
    let limit = purpose.maxCount
    // Digests fall while times rise, so that neither order is taken for the other.
    let tokens = (0...limit).map { token(UInt8(200 - $0), of: ann, purpose, created: 1000 + Int64($0)) }
    try insert([token(1, of: bob, purpose), token(2, of: ann, purpose == .reset ? .verifyEmail : .reset)], test)
    try insert(Array(tokens.prefix(limit)), test)
    #expect(try all(of: ann, purpose, test).count == limit)
    try insert([tokens[limit]], test)
    #expect(try all(of: ann, purpose, test).map(\.createdAt).sorted() == tokens.dropFirst().map(\.createdAt))
    #expect(try take(tokens[0], test) == nil)
    #expect(try all(of: bob, purpose, test).count == 1)
    #expect(try all(of: ann, purpose == .reset ? .verifyEmail : .reset, test).count == 1)
    #expect(try test.checkIntegrity())
  }

  @Test func `a token is taken once, and gone with its index entry`() throws {
    let test = try TestStore()
    let token = token(9, of: ann, payload: [1, 2, 3])
    try insert([token], test)
    try test.reopen()
    #expect(try take(token, test) == token)
    #expect(try take(token, test) == nil)
    #expect(try all(of: ann, .reset, test).isEmpty)
    #expect(throws: RepositoryError.rowMissing(.oneTimeTokens)) {
      try test.write { (transaction) throws(RepositoryError) in try test.store.oneTimeTokens.update(token, in: &transaction) }
    }
    #expect(try test.checkIntegrity())
  }

  @Test func `tries are counted in the row, which stays one token`() throws {
    let test = try TestStore()
    var token = token(9, of: ann, .pendingLogin)
    try insert([token], test)
    token.tries = 5
    let tried = token
    try test.write { (transaction) throws(RepositoryError) in try test.store.oneTimeTokens.update(tried, in: &transaction) }
    #expect(try all(of: ann, .pendingLogin, test) == [tried])
    #expect(try test.checkIntegrity())
  }

  @Test func `all of a user's tokens of some purposes go, and nobody else's`() throws {
    let test = try TestStore()
    try insert(OneTimePurpose.allCases.map { token(10 + $0.rawValue, of: ann, $0) }, test)
    try insert(OneTimePurpose.allCases.map { token(20 + $0.rawValue, of: bob, $0) }, test)
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.oneTimeTokens.deleteAll(of: ann.id, [.reset, .pendingLogin], in: &transaction)
    }
    #expect(try OneTimePurpose.allCases.map { try all(of: ann, $0, test).count } == [0, 1, 1, 0])
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.oneTimeTokens.deleteAll(of: ann.id, in: &transaction)
    }
    #expect(try OneTimePurpose.allCases.map { try all(of: ann, $0, test).count } == [0, 0, 0, 0])
    #expect(try OneTimePurpose.allCases.map { try all(of: bob, $0, test).count } == [1, 1, 1, 1])
    #expect(try test.checkIntegrity())
  }

  @Test func `expired tokens are found slice by slice, each once, and the living are not among them`() throws {
    let test = try TestStore()
    var users: [UserRecord] = []
    for number in 0..<20 as Range<UInt64> { users.append(makeUser(100 + number, email: "u\(number)@example.org")) }
    try insert(
      users.enumerated().map { token(UInt8($0.offset), of: $0.element, created: $0.offset % 2 == 0 ? 1000 : 2000) }, test)
    var found: [UInt8] = []
    var last: OneTimeTokenRecord.Digest?
    var slices = 0
    repeat {
      let slice = try test.store.read { (transaction) throws(RepositoryError) in
        try test.store.oneTimeTokens.expired(at: 1500, after: last, limit: 7, in: &transaction)
      }
      found += slice.tokens.map { $0.digest[0] }
      last = slice.last
      slices += 1
    } while last != nil
    #expect(slices == 3)
    #expect(found == (0..<20).filter { $0 % 2 == 0 })
    #expect(try test.checkIntegrity())
  }

  @Test func `damage in a token or its index is an error that names the table`() throws {
    let test = try TestStore()
    let token = token(9, of: ann)
    try insert([token], test)
    let row = [0x30] + (0..<32).map { token.digest[$0] }
    try test.plant([1, 1], at: row)
    #expect(throws: RepositoryError.damaged(.oneTimeTokens, .truncated(offset: 2))) { try all(of: ann, .reset, test) }
    try test.erase(row)
    #expect(throws: RepositoryError.damaged(.oneTimeTokensByUser, .brokenIndex)) { try all(of: ann, .reset, test) }
  }
}
