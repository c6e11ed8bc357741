// The list of users against a sorted array: any filter, any order, pages followed to the end while others write.

import Codecs
import Platform
import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct UserListModelTests {
  private static let names = [
    "Ann", "ann b", "ANNA", "Bob", "bo\u{0308}b", "Zoe", "an", "Äffchen", String(repeating: "Lang ", count: 30),
  ]

  private struct World {
    let server: TestServer
    var random: SeededGenerator
    var users: [UserRecord] = []
    var number = 0

    /// Does so many things to users, each of them at random.
    mutating func change(_ count: Int) throws {
      var steps: [(old: UserRecord?, new: UserRecord?)] = []
      for _ in 0..<count {
        let kind = users.isEmpty ? 0 : random.number(0..<10)
        if kind < 6 {
          number += 1
          var user = UserRecord(
            id: UUID(high: 0x0198_f3c0_0000_7000 + UInt64(number) << 16, low: 0x8000_0000_0000_0000 | random.next() >> 2),
            createdAt: 1, updatedAt: 1, role: .user, email: "", name: "", passwordHash: nil)
          vary(&user)
          user.email = "\(random.pick(["a", "an", "ann", "B", "zoe", "Anna"]))\(number)@example.org"
          users.append(user)
          steps.append((nil, user))
        } else {
          let index = random.number(0..<users.count)
          let old = users[index]
          if kind == 9 {
            users.remove(at: index)
            steps.append((old, nil))
          } else {
            var new = old
            vary(&new)
            new.revision += 1
            users[index] = new
            steps.append((old, new))
          }
        }
      }
      let store = server.store
      _ = try server.settle(
        store.writing { (transaction) throws(RepositoryError) in
          for (old, new) in steps {
            if let old, let new {
              try store.users.update(new, replacing: old, in: &transaction)
            } else if let new {
              try store.users.insert(new, in: &transaction)
            } else if let old {
              try store.users.delete(old, in: &transaction)
            }
          }
        })
    }

    private mutating func vary(_ user: inout UserRecord) {
      user.name = random.pick(UserListModelTests.names)
      user.status = random.pick([.active, .active, .active, .disabled, .deleted])
      user.role = random.pick([.user, .user, .user, .admin, RoleName("adm")!])
    }

    mutating func query() -> UserListQuery {
      var query = UserListQuery()
      query.order = random.pick([nil, .oldestFirst, .newestFirst, .email])
      query.status = random.pick([nil, nil, .active, .disabled, .deleted])
      query.role = random.pick([nil, nil, "user", "admin", "adm", "nobody"])
      query.prefix = random.pick([
        nil, nil, "a", "AN", "ann", "b", "zoe1", "lang lang", "Ä", String(repeating: "lang ", count: 20), "x",
      ])
      query.limit = random.pick([1, 2, 7, 50, 200])
      query.isCounted = random.once(in: 2)
      if random.once(in: 12) { query.email = users.isEmpty ? "x" : random.pick(users).email.uppercased() }
      return query
    }

    /// What all pages of a question must be together.
    func expected(_ query: UserListQuery) -> [UserRecord] {
      let prefix = query.prefix.map { lower($0) }
      func begins(_ text: String) -> Bool { prefix.map { lower(text).starts(with: $0) } ?? true }
      let fitting = users.filter { user in
        (query.status.map { UserRecord.Status($0) == user.status } ?? (user.status != .deleted))
          && (query.role.map { $0 == user.role.text } ?? true) && (begins(user.email) || begins(user.name))
          && (query.email.map { lower($0) == lower(user.email) } ?? true)
      }
      switch query.order {
      case .email: return fitting.sorted { lower($0.email).lexicographicallyPrecedes(lower($1.email)) }
      case .newestFirst: return fitting.sorted { $0.id > $1.id }
      case nil where prefix != nil && query.email == nil:
        let byAddress = fitting.filter { begins($0.email) }.sorted { lower($0.email).lexicographicallyPrecedes(lower($1.email)) }
        let byName = fitting.filter { !begins($0.email) }.sorted {
          let left = Array(lower($0.name).prefix(64)), right = Array(lower($1.name).prefix(64))
          return left == right ? $0.id < $1.id : left.lexicographicallyPrecedes(right)
        }
        return byAddress + byName
      case .oldestFirst, nil: return fitting.sorted { $0.id < $1.id }
      }
    }
  }

  private static func pages(
    _ query: UserListQuery, _ server: TestServer, meanwhile: () throws -> Void = {}
  ) throws -> (ids: [UserID], totals: Set<Int?>) {
    var query = query
    var ids: [UserID] = []
    var totals: Set<Int?> = []
    for _ in 0..<100_000 {
      let page = try server.accounts.list(query, by: .owner)
      #expect(page.items.count <= query.limit)
      ids += page.items.map(\.id)
      totals.insert(page.total)
      query.cursor = page.nextCursor
      guard let cursor = page.nextCursor else { return (ids, totals) }
      #expect(cursor.utf8.allSatisfy { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8.contains($0) })
      try meanwhile()
    }
    Issue.record("the pages have no end")
    return (ids, totals)
  }

  @Test func `all pages of any question are what a sorted array says`() throws {
    var world = World(server: try TestServer(), random: SeededGenerator.announced("user lists"))
    for _ in 0..<(12 * testScale) {
      try world.change(25)
      for _ in 0..<12 {
        let query = world.query()
        let expected = world.expected(query)
        let found = try Self.pages(query, world.server)
        #expect(found.ids == expected.map { UserID($0.id) }, "\(query)")
        #expect(found.totals == [query.isCounted ? expected.count : nil], "\(query)")
      }
    }
    #expect(world.server.isSound)
  }

  @Test func `who is not touched while pages are followed is met exactly once, in order`() throws {
    var world = World(server: try TestServer(), random: SeededGenerator.announced("user lists under writes"))
    try world.change(150)
    for _ in 0..<(20 * testScale) {
      var query = world.query()
      query.limit = world.random.pick([1, 3, 10])
      query.email = nil
      let before = world.expected(query)
      let old = Dictionary(uniqueKeysWithValues: world.users.map { ($0.id, $0.revision) })
      let found = try Self.pages(query, world.server) { if world.random.once(in: 3) { try world.change(2) } }
      let still = Set(world.users.filter { old[$0.id] == $0.revision }.map { UserID($0.id) })
      #expect(found.ids.filter(still.contains) == before.map { UserID($0.id) }.filter(still.contains), "\(query)")
    }
    #expect(world.server.isSound)
  }

  @Test func `a page looks at a thousand accounts and no more, and goes on where it stood`() throws {
    let server = try TestServer()
    let store = server.store
    // One administrator of an odd name behind 1,500 others.
    let users = (0..<1501).map { number in
      UserRecord(
        id: UUID(high: 0x0198_f3c0_0000_7000 + UInt64(number) << 16, low: 1 << 63), createdAt: 1, updatedAt: 1,
        role: number == 1500 ? .admin : .user, email: number == 1500 ? "z@example.org" : "u\(number)@example.org",
        name: number == 1500 ? "Odd" : "N", passwordHash: nil)
    }
    for start in stride(from: 0, to: users.count, by: 300) {
      _ = try server.settle(
        store.writing { (transaction) throws(RepositoryError) in
          for user in users[start..<min(start + 300, users.count)] { try store.users.insert(user, in: &transaction) }
        })
    }
    var query = UserListQuery()
    query.prefix = "odd"
    query.order = .oldestFirst
    let first = try server.accounts.list(query, by: .owner)
    #expect(first.items.isEmpty && first.nextCursor != nil)
    query.cursor = first.nextCursor
    let second = try server.accounts.list(query, by: .owner)
    #expect(second.items.map(\.name) == ["Odd"] && second.nextCursor == nil)
    // Along the index it is there at once.
    query.order = nil
    query.cursor = nil
    #expect(try server.accounts.list(query, by: .owner).items.map(\.name) == ["Odd"])
    query.prefix = nil
    query.role = "admin"
    #expect(try server.accounts.list(query, by: .owner).items.map(\.name) == ["Odd"])
    query.order = .email
    #expect(try server.accounts.list(query, by: .owner).items.isEmpty)
  }
}

private func lower(_ text: String) -> [UInt8] { text.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 } }

extension SeededGenerator {
  fileprivate mutating func once(in count: Int) -> Bool { number(0..<count) == 0 }

  fileprivate mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[number(0..<choices.count)] }
}
