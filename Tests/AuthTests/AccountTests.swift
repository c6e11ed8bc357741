// Accounts made, read and listed by those who may, and only by those.

import Codecs
import Crypto
import Platform
import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct AccountTests {
  private func create(
    _ server: TestServer, _ email: String, role: String? = nil, password: String? = nil, by authority: Authority = .owner
  ) throws -> User {
    let form = AccountForm(
      email: .text(email), name: .text("Name"), role: role.map { .text($0) } ?? .absent,
      password: password.map { .text($0) } ?? .absent)
    return try server.settle(server.accounts.create(form, by: authority))
  }

  private func principal(_ permissions: [Permission], of user: UserID = UserID(UUID(high: 1, low: 1))) -> Authority {
    .principal(
      Principal(
        userID: user, .session(SessionID(UUID(high: 1, low: 1))),
        permissions: PermissionSet(permissions),
        authenticatedAt: 0, recentUntil: 0))
  }

  private func list(
    _ server: TestServer, _ order: UserListQuery.Order = .oldestFirst, limit: Int, cursor: String? = nil
  ) throws -> ListPage<User> {
    try server.accounts.list(userListQuery(order, limit: limit, cursor: cursor), by: .owner)
  }

  @Test func `the owner of the data makes the first admin, who may do everything`() throws {
    let server = try TestServer { $0.registration = .closed }
    let made = try create(server, "root@example.org", role: "admin", password: "correct horse")
    #expect(made.role == "admin" && made.passwordChangedAt == made.createdAt && made.lastLoginAt == nil)
    let admin = try server.authenticate(try server.login("root@example.org").accessToken)
    #expect(admin.permissions == .all)
    let user = try create(server, "ann@example.org", by: .principal(admin))
    #expect(user.role == "user" && user.passwordChangedAt == nil)
    #expect(try server.accounts.get(user.id, by: .principal(admin)) == user)
    #expect(user.withView { view, bytes in User(view, bytes) } == user)
    #expect(try create(server, "second@example.org", role: "admin", by: .principal(admin)).role == "admin")
    #expect(server.isSound)
  }

  @Test func `an ordinary user may neither make, read nor list accounts`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let principal = Authority.principal(try server.authenticate(ann.accessToken))
    #expect(refusal { try create(server, "x@example.org", by: principal) } == .forbidden)
    #expect(refusal { try server.accounts.get(ann.user.id, by: principal) } == .forbidden)
    #expect(refusal { try server.accounts.list(UserListQuery(), by: principal) } == .forbidden)
    // Forbidden comes before any look at the body or the object.
    let form = AccountForm(email: .absent, name: .absent)
    #expect(refusal { try server.accounts.create(form, by: principal) } == .forbidden)
    #expect(refusal { try server.accounts.get(UserID(UUID(high: 5, low: 5)), by: principal) } == .forbidden)
  }

  @Test func `nobody gives away more than they have`() throws {
    let server = try TestServer()
    let root = try create(server, "root@example.org", role: "admin")
    let writer = principal([.usersRead, .usersWrite], of: root.id)
    #expect(refusal { try create(server, "x@example.org", role: "admin", by: writer) } == .forbidden)
    let almost = principal(Permission.allCases.filter { $0 != .opsWrite }, of: root.id)
    #expect(refusal { try create(server, "x@example.org", role: "admin", by: almost) } == .forbidden)
    #expect(try create(server, "x@example.org", role: "user", by: writer).role == "user")
    #expect(refusal { try server.accounts.disable(root.id, by: almost) } == .forbidden, "no one acts above themselves")
    // What a role no longer gives is gone, whatever the request was let in with.
    #expect(refusal { try create(server, "y@example.org", by: principal([.usersWrite])) } == .forbidden)
  }

  @Test func `reading does not permit writing, nor writing reading`() throws {
    let server = try TestServer()
    let user = try create(server, "ann@example.org")
    #expect(refusal { try create(server, "x@example.org", by: principal([.usersRead])) } == .forbidden)
    #expect(refusal { try server.accounts.get(user.id, by: principal([.usersWrite])) } == .forbidden)
    #expect(refusal { try server.accounts.list(UserListQuery(), by: principal([.usersWrite])) } == .forbidden)
  }

  @Test func `all fields of an account are judged at once`() throws {
    let server = try TestServer()
    let form = AccountForm(email: .text("x"), name: .text(""), role: .text("superuser"), password: .text("short"))
    guard case .invalid(let fields) = refusal({ try server.accounts.create(form, by: .owner) }) else {
      Issue.record("not refused")
      return
    }
    #expect(fields.map(\.code) == [.invalidEmail, .invalidName, .invalidValue, .passwordTooShort])
    #expect(fields.map(\.pointer) == ["#/email", "#/name", "#/role", "#/password"])
    #expect(server.hashes.value == 0)
  }

  @Test func `a taken address is a conflict in any case`() throws {
    let server = try TestServer()
    _ = try create(server, "ann@example.org")
    #expect(refusal { try create(server, "Ann@Example.Org", password: "correct horse") } == .emailExists)
    #expect(refusal { try server.register("ANN@example.org") } == .emailExists)
  }

  @Test func `who is not there is not found`() throws {
    let server = try TestServer()
    #expect(refusal { try server.accounts.get(UserID(UUID(high: 1, low: 1)), by: .owner) } == .notFound)
  }

  @Test func `pages hold every account once in the order asked for`() throws {
    let server = try TestServer()
    var made: [User] = []
    for number in 0..<23 {
      server.clock.advance(milliseconds: Int64(number % 3))
      made.append(try create(server, "u\(number)@example.org"))
    }
    for (order, expected) in [(UserListQuery.Order.oldestFirst, made), (.newestFirst, made.reversed())] {
      for limit in [1, 5, 22, 23, 24, 200] {
        var seen: [User] = []
        var cursor: String?
        repeat {
          let page = try list(server, order, limit: limit, cursor: cursor)
          #expect(page.items.count <= limit && !page.items.isEmpty)
          seen += page.items
          cursor = page.nextCursor
          if let cursor {
            #expect(
              cursor.utf8.allSatisfy { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8.contains($0) })
          }
        } while cursor != nil
        #expect(seen == expected)
      }
    }
  }

  @Test func `deleted accounts are left out without shortening pages`() throws {
    let server = try TestServer()
    let made = try (0..<12).map { try create(server, "u\($0)@example.org") }
    for index in [0, 1, 2, 5, 10, 11] { try server.change(made[index].id) { $0.status = .deleted } }
    let expected = [3, 4, 6, 7, 8, 9].map { made[$0].id }
    let first = try list(server, limit: 4)
    #expect(first.items.map(\.id) == Array(expected.prefix(4)))
    let second = try list(server, limit: 4, cursor: first.nextCursor)
    #expect(second.items.map(\.id) == Array(expected.suffix(2)))
    #expect(second.nextCursor == nil)
  }

  @Test func `an empty list has no next page`() throws {
    let server = try TestServer()
    let page = try server.accounts.list(UserListQuery(), by: .owner)
    #expect(page.items.isEmpty && page.nextCursor == nil)
  }

  @Test func `a cursor that was edited, cut or made for another list is refused`() throws {
    let server = try TestServer()
    for number in 0..<3 { _ = try create(server, "u\(number)@example.org") }
    let cursor = try #require(try list(server, limit: 1).nextCursor)
    func isRefused(_ text: String, _ order: UserListQuery.Order = .oldestFirst) -> Bool {
      refusal { try server.accounts.list(userListQuery(order, limit: 1, cursor: text), by: .owner) } == .invalidCursor
    }
    #expect(!isRefused(cursor))
    #expect(isRefused(cursor, .newestFirst))
    for count in 0..<cursor.utf8.count { #expect(isRefused(String(cursor.prefix(count)))) }
    for index in cursor.indices {
      var changed = cursor
      changed.replaceSubrange(index...index, with: cursor[index] == "A" ? "B" : "A")
      #expect(isRefused(changed))
    }
    #expect(isRefused(cursor + "A") && isRefused(cursor + "=") && isRefused(" " + cursor))
    // A cursor of another server's key.
    let fresh = SecretBytes(count: 32, from: .system)
    let other = KeyRing(signing: [fresh], mac: fresh, wrap: fresh)
    #expect(isRefused(ListCursor(.users, filters: ["createdAt", nil, nil, nil, nil], key: other.cursors).text(at: [0])))
  }

  // A place of 512 bytes was more than its key had room for, and ended the process; only who has the server's key can make one.
  @Test func `a cursor with the longest place is answered in every order`() throws {
    let server = try TestServer()
    _ = try create(server, "ann@example.org")
    for order in UserListQuery.Order.allCases {
      let cursors = ListCursor(.users, filters: [order.rawValue, nil, nil, nil, nil], key: server.keys.cursors)
      for byte in [UInt8(0), 0xff] {
        let place = [0] + [UInt8](repeating: byte, count: ListCursor.maxPlaceByteCount - 1)
        let page = try server.accounts.list(userListQuery(order, limit: 1, cursor: cursors.text(at: place)), by: .owner)
        #expect(page.items.count <= 1)
      }
    }
  }
}
