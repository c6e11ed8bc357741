// Records against indexes: silent about sound stores, and each difference is named. docs/records.md §6.

import Codecs
import Storage
import Testing

@testable import Repositories

struct RecordCheckTests {
  private typealias Entry = (key: [UInt8], value: [UInt8])

  private static func id(_ number: UInt64) -> UUID { UUID(high: 0x0198_F3C0_0000_7000, low: 0x8000_0000_0000_0000 | number) }

  /// A store of so many users with one session and one token each.
  private static func entries(_ count: UInt64) throws -> [Entry] {
    var entries: [Entry] = []
    var version = RecordWriter(version: 1)
    version.append(UInt32(3))
    entries.append(([0x01, 0x01], version.bytes))
    entries.append(([0x01, 0x02], StoreIdentity(uuid: id(0), epoch: 7).encoded()))
    for number in 1...count {
      let role = try #require(RoleName("user"))
      let user = UserRecord(
        id: id(number), status: number % 2 == 0 ? .disabled : .active, createdAt: 1, updatedAt: 1, role: role,
        email: "P\(number)@Example.org", name: "P", passwordHash: nil, metadata: Array(#"{"a":1}"#.utf8))
      entries.append((bytes(RowKey(.users, user.id)), try user.encoded()))
      entries.append((bytes(UserRepository.emailKey(user.email)), Array(copying: user.id)))
      entries.append((bytes(UserRepository.roleKey(user.role, user.id)), []))
      entries.append((bytes(UserRepository.nameKey(user.name, user.id)), []))
      if let key = UserRepository.statusKey(user.status, user.id) { entries.append((bytes(key), [])) }
      let session = SessionRecord(
        id: id(1000 + number), userID: user.id, userEpoch: 1, methods: .password, createdAt: 1, idleExpiresAt: 2, expiresAt: 3,
        seed: InlineArray(repeating: 1), ipPrefix: "", userAgent: "", deviceName: nil)
      entries.append((bytes(RowKey(.sessions, session.id)), try session.encoded()))
      entries.append((bytes(SessionRepository.indexKey(user: user.id, session: session.id)), []))
      let token = OneTimeTokenRecord(
        digest: InlineArray(repeating: UInt8(number)), purpose: .verifyEmail, userID: user.id, userEpoch: 1, createdAt: 1,
        expiresAt: 2)
      entries.append((bytes(OneTimeTokenRepository.rowKey(token.digest)), try token.encoded()))
      entries.append((bytes(OneTimeTokenRepository.indexKey(of: token)), []))
    }
    return entries
  }

  private static func bytes(_ key: RowKey) -> [UInt8] { key.withSpan { span in span.indices.map { span[$0] } } }
  private static func bytes(_ key: Key) -> [UInt8] { key.withSpan { span in span.indices.map { span[$0] } } }

  private static func problems(_ entries: [Entry]) throws -> [String] {
    let sorted = entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    return try RecordCheck.run { body throws(RepositoryError) in
      for entry in sorted { if try body(entry.key.span, entry.value.span) == .stop { return } }
    }.problems
  }

  @Test func `a store in which all agrees is sound`() throws { #expect(try Self.problems(try Self.entries(50)) == []) }

  @Test func `nothing at all is sound, and something without a version is not`() throws {
    #expect(try Self.problems([]) == [], "all may be in the log still")
    #expect(try Self.problems([try Self.entries(1)[2]]).contains("the store does not say which schema version it has"))
  }

  @Test func `whatever entry is missing is named`() throws {
    let all = try Self.entries(5)
    for index in all.indices {
      var entries = all
      let gone = entries.remove(at: index)
      let found = try Self.problems(entries)
      // Three indexes lead to a user, and a fourth to one who is disabled.
      let expected = gone.key[0] != TableTag.users.rawValue ? 1 : gone.value[1] == 1 ? 3 : 4
      #expect(found.count == expected, "\(gone.key): \(found)")
      #expect(!found.joined().contains("@"), "no address is shown")
    }
  }

  @Test func `entries that belong to others, to nobody or to no table are named`() throws {
    let all = try Self.entries(5)
    let stray = Self.bytes(UserRepository.emailKey("someone@example.org"))
    #expect(try Self.problems(all + [(stray, Array(copying: Self.id(3)))]).contains { $0.contains("2 entries") })
    #expect(
      try Self.problems(all + [(stray, Array(copying: Self.id(99)))])
        == ["an entry of \"users by e-mail\" leads to user \(Self.id(99)), which is not there"])
    let otherRole = Self.bytes(UserRepository.roleKey(.admin, Self.id(3)))
    #expect(try Self.problems(all + [(otherRole, [])]).contains("user \(Self.id(3)) has 2 entries in \"users by role\""))
    let nobody = Self.bytes(UserRepository.roleKey(.admin, Self.id(99)))
    #expect(
      try Self.problems(all + [(nobody, [])])
        == ["an entry of \"users by role\" leads to user \(Self.id(99)), which is not there"])
    #expect(try Self.problems(all + [(otherRole, [1])]) == ["an entry of \"users by role\": index and row do not agree"])
    #expect(try Self.problems(all + [([0x12, 1], [])]) == ["an entry of \"users by role\": index and row do not agree"])
    #expect(try Self.problems(all + [([0x77, 1], [])]) == ["an entry belongs to table 119, which this program does not know"])
    for (key, name) in [
      (UserRepository.nameKey("Q", Self.id(3)), "name"), (UserRepository.statusKey(.deleted, Self.id(3))!, "status"),
    ] {
      let found = try Self.problems(all + [(Self.bytes(key), [])])
      #expect(
        found.contains("user \(Self.id(3)) has 2 entries in \"users by \(name)\"")
          || found == ["an entry of \"users by \(name)\" leads to user \(Self.id(3)), which is not there"])
    }
    var unreadable = all
    unreadable[2].value[unreadable[2].value.count - 2] = UInt8(ascii: "x")
    #expect(try Self.problems(unreadable) == ["user \(Self.id(1)): it has JSON that is malformed at byte 5"])
    var broken = all
    broken[2].value[1] = 9
    #expect(try Self.problems(broken).contains { $0.hasPrefix("user \(Self.id(1)): ") })
    // Two users of one address: there can be only one entry for both.
    var twins = all
    let second = try #require(twins.firstIndex { $0.key == Self.bytes(RowKey(.users, Self.id(2))) })
    twins[second].value = twins[2].value
    #expect(try Self.problems(twins).contains { $0.contains("\(Self.id(2)) has no entry") })
  }
}

extension [UInt8] {
  fileprivate init(copying id: UUID) {
    let bytes = id.bytes
    self = bytes.indices.map { bytes[$0] }
  }
}
