// A store full of users, sessions and records of the audit trail, made once and only read afterwards, and the questions about it.

import Auth
import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport

/// Where cursors are tried.
final class ListGround: Sendable {
  private let sessions: SessionService
  private let accounts: AccountService
  private let audit: AuditService
  /// Two people with many sessions.
  private let owners: [UserID]
  /// Of the tags of cursors.
  private let cursorKey: [UInt8]

  static let shared: ListGround = {
    do { return try ListGround() } catch { fatalError("no ground for lists: \(error)") }
  }()

  private init() throws {
    let base = try GroundStore(seed: 9)
    let (clock, random, database, store) = (base.clock, base.random, base.database, base.store)
    let secret = (0..<48).map { UInt8($0) }
    // RFC 5869 from the hash alone: no salt, one block.
    let extracted = TokenForge.hmac([UInt8](repeating: 0, count: 32), secret)
    cursorKey = TokenForge.hmac(extracted, Array("userd cursor 1".utf8) + [1])
    let keys = KeyRing(
      signing: [SecretBytes(copying: secret.span)], mac: SecretBytes(copying: secret.span),
      wrap: SecretBytes(copying: secret.span))
    var policy = SessionOptions()
    policy.maxSessions = 40
    policy.throttle.isEnabled = false
    let outbox = Outbox(store: store, keys: keys, options: DeliveryOptions(), clock: clock, random: random)
    let sessions = SessionService(
      store: store, keys: keys, hasher: base.hasher, options: policy, outbox: outbox, clock: clock, random: random)
    self.sessions = sessions
    accounts = AccountService(
      store: store, keys: keys, hasher: base.hasher, policy: policy.passwordPolicy, throttle: sessions.throttle, outbox: outbox,
      clock: clock, random: random)
    audit = AuditService(of: sessions, retention: 86_400, clock: clock)
    let origin = SessionOrigin(ipPrefix: "203.0.113.0/24", userAgent: "fuzz")
    var owners: [UserID] = []
    for name in ["ann", "ben"] {
      let form = RegistrationForm(email: .text("\(name)@example.org"), password: .text("correct horse"), name: .text(name))
      owners.append(try sessions.register(form, from: origin).value.user.id)
      try database.settle()
      let login = LoginForm(email: .text("\(name)@example.org"), password: .text("correct horse"), deviceName: .absent)
      for _ in 0..<9 {
        clock.advance(milliseconds: 1500)
        _ = try sessions.login(login, from: origin)
        try database.settle()
      }
    }
    self.owners = owners
    _ = try store.write { (transaction) throws(RepositoryError) in
      for number in 0..<40 {
        let user = UserRecord(
          id: UUID(high: 0x0198_f3c0_0000_7000 + UInt64(number) << 16, low: 1 << 63 | UInt64(number)),
          status: [.active, .active, .disabled, .deleted][number % 4], createdAt: 1, updatedAt: 1,
          role: number % 5 == 0 ? .admin : .user, email: "\(["an", "Ann", "b", "zoe"][number % 4])\(number)@example.org",
          name: ["Ann", "Bob", "anna"][number % 3], passwordHash: nil)
        try store.users.insert(user, in: &transaction)
      }
    }
    try database.settle()
  }
}

/// What a list is asked, without the place where it goes on.
enum ListQuestion: Equatable {
  case users(order: UserListQuery.Order?, status: User.Status?, role: String?, prefix: String?)
  case sessions(owner: Int)
  case audit(subject: Int?, type: String?)
}

extension ListGround {
  /// One page: what is on it, as texts, and the cursor of the next one.
  func page(_ question: ListQuestion, limit: Int, cursor: String?) throws(AuthError) -> (items: [String], next: String?) {
    switch question {
    case .users(let order, let status, let role, let prefix):
      var query = UserListQuery()
      (query.order, query.status, query.role, query.prefix) = (order, status, role, prefix)
      (query.limit, query.cursor) = (limit, cursor)
      let page = try accounts.list(query, by: .owner)
      return (page.items.map { "\($0.id)" }, page.nextCursor)
    case .sessions(let owner):
      var query = SessionListQuery()
      (query.limit, query.cursor) = (limit, cursor)
      let page = try sessions.list(query, of: owners[owner], by: .owner)
      return (page.items.map { "\($0.id)" }, page.nextCursor)
    case .audit(let subject, let type):
      var query = AuditQuery()
      (query.subject, query.type, query.limit, query.cursor) = (subject.map { owners[$0] }, type, limit, cursor)
      let page = try audit.list(query, by: .owner)
      return (page.items.map { "\($0.sequence)" }, page.nextCursor)
    }
  }

  /// All of a list, by its own pages.
  func all(_ question: ListQuestion) throws(AuthError) -> [String] {
    var (items, cursor): ([String], String?) = ([], nil)
    repeat {
      let page = try page(question, limit: 200, cursor: cursor)
      items += page.items
      cursor = page.next
    } while cursor != nil
    return items
  }

  /// The tag that belongs to a cursor: version, list, the length of the filters, the filters and the place, by the definition of HMAC.
  func tag(_ question: ListQuestion, place: [UInt8]) -> [UInt8] {
    let filters = filters(of: question).flatMap { filter in
      let count = filter.map { $0.utf8.count + 1 } ?? 0
      return [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8), 0, 0] + Array((filter ?? "").utf8)
    }
    let length = [UInt8(truncatingIfNeeded: filters.count), UInt8(truncatingIfNeeded: filters.count >> 8)]
    return Array(TokenForge.hmac(cursorKey, [4, list(of: question)] + length + filters + place)[..<16])
  }

  /// A cursor of any place.
  func sealed(_ question: ListQuestion, place: [UInt8]) -> [UInt8] {
    [4, list(of: question)] + place + tag(question, place: place)
  }

  /// The place of a cursor of this list; nil for bytes that are none.
  func place(_ cursor: [UInt8], _ question: ListQuestion) -> [UInt8]? {
    guard cursor.count >= 18, cursor.count <= 418 else { return nil }
    let place = Array(cursor[2..<cursor.count - 16])
    return cursor == sealed(question, place: place) ? place : nil
  }

  private func list(of question: ListQuestion) -> UInt8 {
    switch question {
    case .users: 1
    case .audit: 2
    case .sessions: 3
    }
  }

  private func filters(of question: ListQuestion) -> [String?] {
    switch question {
    case .users(let order, let status, let role, let prefix): [order?.rawValue, nil, status?.rawValue, role, prefix]
    case .sessions(let owner): [owners[owner].description]
    case .audit(let subject, let type): [nil, subject.map { owners[$0].description }, nil, nil, type]
    }
  }
}
