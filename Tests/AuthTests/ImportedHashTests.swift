// People who move in with the hash that another system made of their password.

import Crypto
import Platform
import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct ImportedHashTests {
  static let password = "correct horse"

  /// Made of that password by argon2-cffi 25.1, bcrypt 5.0, passlib 1.7, Python's hashlib and Django 5.2.
  static let hashes = [
    "$argon2id$v=19$m=16,t=3,p=2$ROo9bzhU8ApQY8c4SW/m/w$Q+QA+XitwhIRpA1DhuVRG0exjw9hPjFbz0wNYC1oEsg",
    "$argon2i$v=19$m=32,t=1,p=1$C75mMm8pkKJG4gwbxPZqvA$S5JnmXdGDR46gjHAKnZzgjr+xrSgTtGXT0kfj6e9onQ",
    "$2b$04$i4QCxbyt1ZaUJMIpg3b./eHgYiQ.h91HappiRv.ctAZcv/cTKDnNy",
    "$2y$04$i4QCxbyt1ZaUJMIpg3b./eHgYiQ.h91HappiRv.ctAZcv/cTKDnNy",
    "$scrypt$ln=5,r=2,p=3$mpMSglBKqbU25vx/T4nxPg$7PzDmArNJwt5A2VwIggH0IBJvvo9e/04xrZm4V0IeSQ",
    "scrypt$32$seasalt123456789$2$1$HtkL+v71z/ltIln4joZ0d6iqHlfsU8SCvTUm2749s0UMdhexctEwWMH5Y7VqwUZtgElPFUE3blzBvKCYjW0VZQ==",
    "$pbkdf2-sha256$1000$I4RwjvGeU8qZ8/4/Zyzl/A$ySLFl/taxK0XxcrQdGke/zAaTexi9sHiVTfKrnf5/64",
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M",
    "$pbkdf2-sha512$500$LyWE0DpnLMV4z3nvPaf03g$VC/3IOu8UzW33.Vg01gG/5mj.2.m5Hm/R8XV2Qu61T/K/WKnGnkMJ/4m9sM10P/dDQ4rJ8pNYE9ks9hk1zvRLg",
    "$pbkdf2$500$BeC813qPEaKUck5JyTlHqA$ucTBz9Nz/uKOKJOorxo/bmjOUkg",
    "pbkdf2_sha256$1000$seasalt123456789$ljKaXjukC7iWKF4/G4NGdMAddAoq5c3LWRrwrdJFYsU=",
  ]

  /// A server whose own hashes take 64 KiB and one pass.
  private func server() throws -> TestServer {
    let server = try TestServer()
    try server.reopen(memoryKiB: 64)
    return server
  }

  private func create(_ server: TestServer, _ email: String, _ hash: String, password: FieldInput = .absent) throws -> User {
    let form = AccountForm(email: .text(email), name: .text("Moved In"), password: password, passwordHash: .text(hash))
    return try server.settle(server.accounts.create(form, by: .owner))
  }

  private func stored(_ server: TestServer, _ user: User) throws -> String? {
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.users.find(user.id.uuid, in: &transaction)
    }?.passwordHash
  }

  private func complaint(_ body: () throws -> Void) -> FieldError? {
    guard case .invalid(let fields) = refusal(body), fields.count == 1 else { return nil }
    return fields[0]
  }

  @Test(arguments: hashes) func `who comes with another system's hash logs in, and is hashed anew by the same login`(
    _ hash: String
  ) throws {
    let server = try server()
    let user = try create(server, "ann@example.org", hash)
    #expect(try stored(server, user) == hash)
    // A wrong password costs one hash, as everybody's does, and changes nothing.
    for wrong in ["correct hors", "correct horse\0", "", "Correct horse"] {
      let count = server.hashes.during { #expect(refusal { try server.login(user.email, wrong) } == .invalidCredentials) }
      #expect(count == 1, "\(wrong)")
    }
    #expect(try stored(server, user) == hash)
    #expect(try server.hashes.during { _ = try server.login(user.email, Self.password) } == 2)
    #expect(try stored(server, user)?.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$") == true)
    #expect(try server.hashes.during { _ = try server.login(user.email, Self.password) } == 1)
    #expect(server.isSound)
  }

  @Test func `a hash may cost as much as the limits say, and no more`() throws {
    let server = try server()
    let tag = "Q+QA+XitwhIRpA1DhuVRG0exjw9hPjFbz0wNYC1oEsg"
    let end = "i4QCxbyt1ZaUJMIpg3b./eHgYiQ.h91HappiRv.ctAZcv/cTKDnNy"
    let scrypt = "mpMSglBKqbU25vx/T4nxPg$7PzDmArNJwt5A2VwIggH0IBJvvo9e/04xrZm4V0IeSQ"
    let pbkdf2 = "I4RwjvGeU8qZ8/4/Zyzl/A$ySLFl/taxK0XxcrQdGke/zAaTexi9sHiVTfKrnf5/64"
    let taken = [
      "$argon2id$v=19$m=64,t=4,p=1$ROo9bzhU8ApQY8c4SW/m/w$\(tag)", "$2b$14$\(end)", "$scrypt$ln=6,r=8,p=16$\(scrypt)",
      "$pbkdf2-sha256$2000000$\(pbkdf2)",
    ]
    for (index, hash) in taken.enumerated() { _ = try create(server, "taken\(index)@example.org", hash) }
    let refused = [
      "$argon2id$v=19$m=65,t=4,p=1$ROo9bzhU8ApQY8c4SW/m/w$\(tag)", "$argon2id$v=19$m=64,t=5,p=1$ROo9bzhU8ApQY8c4SW/m/w$\(tag)",
      "$2b$15$\(end)", "$scrypt$ln=7,r=8,p=1$\(scrypt)", "$scrypt$ln=6,r=8,p=17$\(scrypt)", "$pbkdf2-sha256$2000001$\(pbkdf2)",
      // Other kinds, and none at all.
      "$argon2d$v=19$m=64,t=1,p=1$ROo9bzhU8ApQY8c4SW/m/w$\(tag)", "5f4dcc3b5aa765d61d8327deb882cf99", "$6$salt$hash", "",
      "\(taken[0]) ", String(repeating: "$", count: 257),
    ]
    for hash in refused {
      let field = complaint { _ = try create(server, "refused@example.org", hash) }
      #expect(field?.pointer == "#/passwordHash" && field?.code == .invalidValue, "\(hash)")
      #expect(field?.detail.contains(hash) != true || hash.isEmpty)
    }
    #expect(server.hashes.value == 0, "an import computes nothing")
  }

  @Test func `password and hash do not come together`() throws {
    let server = try server()
    let field = complaint { _ = try create(server, "ann@example.org", Self.hashes[2], password: .text(Self.password)) }
    #expect(field?.pointer == "#/passwordHash" && field?.code == .invalidValue)
    #expect(server.hashes.value == 0)
  }

  @Test func `hashes made before the parameters were lowered still let people in`() throws {
    let server = try server()
    let user = try create(server, "ann@example.org", Self.hashes[1])
    try server.reopen(memoryKiB: 8)
    _ = try server.login(user.email, Self.password)
    #expect(try stored(server, user)?.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$") == true)
  }

  @Test func `with eight arenas eight people log in at once, whatever their hashes, and a ninth is told to wait`() throws {
    let crowd = Crowd()
    let hasher = try PasswordHasher(parameters: TestServer.cost(memoryKiB: 64), arenas: 8, random: .system) { crowd.arrive() }
    let hashes = Self.hashes
    inParallel(9) { index in
      if index == 8 {
        crowd.waitUntil(8)
        #expect(refusal { try hasher.check(Password(Self.password), against: hashes[0]) } == .overloaded)
        crowd.letGo()
      } else {
        do throws(AuthError) {
          let verdict = try hasher.check(Password(Self.password), against: hashes[index])
          #expect(verdict.matches && verdict.isOutdated)
        } catch { Issue.record(error) }
      }
    }
  }
}
