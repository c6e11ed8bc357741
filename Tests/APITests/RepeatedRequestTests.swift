// Requests that come again with their Idempotency-Key: one effect and one answer, for who asked and nobody else.

import Auth
import Codecs
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import API
@testable import Crypto

@Suite struct RepeatedRequestTests {
  private static let key = "Idempotency-Key: 0f8fad5b-d9cb-469f-a165-70867728950e"

  /// One POST that creates, as this server knows them.
  struct Creator: CustomTestStringConvertible, Sendable {
    let path: String
    let body: String?
    let status: Int
    /// Asked with whose token: an administrator's, a person's, or none.
    let who: Who
    /// What the request needs to be there.
    var before: @Sendable (APIServer, APIServer.Pair) throws -> Void = { _, _ in }
    /// Members of the answer that are secret.
    var secrets: [String] = []
    var testDescription: String { path }

    enum Who { case administrator, person, nobody }
  }

  static let creators = [
    Creator(
      path: "/api/auth/register", body: #"{"email":"new@example.org","password":"\#(APIServer.password)","name":"New"}"#,
      status: 201,
      who: .nobody, secrets: ["token", "refreshToken"]),
    Creator(path: "/api/v1/users", body: #"{"email":"new@example.org","name":"New"}"#, status: 201, who: .administrator),
    Creator(
      path: "/api/v1/users", body: #"{"email":"new@example.org","name":"New","password":"\#(APIServer.password)"}"#, status: 201,
      who: .administrator),
    Creator(
      path: "/api/v1/users:batch",
      body: #"{"operations":[{"method":"create","user":{"email":"new@example.org","name":"New"}},{"method":"fly"}]}"#,
      status: 200,
      who: .administrator),
    Creator(path: "/api/v1/roles", body: #"{"name":"support","permissions":["users:read"]}"#, status: 201, who: .administrator),
    Creator(
      path: "/api/v1/api-keys", body: #"{"name":"shop","permissions":["users:read"]}"#, status: 201, who: .administrator,
      secrets: ["secret"]),
    Creator(path: "/api/v1/users/{ann}/reset-link", body: nil, status: 200, who: .administrator, secrets: ["code"]),
    Creator(path: "/api/auth/mfa/totp", body: nil, status: 201, who: .person, secrets: ["secret", "otpauthUri"]),
    Creator(
      path: "/api/auth/mfa/recovery-codes", body: "{}", status: 201, who: .person,
      before: { server, ann in try RepeatedRequestTests.enableApp(server, ann) }, secrets: ["recoveryCodes"]),
  ]

  /// A server, and how to ask one of its creators.
  private final class Scene {
    let server: APIServer
    let root: APIServer.Pair
    let ann: APIServer.Pair
    let creator: Creator

    init(_ creator: Creator) throws {
      server = try APIServer { $0.registration = .open }
      root = try server.administrator()
      ann = try server.register()
      self.creator = creator
      try creator.before(server, ann)
    }

    var token: String? {
      switch creator.who {
      case .administrator: root.access
      case .person: ann.access
      case .nobody: nil
      }
    }

    func ask(_ body: String?? = .none, fields: [String] = [RepeatedRequestTests.key], token: String?? = .none) throws -> Answer {
      let path = creator.path.split(separator: "{ann}", omittingEmptySubsequences: false).joined(separator: ann.userID)
      return try server.ask("POST", path, body ?? creator.body, token: token ?? self.token, fields: fields)
    }

    /// How many rows there are of kept answers.
    func answerCount() throws -> Int {
      var count = 0
      let first: [UInt8] = [TableTag.idempotentAnswers.rawValue], end: [UInt8] = [TableTag.idempotentAnswersByEnd.rawValue + 1]
      try server.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: first.span, below: end.span, .ascending) { (_, _) throws(RepositoryError) in
          count += 1
          return .next
        }
      }
      return count
    }

    /// Everything in the store.
    func contents() throws -> [UInt8] {
      var bytes: [UInt8] = []
      let everything: [UInt8] = []
      try server.store.read { (transaction) throws(RepositoryError) in
        try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
          bytes += key.array() + value.array()
          return .next
        }
      }
      return bytes
    }
  }

  /// The code that an app shows for what an enrolment answered.
  private static func code(_ enrollment: Answer, _ server: APIServer) throws -> String {
    let secret = try #require(enrollment["secret"]?.string.flatMap { Base32.decode($0.utf8.span) })
    let digits = TOTP.digits(of: TOTP.code(secret: secret.span, counter: UInt64(server.clock.wallMilliseconds() / 30_000)))
    return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
  }

  private static func enableApp(_ server: APIServer, _ ann: APIServer.Pair) throws {
    let made = try server.ask("POST", "/api/auth/mfa/totp", token: ann.access)
    let code = try code(made, server)
    let confirmed = try server.ask("POST", "/api/auth/mfa/totp/confirm", #"{"code":"\#(code)"}"#, token: ann.access)
    guard confirmed.status == 200 else { throw Unexpected(confirmed) }
  }

  @Test(arguments: creators)
  func `a request that comes again gets the same answer and changes nothing`(_ creator: Creator) throws {
    let scene = try Scene(creator)
    let first = try scene.ask()
    #expect(first.status == creator.status && first.header("Idempotency-Replayed") == nil, "\(first.text)")
    let state = try scene.contents()
    for _ in 0..<2 {
      scene.server.clock.advance(seconds: 60)
      let again = try scene.ask()
      #expect(again.header("Idempotency-Replayed") == "true")
      #expect(again.status == first.status && again.text == first.text)
      for name in ["Location", "ETag", "Content-Type", "Cache-Control"] { #expect(again.header(name) == first.header(name)) }
    }
    #expect(try scene.contents() == state)
  }

  @Test(arguments: creators)
  func `without the header a request is what it always was`(_ creator: Creator) throws {
    let scene = try Scene(creator)
    #expect(try scene.ask(fields: []).status == creator.status)
    let again = try scene.ask(fields: [])
    #expect(again.header("Idempotency-Replayed") == nil)
    // Addresses and names of roles are unique; links, secrets and codes are made anew.
    let isUnique = ["register", "users", "roles"].contains { creator.path.hasSuffix($0) }
    #expect(again.status == (isUnique ? 409 : creator.status))
  }

  @Test func `a batch that was undone is tried again, one that no commit holds with its answer has no effect`() throws {
    let server = try APIServer(), root = try server.administrator()
    func ask(_ body: String, _ key: String) throws -> Answer {
      try server.ask("POST", "/api/v1/users:batch", body, token: root.access, fields: ["Idempotency-Key: \(key)"])
    }
    let pair =
      #"{"method":"create","user":{"email":"a@example.org","name":"A"}},{"method":"create","user":{"email":"b@example.org","name":"B"}}"#
    let atomic = #"{"atomic":true,"operations":[\#(pair),{"method":"disable","id":"0198f3c0-0000-7000-8000-000000000001"}]}"#
    for _ in 0..<2 {
      let undone = try ask(atomic, "undone")
      #expect(undone.status == 200 && undone.header("Idempotency-Replayed") == nil && undone.text.contains(#""status":404"#))
    }
    #expect(try ask(#"{"operations":[\#(pair)]}"#, "undone").text.contains(#""status":201"#))

    let long = String(repeating: "m", count: 4000)
    let users = (0..<10).map { number in
      #"{"method":"create","user":{"email":"u\#(number)@example.org","name":"U","metadata":{"m":"\#(long)"},"appMetadata":{"m":"\#(long)"}}}"#
    }
    // Their records fit into one commit of this store's small log, but not with an answer of as many bytes.
    for part in [users[..<5], users[5...]] {
      let made = try server.ask(
        "POST", "/api/v1/users:batch", #"{"operations":[\#(part.joined(separator: ","))]}"#, token: root.access)
      #expect(made.status == 200, "\(made.text.prefix(300))")
    }
    let list = try server.ask("GET", "/api/v1/users?limit=200&q=u", token: root.access)
    let ids = try #require(list["data"]).elements.compactMap { $0["id"]?.string }
    let disable = #"{"operations":[\#(ids.map { #"{"method":"disable","id":"\#($0)"}"# }.joined(separator: ","))]}"#
    let refused = try ask(disable, "long")
    #expect(refused.status == 413 && refused.code == "body_too_large", "\(refused.status) \(refused.text.prefix(300))")
    let first = try server.ask("GET", "/api/v1/users/\(ids[0])", token: root.access)
    #expect(first["status"]?.string == "active")
    #expect(try server.ask("POST", "/api/v1/users:batch", disable, token: root.access).status == 200)
  }

  @Test(arguments: creators)
  func `the key with another body is refused and changes nothing`(_ creator: Creator) throws {
    let scene = try Scene(creator)
    #expect(try scene.ask().status == creator.status)
    let state = try scene.contents()
    let other = creator.body == nil ? " {}" : creator.body! + " "
    let answer = try scene.ask(other)
    #expect(answer.status == 422 && answer.code == "idempotency_key_reused", "\(answer.text)")
    #expect(try scene.contents() == state)
    #expect(try scene.ask(other, fields: ["Idempotency-Key: another"]).code != "idempotency_key_reused")
  }

  @Test(arguments: creators)
  func `what an answer says in secret is nowhere in the store`(_ creator: Creator) throws {
    let scene = try Scene(creator)
    let answer = try scene.ask()
    var secrets: [String] = ["0f8fad5b-d9cb-469f-a165-70867728950e", APIServer.password]
    for name in creator.secrets {
      switch name {
      case "token": secrets.append(try #require(answer["token"]?.string))
      case "refreshToken": secrets.append(try #require(answer["refreshToken"]?.string))
      case "code": secrets.append(try #require(answer["code"]?.string))
      case "secret": secrets.append(try #require(answer["secret"]?.string))
      case "otpauthUri": secrets.append(try #require(answer["otpauthUri"]?.string))
      default: secrets += answer["recoveryCodes"]?.elements.compactMap(\.string) ?? []
      }
    }
    #expect(secrets.count >= creator.secrets.count + 2)
    let stored = try scene.contents()
    for secret in secrets { #expect(stored.firstRange(of: Array(secret.utf8)) == nil, "\(secret)") }
  }

  @Test(arguments: creators)
  func `after a day the key is new, and its answer is swept`(_ creator: Creator) throws {
    let scene = try Scene(creator)
    // Tokens would end before the day does.
    guard creator.who == .nobody else { return }
    let first = try scene.ask()
    scene.server.clock.advance(milliseconds: 86_400_000 - 1)
    #expect(try scene.ask().text == first.text)
    scene.server.clock.advance(milliseconds: 1)
    #expect(try scene.ask().code == "email_exists")
    try scene.server.services.sessions.answers.sweepJob.run()
    try scene.server.database.waitUntilDurable(scene.server.store.heldPosition)
    #expect(try scene.answerCount() == 0)
  }

  @Test func `a key belongs to who asked: others have their own effect with the same one`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let second = try server.administrator("second@example.org")
    let ann = try server.register()
    func link(_ token: String?, over listener: APIServer.Listener = .internet) throws -> Answer {
      try server.ask("POST", "/api/v1/users/\(ann.userID)/reset-link", token: token, fields: [Self.key], over: listener)
    }
    let codes = try [link(root.access), link(second.access), link(nil, over: .admin)].map { $0["code"]?.string }
    #expect(Set(codes).count == 3 && !codes.contains(nil))
    #expect(try link(root.access)["code"]?.string == codes[0] && link(nil, over: .admin)["code"]?.string == codes[2])
    // The same person with another session is the same person.
    #expect(try link(server.login("root@example.org").access)["code"]?.string == codes[0])
    // Another address from the same client is another asker.
    for email in ["x@example.org", "y@example.org"] {
      let body = #"{"email":"\#(email)","password":"\#(APIServer.password)","name":"X"}"#
      #expect(try server.ask("POST", "/api/auth/register", body, fields: [Self.key]).status == 201)
    }
  }

  @Test func `one key goes with one path: another account with it is refused`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register(), bob = try server.register("bob@example.org")
    #expect(
      try server.ask("POST", "/api/v1/users/\(ann.userID)/reset-link", token: root.access, fields: [Self.key]).status == 200)
    let other = try server.ask("POST", "/api/v1/users/\(bob.userID)/reset-link", token: root.access, fields: [Self.key])
    #expect(other.code == "idempotency_key_reused")
    // Another endpoint is another request.
    #expect(
      try server.ask("POST", "/api/v1/users", UserRoutesTests.body("new@example.org"), token: root.access, fields: [Self.key])
        .status
        == 201)
  }

  @Test func `who may ask is judged again before an answer is given again`() throws {
    let server = try APIServer()
    let root = try server.administrator(), other = try server.administrator("other@example.org")
    let ann = try server.register()
    func link() throws -> Answer {
      try server.ask("POST", "/api/v1/users/\(ann.userID)/reset-link", token: other.access, fields: [Self.key])
    }
    #expect(try link().status == 200)
    try server.change(other.userID) { $0.role = .user }
    #expect(try link().code == "forbidden")
    try server.change(other.userID) { $0.role = .admin }
    #expect(try link().header("Idempotency-Replayed") == "true")
    #expect(try server.ask("POST", "/api/v1/users/\(other.userID)/disable", token: root.access).status == 200)
    #expect(try link().status == 401)

    let enroll = { try server.ask("POST", "/api/auth/mfa/totp", token: ann.access, fields: [Self.key]) }
    #expect(try enroll().status == 201 && enroll().header("Idempotency-Replayed") == "true")
    server.clock.advance(seconds: 599)
    #expect(try enroll().status == 201)
    server.clock.advance(seconds: 1)
    #expect(try enroll().status == 401)

    let register = UserRoutesTests.body("eve@example.org")
    let closed = try APIServer { $0.registration = .closed }
    #expect(try closed.ask("POST", "/api/auth/register", register, fields: [Self.key]).code == "registration_closed")
  }

  @Test func `only successes are kept: what was refused may be sent again, corrected`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    func create(_ body: String) throws -> Answer {
      try server.ask("POST", "/api/v1/users", body, token: root.access, fields: [Self.key])
    }
    #expect(try create(#"{"email":"no","name":"New"}"#).status == 422)
    #expect(try create(#"{"email":"root@example.org","name":"New"}"#).code == "email_exists")
    #expect(try create("{").code == "malformed_json")
    let made = try create(#"{"email":"new@example.org","name":"New"}"#)
    #expect(made.status == 201 && made.header("Idempotency-Replayed") == nil)
  }

  @Test(arguments: [
    "", " ", "a b", "a\tb", "ü", String(repeating: "k", count: 129), "a\u{7f}",
  ]) func `a header that is no key is refused`(_ value: String) throws {
    let server = try APIServer()
    let body = UserRoutesTests.body("new@example.org")
    let answer = try server.ask("POST", "/api/auth/register", body, fields: ["Idempotency-Key: \(value)"])
    // Control characters are no field value at all.
    #expect(answer.status == 400 && ["invalid_idempotency_key", "malformed_request"].contains(answer.code), "\(answer.text)")
    #expect(try server.ask("POST", "/api/auth/register", body, fields: [Self.key, Self.key]).code == "invalid_idempotency_key")
    let longest = "Idempotency-Key: " + String(repeating: "~", count: 128)
    #expect(try server.ask("POST", "/api/auth/register", body, fields: [longest]).status == 201)
    #expect(try server.ask("POST", "/api/auth/register", body, fields: [longest]).header("Idempotency-Replayed") == "true")
  }

  @Test func `recovery codes whose answer was lost are told again, though their code was used`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let begun = try server.ask("POST", "/api/auth/mfa/totp", token: ann.access)
    let body = #"{"code":"\#(try Self.code(begun, server))"}"#
    func confirm(_ fields: [String]) throws -> Answer {
      try server.ask("POST", "/api/auth/mfa/totp/confirm", body, token: ann.access, fields: fields)
    }
    let first = try confirm([Self.key])
    #expect(first.status == 200 && first["recoveryCodes"]?.count == 10)
    #expect(try confirm([Self.key]).text == first.text && confirm([]).status == 404)
  }

  @Test func `many that come at once with one key make one account`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let answers = Mutex<[Answer]>([])
    inParallel(6) { _ in
      do {
        let answer = try server.ask(
          "POST", "/api/v1/users", UserRoutesTests.body("new@example.org"), token: root.access, fields: [Self.key])
        answers.withLock { $0.append(answer) }
      } catch { Issue.record(error) }
    }
    let all = answers.withLock { $0 }
    #expect(all.allSatisfy { $0.status == 201 || $0.code == "idempotency_in_flight" }, "\(all.map(\.text))")
    #expect(all.count { $0.status == 201 && $0.header("Idempotency-Replayed") == nil } == 1)
    #expect(Set(all.compactMap { $0["id"]?.string }).count == 1)
  }

  @Test func `a login ignores the header`() throws {
    let server = try APIServer()
    _ = try server.register()
    let body = #"{"email":"ann@example.org","password":"\#(APIServer.password)"}"#
    let first = try server.ask("POST", "/api/auth/login", body, fields: [Self.key])
    let second = try server.ask("POST", "/api/auth/login", body, fields: [Self.key])
    #expect(first.status == 200 && second.status == 200 && first.text != second.text)
    #expect(second.header("Idempotency-Replayed") == nil)
    #expect(try server.ask("POST", "/api/auth/login", body, fields: ["Idempotency-Key: a b"]).status == 200)
  }

  @Test func `the first administrator is made once, and told so as often as asked`() throws {
    let server = try APIServer()
    let (drawn, position) = try server.services.sessions.renewSetupToken()
    try server.database.waitUntilDurable(position)
    let token = try #require(drawn).withText { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
    let body = #"{"token":"\#(token)","email":"root@example.org","password":"\#(APIServer.password)","name":"Root"}"#
    let first = try server.ask("POST", "/api/v1/setup", body, fields: [Self.key])
    #expect(first.status == 201)
    let again = try server.ask("POST", "/api/v1/setup", body, fields: [Self.key])
    #expect(again.text == first.text && again.header("Idempotency-Replayed") == "true")
    #expect(server.setups.value == 1)
    #expect(try server.ask("POST", "/api/v1/setup", body).status == 404)
  }

  @Test func `while the first one hashes, the others are told to come again`() throws {
    let crowd = Crowd()
    let server = try APIServer(holdingHashesIn: crowd)
    let body = UserRoutesTests.body("new@example.org")
    let made = Mutex("")
    inParallel(2) { index in
      do {
        if index == 1 { crowd.waitUntil(1) }
        let answer = try server.ask("POST", "/api/auth/register", body, fields: [Self.key])
        guard index == 1 else {
          #expect(answer.status == 201)
          return made.withLock { $0 = answer.text }
        }
        #expect(answer.status == 409 && answer.code == "idempotency_in_flight" && answer.header("Retry-After") == "1")
        crowd.letGo()
      } catch { Issue.record(error) }
    }
    let again = try server.ask("POST", "/api/auth/register", body, fields: [Self.key])
    #expect(again.header("Idempotency-Replayed") == "true" && again.text == made.withLock { $0 })
  }
}
