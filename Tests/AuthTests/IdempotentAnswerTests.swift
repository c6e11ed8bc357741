// One effect and one answer for each Idempotency-Key: in the same commit, whatever crashes, bounded, and sealed.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct IdempotentAnswerTests {
  private static let route: StaticString = "POST /api/v1/users"

  private static func key(_ text: String) -> IdempotencyKey { IdempotencyKey(text.utf8.span)! }

  private static func begin(
    _ answers: IdempotentAnswers, _ key: String, body: String = "{}", by asker: Asker = .authority(.owner)
  ) throws(AuthError) -> IdempotentAnswers.Turn {
    let target = Array("/api/v1/users".utf8)
    return try answers.begin(Self.key(key), route, target: target.span, body: body.utf8.span, by: asker)
  }

  /// The request that is nobody's repetition.
  private static func first(
    _ answers: IdempotentAnswers, _ key: String, by asker: Asker = .authority(.owner)
  ) throws -> FirstRequest {
    guard case .first(let request) = try begin(answers, key, by: asker) else { throw NotFirst() }
    return request
  }

  private struct NotFirst: Error {}

  @Sendable private static func made(_ user: User) -> StoredAnswer {
    StoredAnswer(status: 201, location: "/api/v1/users/\(user.id)", revision: user.revision, body: Array(user.email.utf8))
  }

  private static func form(_ email: String) -> AccountForm { AccountForm(email: .text(email), name: .text("Ann")) }

  @Test(arguments: [
    StoredAnswer(status: 200, body: []), StoredAnswer(status: 299, revision: .max, body: [0, 255]),
    StoredAnswer(status: 201, location: String(repeating: "/", count: 512), revision: 1, body: Array("{}".utf8)),
  ]) func `what is sealed of an answer gives the answer`(_ answer: StoredAnswer) {
    let bytes = answer.encoded()
    #expect(StoredAnswer(decoding: bytes.span) == answer)
    for count in 0..<(bytes.count - answer.body.count) {
      let part = Array(bytes[..<count])
      #expect(StoredAnswer(decoding: part.span) == nil)
    }
    for (offset, value) in [(0, 2), (2, 9), (12, 0xff)] as [(Int, UInt8)] {
      var broken = bytes
      broken[offset] = value
      #expect(StoredAnswer(decoding: broken.span) == nil, "byte \(offset)")
    }
    #expect("\(answer)".count < 16 && !"\(answer)".contains("/"))
  }

  @Test func `of two that look at the same time one is first, and of two that write only one has an effect`() throws {
    let server = try TestServer()
    let answers = server.sessions.answers
    let one = try Self.first(answers, "k")
    #expect(refusal { try Self.begin(answers, "k") } == .idempotencyInFlight)
    #expect(refusal { try Self.begin(answers, "k", body: "[]") } == .idempotencyInFlight)
    // The first handler has ended, but its commit is seen by no reader yet: that is where the second one gets so far.
    answers.end(one)
    let two = try Self.first(answers, "k")
    let done = try server.accounts.create(Self.form("a@example.org"), by: .owner, Once(one, Self.made))
    #expect(
      refusal { try server.accounts.create(Self.form("b@example.org"), by: .owner, Once(two, Self.made)) } == .idempotencyInFlight
    )
    answers.end(two)
    try server.database.waitUntilDurable(done.position)
    guard case .again(let answer) = try Self.begin(answers, "k") else { throw NotFirst() }
    #expect(answer == Self.made(done.value))
    #expect(refusal { try Self.begin(answers, "k", body: "[]") } == .idempotencyKeyReused)
    #expect(try server.accounts.list(UserListQuery(), by: .owner).items.map(\.email) == ["a@example.org"])
    #expect(server.isSound)
  }

  @Test func `a person has a hundred answers kept, and for one more nothing is done until some are over`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let principal = try server.authenticate(ann.accessToken)
    let answers = server.sessions.answers
    let asker = Asker.authority(.principal(principal))
    func enroll(_ index: Int, by asker: Asker) throws {
      let request = try Self.first(answers, "k\(index)", by: asker)
      defer { answers.end(request) }
      let once = Once(request) { (made: Enrollment) in StoredAnswer(status: 201, body: Array(made.secret.utf8)) }
      let done = try server.sessions.enroll(principal, from: TestServer.origin, once)
      if index % 50 == 49 { try server.database.waitUntilDurable(done.position) }
    }
    for index in 0..<100 { try enroll(index, by: asker) }
    try server.database.waitUntilDurable(server.store.heldPosition)
    let before = try server.contents()
    let expected = AuthError.rateLimited(
      ThrottleRefusal(policy: "idempotency-key", limit: 100, windowSeconds: 86_400, retryAfter: 300))
    #expect(refusal { try enroll(100, by: asker) } == expected)
    try server.database.waitUntilDurable(server.store.heldPosition)
    #expect(try server.contents() == before, "nothing was done")
    // Others are not held up, and a key that is there is answered.
    try enroll(100, by: .authority(.owner))
    guard case .again = try Self.begin(answers, "k7", by: asker) else { throw NotFirst() }
    server.clock.advance(milliseconds: IdempotentAnswers.lifetimeMilliseconds)
    try answers.sweepJob.run()
    try server.database.waitUntilDurable(server.store.heldPosition)
    let after = try Self.first(answers, "k100", by: asker)
    #expect(
      try server.store.write { (transaction) throws(RepositoryError) in try answers.objection(to: after, in: &transaction) }.value
        == nil)
    #expect(server.isSound)
  }

  @Test func `an answer too long to be kept undoes its effect`() throws {
    let server = try TestServer()
    let request = try Self.first(server.sessions.answers, "k")
    let once = Once(request) { (_: User) in StoredAnswer(status: 201, body: [UInt8](repeating: 0x20, count: 1 << 20)) }
    #expect(refusal { try server.accounts.create(Self.form("a@example.org"), by: .owner, once) } == .answerTooLong)
    try server.database.waitUntilDurable(server.store.heldPosition)
    #expect(try server.accounts.list(UserListQuery(), by: .owner).items.isEmpty)
    #expect(server.isSound)
  }

  @Test func `a row that was moved to another asker or request opens for nobody`() throws {
    let server = try TestServer()
    let answers = server.sessions.answers
    let mine = try Self.first(answers, "mine"), other = try Self.first(answers, "other")
    _ = try server.settle(server.accounts.create(Self.form("a@example.org"), by: .owner, Once(mine, Self.made)))
    answers.end(mine)
    answers.end(other)
    func rowKey(_ name: AnswerName) -> [UInt8] { [TableTag.idempotentAnswers.rawValue] + name.asker.list + name.request.list }
    let place = rowKey(mine.name)
    let stored = try server.store.read { (transaction) throws(RepositoryError) in
      try transaction.get(place.span) { (value) throws(RepositoryError) in value.array() }
    }
    try server.plant(try #require(stored), at: rowKey(other.name))
    #expect(
      refusal { try Self.begin(answers, "other") } == .storageFailed("a kept answer does not open with the key of the key folder")
    )
    guard case .again = try Self.begin(answers, "mine") else { throw NotFirst() }
    // Nor after a restore without the key.
    try server.reopen(losingKey: "wrap")
    #expect(
      refusal { try Self.begin(server.sessions.answers, "mine") }
        == .storageFailed("a kept answer does not open with the key of the key folder"))
  }

  @Test func `after a power cut at any moment an effect has its answer, an answer its effect, and a repetition makes none twice`()
    throws
  {
    var random = SeededGenerator.announced("idempotent power cuts")
    for _ in 0..<(12 * testScale) {
      let system = SimulatedFileSystem(SimulatedDisk(folder: "data"))
      let clock = ManualClock()
      var (database, store, sessions, accounts) = try Self.open(system, clock)
      let total = Int.random(in: 1...30, using: &random)
      var told: [Int: StoredAnswer] = [:]
      for index in 0..<total {
        let request = try Self.first(sessions.answers, "k\(index)")
        let done = try accounts.create(Self.form("u\(index)@example.org"), by: .owner, Once(request, Self.made))
        sessions.answers.end(request)
        if Bool.random(using: &random) {
          try database.waitUntilDurable(done.position)
          told[index] = Self.made(done.value)
        }
      }
      system.cutPower(leaving: system.disk.afterPowerCut(using: &random))
      try? database.close()
      (database, store, sessions, accounts) = try Self.open(system, clock)
      for index in 0..<total {
        let known = try store.read { (transaction) throws(RepositoryError) in
          try store.users.find(email: "u\(index)@example.org", in: &transaction)
        }
        switch try Self.begin(sessions.answers, "k\(index)") {
        case .again(let answer):
          #expect(known.map { Self.made(User($0)) } == answer && (told[index] == nil || told[index] == answer))
        case .first(let request):
          #expect(known == nil && told[index] == nil, "u\(index) is there without its answer")
          _ = try accounts.create(Self.form("u\(index)@example.org"), by: .owner, Once(request, Self.made))
          sessions.answers.end(request)
        }
      }
      try database.waitUntilDurable(store.heldPosition)
      let users = try accounts.list(userListQuery(limit: 200), by: .owner).items
      #expect(users.count == total && database.checkIntegrity().isSound)
      try database.close()
    }
  }

  private static func open(
    _ system: SimulatedFileSystem, _ clock: ManualClock
  ) throws -> (Database, Store, SessionService, AccountService) {
    var options = DatabaseOptions(path: "data/db")
    options.files = system
    options.segmentByteCount = 64 << 10
    options.cacheByteCount = 16 << 20
    options.growthByteCount = 64 << 10
    options.repeatsWrites = true
    let database = try Database.open(options)
    let store = try Store.open(database, fresh: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: 7))
    func secret(_ byte: UInt8) -> SecretBytes {
      SecretBytes(count: 32) { bytes in for index in bytes.indices { bytes[index] = byte } }
    }
    let keys = KeyRing(signing: [secret(1)], mac: secret(2), wrap: secret(3))
    let hasher = try PasswordHasher(parameters: TestServer.cost(), arenas: 1, random: .system)
    let outbox = Outbox(store: store, keys: keys, options: DeliveryOptions(), clock: clock, random: .system)
    let sessions = SessionService(
      store: store, keys: keys, hasher: hasher, options: SessionOptions(), outbox: outbox, clock: clock, random: .system)
    let accounts = AccountService(
      store: store, keys: keys, hasher: hasher, policy: SessionOptions().passwordPolicy, throttle: sessions.throttle,
      outbox: outbox, clock: clock, random: .system)
    return (database, store, sessions, accounts)
  }
}
