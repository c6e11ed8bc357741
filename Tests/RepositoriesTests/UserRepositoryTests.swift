// Users in a real database: unique addresses, races, pages.

import Codecs
import Platform
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Repositories

@Suite struct UserRepositoryTests {
  private func insert(_ user: UserRecord, _ test: TestStore) throws {
    try test.write { (transaction) throws(RepositoryError) in try test.store.users.insert(user, in: &transaction) }
  }

  private func find(_ email: String, _ test: TestStore) throws -> UserRecord? {
    try test.store.read { (transaction) throws(RepositoryError) in try test.store.users.find(email: email, in: &transaction) }
  }

  @Test func `a user is found by identifier and by address in any case`() throws {
    let test = try TestStore()
    let user = makeUser(1, email: "Ann@Example.org")
    try insert(user, test)
    let found = try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.users.find(user.id, in: &transaction)
    }
    #expect(found == user)
    #expect(try find("aNN@eXAMPLE.ORG", test) == user)
    #expect(try find("ann@example.or", test) == nil)
    #expect(try find(String(repeating: "a", count: 300), test) == nil)
    #expect(try test.checkIntegrity())
  }

  @Test func `an address belongs to one user in any case`() throws {
    let test = try TestStore()
    try insert(makeUser(1, email: "ann@example.org"), test)
    #expect(throws: RepositoryError.emailTaken) { try insert(makeUser(2, email: "ANN@example.org"), test) }
    let second = try test.store.read { (transaction) throws(RepositoryError) in
      try test.store.users.find(makeUser(2, email: "").id, in: &transaction)
    }
    #expect(second == nil)
    #expect(try test.checkIntegrity())
  }

  @Test func `a user who changes the address frees the old one`() throws {
    let test = try TestStore()
    let old = makeUser(1, email: "ann@example.org")
    try insert(old, test)
    try insert(makeUser(2, email: "bob@example.org"), test)
    var new = old
    new.email = "Anna@example.org"
    try test.write { (transaction) throws(RepositoryError) in try test.store.users.update(new, replacing: old, in: &transaction) }
    #expect(try find("ann@example.org", test) == nil)
    #expect(try find("anna@example.org", test)?.id == old.id)
    try insert(makeUser(3, email: "ann@example.org"), test)
    var taken = new
    taken.email = "BOB@example.org"
    #expect(throws: RepositoryError.emailTaken) {
      try test.write { (transaction) throws(RepositoryError) in
        try test.store.users.update(taken, replacing: new, in: &transaction)
      }
    }
    // Another spelling of one's own address is no conflict.
    var respelled = new
    respelled.email = "ANNA@EXAMPLE.ORG"
    try test.write { (transaction) throws(RepositoryError) in
      try test.store.users.update(respelled, replacing: new, in: &transaction)
    }
    #expect(try find("anna@example.org", test)?.email == "ANNA@EXAMPLE.ORG")
    #expect(try test.checkIntegrity())
  }

  @Test func `who holds a role is known through every change`() throws {
    let test = try TestStore()
    var users = (1...4).map { makeUser(UInt64($0), email: "u\($0)@example.org") }
    for index in 0..<3 { users[index].role = .admin }
    users[0].status = .disabled
    users[1].status = .deleted
    for user in users { try insert(user, test) }
    func hasAdmin(except id: UUID? = nil) throws -> Bool {
      try test.store.read { (transaction) throws(RepositoryError) in
        try test.store.users.hasActive(.admin, except: id, in: &transaction)
      }
    }
    func update(_ new: UserRecord, _ old: UserRecord) throws {
      try test.write { (transaction) throws(RepositoryError) in
        try test.store.users.update(new, replacing: old, in: &transaction)
      }
    }
    #expect(try hasAdmin())
    #expect(try !hasAdmin(except: users[2].id), "those who are disabled or deleted do not count")
    var demoted = users[2]
    demoted.role = .user
    try update(demoted, users[2])
    #expect(try !hasAdmin())
    var promoted = users[3]
    promoted.role = .admin
    try update(promoted, users[3])
    #expect(try hasAdmin() && !hasAdmin(except: promoted.id))
    try test.write { (transaction) throws(RepositoryError) in try test.store.users.delete(promoted, in: &transaction) }
    #expect(try !hasAdmin())
    #expect(try find(promoted.email, test) == nil)
    try insert(makeUser(5, email: promoted.email), test)
    // A role whose name begins with another one's.
    var other = makeUser(6, email: "u6@example.org")
    other.role = RoleName("admins")!
    try insert(other, test)
    #expect(try !hasAdmin())
    #expect(try test.checkIntegrity())
  }

  @Test func `of many threads that claim one address one wins`() throws {
    let test = try TestStore()
    let store = test.store
    for round in 0..<(20 * testScale) {
      let spellings = [
        "race\(round)@example.org", "RACE\(round)@example.org", "Race\(round)@EXAMPLE.org", "race\(round)@Example.Org",
      ]
      let outcomes = Mutex<[RepositoryError?]>([])
      inParallel(spellings.count) { index in
        let user = makeUser(UInt64(round * 100 + index), email: spellings[index])
        var failure: RepositoryError?
        do throws(RepositoryError) {
          _ = try store.write { (transaction) throws(RepositoryError) in try store.users.insert(user, in: &transaction) }
        } catch {
          failure = error
        }
        outcomes.withLock { $0.append(failure) }
      }
      let all = outcomes.withLock { $0 }
      #expect(all.count { $0 == nil } == 1)
      #expect(all.count { $0 == .emailTaken } == spellings.count - 1)
    }
    #expect(try test.checkIntegrity())
  }

  @Test func `pages go through all users in both orders without gap or repetition`() throws {
    let test = try TestStore()
    let users = (1...25).map { makeUser(UInt64($0), email: "u\($0)@example.org") }
    try test.write { (transaction) throws(RepositoryError) in
      for user in users { try test.store.users.insert(user, in: &transaction) }
    }
    for (order, expected) in [(UserRepository.Order.oldestFirst, users), (.newestFirst, users.reversed())] {
      for limit in [1, 7, 24, 25, 26] {
        var seen: [UserRecord] = []
        var place: [UInt8]? = []
        while let start = place {
          var budget = limit
          place = try test.store.read { (transaction) throws(RepositoryError) in
            try test.store.users.visit(.creation(order), after: start, budget: &budget, in: &transaction) {
              (fields, bytes) throws(RepositoryError) in
              seen.append(try fields.record(in: bytes))
              return .next
            }
          }
        }
        #expect(seen == expected)
      }
    }
  }

  @Test func `damage in a user or the index is an error that names the table`() throws {
    let test = try TestStore()
    let user = makeUser(1, email: "ann@example.org")
    try insert(user, test)
    let emailKey = [0x11] + Array("ann@example.org".utf8) + [0, 1]
    try test.plant([1, 2, 3], at: emailKey)
    #expect(throws: RepositoryError.damaged(.usersByEmail, .brokenIndex)) { try find("ann@example.org", test) }
    try test.plant(makeUser(9, email: "").id.list, at: emailKey)
    #expect(throws: RepositoryError.damaged(.usersByEmail, .brokenIndex)) { try find("ann@example.org", test) }
    try test.plant(user.id.list, at: emailKey)
    try test.plant([1, 1, 0], at: [0x10] + user.id.list)
    #expect(throws: RepositoryError.damaged(.users, .truncated(offset: 2))) { try find("ann@example.org", test) }
    try test.plant([1], at: [0x10, 7])
    #expect(throws: RepositoryError.damaged(.users, .brokenIndex)) {
      try test.store.read { (transaction) throws(RepositoryError) in
        var budget = 2
        return try test.store.users.visit(.creation(.newestFirst), after: [], budget: &budget, in: &transaction) { _, _ in .next }
      }
    }
  }
}
