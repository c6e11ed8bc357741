// Record bytes: golden vectors, limits, and damage that is reported instead of trapped on.

import Codecs
import TestSupport
import Testing

@testable import Repositories

@Suite struct RecordTests {
  private let user = makeUser(1, email: "Ann@Example.org", name: "Änn")

  private func decodeUser(_ bytes: [UInt8]) throws(RecordDamage) -> UserRecord {
    try UserRecord(id: user.id, decoding: bytes.span)
  }

  private func decodeSession(_ bytes: [UInt8]) throws(RecordDamage) -> SessionRecord {
    try SessionRecord(id: UUID(high: 0, low: 0), decoding: bytes.span)
  }

  /// What decoding says: nil for success.
  private func damage<Row>(_ decode: () throws(RecordDamage) -> Row) -> RecordDamage? {
    do throws(RecordDamage) {
      _ = try decode()
      return nil
    } catch {
      return error
    }
  }

  @Test func `a user has the bytes of docs/records.md section 3`() throws {
    var user = user
    user.status = .disabled
    user.isEmailVerified = true
    user.epoch = 0x0102_0304
    user.revision = 7
    user.lastLoginAt = -2
    user.passwordChangedAt = 5
    let golden =
      "01" + "02" + "0100" + "04030201" + "0700000000000000" + "008844709e010000" + "018844709e010000" + "feffffffffffffff"
      + "0500000000000000" + "010400" + "75736572" + "020f00" + "416e6e404578616d706c652e6f7267" + "030400" + "c3846e6e"
      + "040b00" + "246172676f6e32696424" + "78"
    let bytes = try user.encoded()
    #expect(Hex.encodedString(bytes.span) == golden)
    #expect(try decodeUser(bytes) == user)
    user.metadata = Array(#"{"a":1}"#.utf8)
    user.appMetadata = Array(#"{"b":[]}"#.utf8)
    let objects = "050700" + "7b2261223a317d" + "060800" + "7b2262223a5b5d7d"
    let longer = try user.encoded()
    #expect(Hex.encodedString(longer.span) == golden + objects)
    #expect(try decodeUser(longer) == user)
  }

  @Test func `metadata that are no object are damage`() throws {
    let bytes = try user.encoded()
    for field in [
      [5, 0, 0], [5, 1, 0, 0x7b], [5, 2, 0, 0x7b, 0x7d], [6, 3, 0, 0x7b, 0x20, 0x5d], [6, 3, 0, 0x5b, 0x20, 0x7d],
    ] as [[UInt8]] {
      #expect(
        damage { () throws(RecordDamage) in try decodeUser(bytes + field) } == .invalidField(offset: bytes.count + 3), "\(field)")
    }
  }

  @Test func `a session has the bytes of docs/records.md section 4`() throws {
    var session = makeSession(2, of: user)
    session.generation = 3
    session.replayCount = 2
    session.rotationKey = InlineArray { UInt8(0xf0 + $0) }
    let head = "01" + "01" + "01" + "02" + "03000000" + "0198f3c0000070008000000000000001" + "01000000"
    let times = "008844709e010000" + "008844709e010000" + "008844709e010000" + "a00e46709e010000" + "409547709e010000"
    let secrets = "000102030405060708090a0b0c0d0e0f" + "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    let tail = "010e00" + "3230332e302e3131332e302f3234" + "020600" + "6375726c2f38" + "030700" + "6b696f736b2d33"
    let bytes = try session.encoded()
    #expect(Hex.encodedString(bytes.span) == head + times + secrets + tail)
    #expect(try decodeSession(bytes).encoded() == bytes)
  }

  @Test func `each flag of a user has its bit`() throws {
    let flags: [(bit: Int, flag: WritableKeyPath<UserRecord, Bool>)] = [
      (0, \.isEmailVerified), (1, \.mustChangePassword), (3, \.isDisabledWhenRestored),
    ]
    for (bit, flag) in flags {
      var user = user
      user[keyPath: flag] = true
      let bytes = try user.encoded()
      #expect(bytes[2] == 1 << bit && bytes[3] == 0)
      #expect(try decodeUser(bytes) == user)
    }
    for count in [0, 1, 10] {
      var user = user
      user.recoveryCodesLeft = count
      let bytes = try user.encoded()
      #expect(bytes[2] == 1 << 2 && bytes[3] == count)
      #expect(try decodeUser(bytes) == user)
    }
    var bytes = try user.encoded()
    for (low, high) in [(0, 1), (4, 11), (0, 16)] as [(UInt8, UInt8)] {
      (bytes[2], bytes[3]) = (low, high)
      #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .invalidField(offset: 2), "\(low), \(high)")
    }
    bytes[3] = 0
    bytes[2] = 1 << 4
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .invalidField(offset: 2))
  }

  @Test func `what may be left out comes back as nothing`() throws {
    var user = user
    user.passwordHash = nil
    #expect(try decodeUser(user.encoded()).passwordHash == nil)
    var session = makeSession(2, of: user)
    session.deviceName = nil
    let back = try decodeSession(session.encoded())
    #expect(back.deviceName == nil)
    #expect(back.rotationKey == nil)
  }

  @Test func `a record cut at any byte is an error`() throws {
    let bytes = try user.encoded()
    let optional = bytes.count - 14  // without the last field a user is one that waits for a password
    for count in 0..<bytes.count where count != optional {
      #expect(damage { () throws(RecordDamage) in try decodeUser(Array(bytes.prefix(count))) } != nil, "user of \(count) bytes")
    }
    let session = try makeSession(2, of: user).encoded()
    for count in 0..<session.count where count != session.count - 10 {
      #expect(
        damage { () throws(RecordDamage) in try decodeSession(Array(session.prefix(count))) } != nil, "session of \(count) bytes")
    }
  }

  @Test func `a glimpse of any damaged record is an error or what decoding says`() throws {
    var random = SeededGenerator.announced("damaged records")
    let whole = (user: try user.encoded(), session: try makeSession(2, of: user).encoded())
    for _ in 0..<(20_000 * testScale) {
      let isUser = random.number(0..<2) == 0
      var bytes = isUser ? whole.user : whole.session
      for _ in 0..<random.number(1..<4) { bytes[random.number(0..<bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
      if random.number(0..<4) == 0 { bytes.removeLast(random.number(0..<bytes.count)) }
      if isUser {
        guard let record = try? decodeUser(bytes) else {
          _ = try? UserGlimpse(bytes.span)
          continue
        }
        let glimpse = try UserGlimpse(bytes.span)
        #expect(glimpse.status == record.status && glimpse.epoch == record.epoch && glimpse.role == record.role)
        #expect(glimpse.mustChangePassword == record.mustChangePassword && glimpse.isEmailVerified == record.isEmailVerified)
      } else {
        guard let record = try? decodeSession(bytes) else {
          _ = try? SessionGlimpse(bytes.span)
          continue
        }
        let glimpse = try SessionGlimpse(bytes.span)
        #expect(glimpse.userID == record.userID && glimpse.userEpoch == record.userEpoch)
        #expect(glimpse.authenticatedAt == record.authenticatedAt)
        #expect(glimpse.idleExpiresAt == record.idleExpiresAt && glimpse.expiresAt == record.expiresAt)
      }
    }
  }

  @Test func `each kind of damage has its name`() throws {
    var bytes = try user.encoded()
    bytes[0] = 2
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .unknownVersion(2))
    bytes[0] = 1
    bytes[1] = 4
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .invalidField(offset: 1))
    bytes[1] = 1
    bytes[3] = 0x80
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .invalidField(offset: 2))
    bytes[3] = 0
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes + [3, 0, 0]) } == .invalidField(offset: bytes.count))
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes + [9, 0, 0]) } == .invalidField(offset: bytes.count + 3))
    #expect(damage { () throws(RecordDamage) in try decodeUser(Array(bytes.prefix(48))) } == .missingField(tag: 1))
    bytes[51] = 0x20  // the role's first letter
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .missingField(tag: 1))
    var session = try makeSession(1, of: user).encoded()
    session[4] = 0
    #expect(damage { () throws(RecordDamage) in try decodeSession(session) } == .invalidField(offset: 4))
    session[4] = 1
    session[2] = 0x80
    #expect(damage { () throws(RecordDamage) in try decodeSession(session) } == .invalidField(offset: 2))
  }

  @Test func `text that is not UTF-8 is damage`() throws {
    var bytes = try user.encoded()
    bytes[bytes.count - 14 - 1] = 0xff  // the last byte of the name
    #expect(damage { () throws(RecordDamage) in try decodeUser(bytes) } == .invalidField(offset: bytes.count - 14 - 4))
  }

  @Test func `fields are bounded when they are written`() throws {
    func refusal(_ change: (inout UserRecord) -> Void) -> RepositoryError? {
      var user = user
      change(&user)
      do throws(RepositoryError) {
        _ = try user.encoded()
        return nil
      } catch {
        return error
      }
    }
    let limits: [(Int, (inout UserRecord, String) -> Void)] = [
      (254, { $0.email = $1 }), (800, { $0.name = $1 }), (512, { $0.passwordHash = $1 }),
      (4096, { $0.metadata = Array($1.utf8) }),
      (4096, { $0.appMetadata = Array($1.utf8) }),
    ]
    for (limit, set) in limits {
      #expect(refusal { set(&$0, String(repeating: "x", count: limit)) } == nil)
      #expect(
        refusal { set(&$0, String(repeating: "x", count: limit + 1)) }
          == .fieldTooLong(.users, byteCount: limit + 1, limit: limit))
    }
  }

  @Test func `role names are few letters and nothing else`() {
    for good in ["a", "admin", "support-2", "a_b", String(repeating: "z", count: 64)] { #expect(RoleName(good)?.text == good) }
    for bad in ["", "A", "1a", "_a", "-a", "a b", "a.b", "ä", String(repeating: "z", count: 65)] { #expect(RoleName(bad) == nil) }
    #expect(RoleName("admin") == .admin)
    #expect(RoleName.admin != .user)
  }
}
