// Stored password hashes: what is written, what is read, and everything that is refused.

import Crypto
import Platform
import Testing

@Suite struct PasswordHashTests {
  let memory = PasswordMemory()
  let random = RandomSource { bytes in
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: 251 &* index &+ 7) }
  }

  static let published = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

  @Test func `a published hash is read, matches its password and is written as it was`() throws {
    let hash = try parse(Self.published)
    #expect(hash.text == Self.published)
    #expect(try hash.recipe == .argon2(.id, Argon2Parameters(memoryKiB: 65536, iterations: 2, parallelism: 1)))
    #expect(try hash.matches("password", memory: memory))
    #expect(try !hash.matches("Password", memory: memory))
  }

  @Test func `a new hash matches its password and no other`() throws {
    let parameters = try Argon2Parameters(memoryKiB: 64, iterations: 1, parallelism: 2)
    let password = Array("пароль ".utf8)
    let hash = try PasswordHash(of: password.span, parameters: parameters, random: random, memory: memory)
    #expect(hash.text.hasPrefix("$argon2id$v=19$m=64,t=1,p=2$"))
    let stored = try parse(hash.text)
    #expect(try stored.matches("пароль ", memory: memory))
    for wrong in ["пароль", " пароль ", "", "пароль \0"] {
      #expect(try !stored.matches(wrong, memory: memory), "\(wrong)")
    }
  }

  // HMAC fills keys up to a block with zeros, so PBKDF2, and scrypt which is made of it, gave a password and the same with a NUL behind it one
  // tag. A login with the longer one was let in, and hashed it anew: from then on its owner was not.
  @Test(arguments: [
    "$pbkdf2-sha256$1000$I4RwjvGeU8qZ8/4/Zyzl/A$ySLFl/taxK0XxcrQdGke/zAaTexi9sHiVTfKrnf5/64",
    "$scrypt$ln=5,r=2,p=3$mpMSglBKqbU25vx/T4nxPg$7PzDmArNJwt5A2VwIggH0IBJvvo9e/04xrZm4V0IeSQ",
  ]) func `a password with a NUL behind it is another password`(_ text: String) throws {
    let hash = try parse(text)
    #expect(try hash.matches("correct horse", memory: memory))
    for wrong in ["correct horse\0", "correct horse\0\0", "\0"] { #expect(try !hash.matches(wrong, memory: memory)) }
  }

  @Test func `two hashes of one password differ in their salt`() throws {
    let parameters = try Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1)
    let password = Array("password".utf8)
    let first = try PasswordHash(of: password.span, parameters: parameters, random: .system, memory: memory)
    let second = try PasswordHash(of: password.span, parameters: parameters, random: .system, memory: memory)
    #expect(first.text != second.text)
  }

  @Test func `every cost other than the current one asks for a new hash`() throws {
    let hash = try parse("$argon2id$v=19$m=64,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    #expect(try !hash.needsRehash(for: Argon2Parameters(memoryKiB: 64, iterations: 2, parallelism: 1)))
    #expect(try hash.needsRehash(for: Argon2Parameters(memoryKiB: 65, iterations: 2, parallelism: 1)))
    #expect(try hash.needsRehash(for: Argon2Parameters(memoryKiB: 64, iterations: 1, parallelism: 1)))
    #expect(try hash.needsRehash(for: Argon2Parameters(memoryKiB: 64, iterations: 2, parallelism: 2)))
    let shortSalt = try parse(Self.published)
    #expect(try shortSalt.needsRehash(for: Argon2Parameters(memoryKiB: 65536, iterations: 2, parallelism: 1)))
    let other = try parse("$argon2i$v=19$m=64,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    #expect(try other.needsRehash(for: Argon2Parameters(memoryKiB: 64, iterations: 2, parallelism: 1)))
  }

  // Each differs from a right one in one place.
  static let malformed: [(String, CryptoError.Part)] = [
    ("", .algorithm), ("$", .algorithm), ("argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .algorithm),
    ("$argon2d$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .algorithm),
    ("$Argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .algorithm),
    (" $argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .algorithm),
    ("$argon2id$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .version),
    ("$argon2id$v=16$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .version),
    ("$argon2id$v=019$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .version),
    ("$argon2id$v=19", .version),
    ("$argon2id$v=19$m=64,p=1,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$t=2,m=64,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=064,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64,t=02,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64,t=2,p=01$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=+64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=-64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=0x40,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64, t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64,t=2,p=1,data=AAAA$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64,t=2,p=1,keyid=AAAA$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=12345678901,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=99999999999999999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .parameters),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ=$CTFhFdXPJO1aFaMaO6Mm5Q", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR$CTFhFdXPJO1aFaMaO6Mm5Q", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQab$CTFhFdXPJO1aFaMaO6Mm5Q", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhb-Q$CTFhFdXPJO1aFaMaO6Mm5Q", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhb_Q$CTFhFdXPJO1aFaMaO6Mm5Q", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29t ZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q", .salt),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q==", .hash),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5R", .hash),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5", .hash),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q\n", .hash),
    ("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q$", .hash),
    ("$2$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", .version),
    ("$5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1", .algorithm),
    ("md5$salt$67a1e09bb1f83f5007dc119c14d663aa", .algorithm),
  ]

  @Test func `text that is not exactly a hash is refused, naming the part`() {
    for (text, part) in Self.malformed {
      #expect(throws: CryptoError.malformedPasswordHash(part), "\(text)") { _ = try parse(text) }
    }
  }

  @Test func `every cut of a hash is refused while its tag is too short`() throws {
    let tag = try #require(Self.published.split(separator: "$").last)
    let tagStart = Self.published.utf8.count - tag.utf8.count
    for count in 0..<(tagStart + 22) {
      #expect(throws: CryptoError.self, "the first \(count) bytes") { _ = try parse(String(Self.published.prefix(count))) }
    }
  }

  @Test func `numbers past the limits are refused before anything is computed`() {
    func refusal(_ text: String, _ limits: PasswordHashLimits = PasswordHashLimits()) -> CryptoError? {
      do throws(CryptoError) {
        _ = try PasswordHash(parsing: text, limits: limits)
        return nil
      } catch {
        return error
      }
    }
    let end = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q"
    #expect(refusal("$argon2id$v=19$m=4194304,t=1024,p=64" + end) == nil)
    #expect(
      refusal("$argon2id$v=19$m=4194305,t=2,p=1" + end)
        == .parameterOutOfRange(.memory, value: 4_194_305, limits: 8...4_194_304))
    #expect(
      refusal("$argon2id$v=19$m=4294967295,t=2,p=1" + end)
        == .parameterOutOfRange(.memory, value: 4_294_967_295, limits: 8...4_194_304))
    #expect(refusal("$argon2id$v=19$m=7,t=2,p=1" + end) == .parameterOutOfRange(.memory, value: 7, limits: 8...4_194_304))
    #expect(refusal("$argon2id$v=19$m=64,t=0,p=1" + end) == .parameterOutOfRange(.iterations, value: 0, limits: 1...1024))
    #expect(
      refusal("$argon2id$v=19$m=64,t=1025,p=1" + end) == .parameterOutOfRange(.iterations, value: 1025, limits: 1...1024))
    #expect(refusal("$argon2id$v=19$m=64,t=2,p=0" + end) == .parameterOutOfRange(.parallelism, value: 0, limits: 1...64))
    #expect(refusal("$argon2id$v=19$m=64,t=2,p=65" + end) == .parameterOutOfRange(.parallelism, value: 65, limits: 1...64))
    let tight = PasswordHashLimits(importingBeside: .standard)
    #expect(refusal("$argon2id$v=19$m=19456,t=8,p=1" + end, tight) == nil)
    #expect(
      refusal("$argon2id$v=19$m=19457,t=8,p=1" + end, tight)
        == .parameterOutOfRange(.memory, value: 19457, limits: 8...19456))
    #expect(
      refusal("$argon2id$v=19$m=19456,t=9,p=1" + end, tight) == .parameterOutOfRange(.iterations, value: 9, limits: 1...8))
  }

  @Test func `salts and tags outside their lengths are refused`() {
    func text(salt: Int, tag: Int) -> String {
      "$argon2id$v=19$m=64,t=2,p=1$" + zeros(salt) + "$" + zeros(tag)
    }
    func zeros(_ count: Int) -> String { String(repeating: "A", count: (count * 8 + 5) / 6) }
    for (salt, tag) in [(8, 16), (64, 64)] { #expect(throws: Never.self) { _ = try parse(text(salt: salt, tag: tag)) } }
    #expect(throws: CryptoError.parameterOutOfRange(.saltByteCount, value: 7, limits: 8...64)) {
      _ = try parse(text(salt: 7, tag: 32))
    }
    #expect(throws: CryptoError.parameterOutOfRange(.saltByteCount, value: 65, limits: 8...64)) {
      _ = try parse(text(salt: 65, tag: 32))
    }
    #expect(throws: CryptoError.parameterOutOfRange(.tagByteCount, value: 15, limits: 16...64)) {
      _ = try parse(text(salt: 16, tag: 15))
    }
    #expect(throws: CryptoError.parameterOutOfRange(.tagByteCount, value: 65, limits: 16...64)) {
      _ = try parse(text(salt: 16, tag: 65))
    }
    #expect(throws: CryptoError.malformedPasswordHash(.length)) { _ = try parse(text(salt: 16, tag: 400)) }
  }

  private func parse(_ text: String) throws(CryptoError) -> PasswordHash {
    try PasswordHash(parsing: text)
  }
}
