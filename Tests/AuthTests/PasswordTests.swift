// Passwords: one spelling for one text, what may be set, and exactly one hash for each question.

import Crypto
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct PasswordTests {
  private func bytes(_ text: String) -> [UInt8] { Password(text).secret.withSpan { span in span.indices.map { span[$0] } } }

  private func judgement(
    _ text: String, email: String? = nil, name: String? = nil, policy: PasswordPolicy = PasswordPolicy()
  ) throws -> FieldError.Code? {
    let email = try email.map { (text) throws(FieldError) in try EmailAddress(text) }
    let name = try name.map { (text) throws(FieldError) in try DisplayName(text) }
    do throws(FieldError) {
      _ = try policy.accept(text, email: email, name: name)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func `spellings of one text are one password`() {
    #expect(bytes("caf\u{e9}") == bytes("cafe\u{301}"))
    #expect(bytes("\u{212b}") == Array("\u{c5}".utf8))
    // Marks in another order, and Hangul in parts.
    #expect(bytes("q\u{307}\u{323}") == Array("q\u{323}\u{307}".utf8))
    #expect(bytes("\u{1100}\u{1161}\u{11a8}") == Array("\u{ac01}".utf8))
    // NFC, not NFKC: a ligature is not its letters.
    #expect(bytes("\u{fb01}") == Array("\u{fb01}".utf8))
    #expect(bytes(" a ") == Array(" a ".utf8))
    #expect(Password("cafe\u{301}").count == 4)
  }

  @Test func `a password has 8 to 256 code points, counted after normalisation`() throws {
    #expect(try judgement(String(repeating: "p", count: 7)) == .passwordTooShort)
    #expect(try judgement(String(repeating: "p", count: 8)) == nil)
    #expect(try judgement(String(repeating: "😀", count: 8)) == nil)
    #expect(try judgement(String(repeating: "e\u{301}", count: 7)) == .passwordTooShort)
    #expect(try judgement(String(repeating: "p", count: 256)) == nil)
    #expect(try judgement(String(repeating: "p", count: 257)) == .passwordTooLong)
    #expect(try judgement(String(repeating: "e\u{301}", count: 256)) == nil)
    #expect(try judgement(String(repeating: "p", count: 14), policy: PasswordPolicy(minCount: 15)) == .passwordTooShort)
    #expect(try judgement("") == .passwordTooShort)
  }

  @Test func `a password that leans on its context is refused`() throws {
    #expect(try judgement("userd123") == .passwordContainsContext)
    #expect(try judgement("UserD-xy") == .passwordContainsContext)
    #expect(try judgement("annabel1", email: "annabel@example.org") == .passwordContainsContext)
    #expect(try judgement("xxAnNaBeL", email: "annabel@example.org") == .passwordContainsContext)
    #expect(try judgement("Ann Miller!", name: "Ann Miller") == .passwordContainsContext)
    #expect(try judgement("userduserd12", email: nil) == .passwordContainsContext)
  }

  @Test func `a common password is refused, dressed up or not`() throws {
    for text in ["password", "12345678", "PassWord", "P@ssw0rd!", "sunshine123", "iloveyou"] {
      #expect(try judgement(text) == .passwordBlocklisted, "\(text)")
    }
    for text in ["password of mine", "sunshine-and-rain", "password\u{301}", "１２３４５６７８"] {
      #expect(try judgement(text) == nil, "\(text)")
    }
    // Too short, or leaning on its context, says more.
    #expect(try judgement("dragon") == .passwordTooShort)
    #expect(try judgement("sunshine", email: "sunshine@example.org") == .passwordContainsContext)
  }

  @Test func `long enough without its context is good enough`() throws {
    #expect(try judgement("userd12345678") == nil)
    #expect(try judgement("userd1234567") == .passwordContainsContext)
    // Words of three code points are no context.
    #expect(try judgement("ann12345", email: "ann@example.org", name: "Ann") == nil)
    #expect(try judgement("anne1234", email: "anne@example.org") == .passwordContainsContext)
    #expect(try judgement("correct horse", email: "ann@example.org", name: "Ann") == nil)
    // Only ASCII case is ignored.
    #expect(try judgement("MÜLLERx1", name: "müller") == nil)
    #expect(try judgement("MüLLERx1", name: "müller") == .passwordContainsContext)
    // Another spelling of the same letters is the same context.
    #expect(try judgement("mu\u{308}llerx1", name: "m\u{fc}ller") == .passwordContainsContext)
  }

  @Test func `a hash is checked with one hash, and so is nothing at all`() throws {
    let hashes = HashCounter()
    let hasher = try PasswordHasher(parameters: TestServer.cost(), arenas: 1, random: .system) { hashes.count() }
    let stored = try hasher.hash(Password("correct horse"))
    #expect(hashes.value == 1)
    #expect(stored.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
    let right = try hasher.check(Password("correct horse"), against: stored)
    #expect(right.matches && !right.isOutdated)
    #expect(hashes.value == 2)
    #expect(try !hasher.check(Password("correct hors"), against: stored).matches)
    #expect(hashes.value == 3)
    #expect(try !hasher.check(Password("correct horse"), against: nil).matches)
    #expect(hashes.value == 4)
    #expect(try !hasher.check(Password(""), against: nil).matches)
    #expect(hashes.value == 5)
    // Longer than can be hashed: still one hash.
    #expect(try !hasher.check(Password(String(repeating: "x", count: 5000)), against: stored).matches)
    #expect(hashes.value == 6)
  }

  @Test func `a password too long to hash does not match the hash of nothing`() throws {
    let hasher = try PasswordHasher(parameters: TestServer.cost(), arenas: 1, random: .system)
    let empty = try hasher.hash(Password(""))
    #expect(try !hasher.check(Password(String(repeating: "x", count: 5000)), against: empty).matches)
  }

  @Test func `a hash of other parameters matches and asks to be made anew`() throws {
    let old = try PasswordHasher(parameters: TestServer.cost(), arenas: 1, random: .system)
    let new = try PasswordHasher(
      parameters: TestServer.cost(memoryKiB: 16), arenas: 1, random: .system)
    let verdict = try new.check(Password("correct horse"), against: try old.hash(Password("correct horse")))
    #expect(verdict.matches && verdict.isOutdated)
  }

  @Test func `a damaged hash is an error`() throws {
    let hasher = try PasswordHasher(parameters: TestServer.cost(), arenas: 1, random: .system)
    for text in ["", "$argon2id$", "$2b$10$abc", "plain"] {
      let error = refusal { try hasher.check(Password("x"), against: text) }
      guard case .storageFailed = error else {
        Issue.record("\(text): \(String(describing: error))")
        continue
      }
    }
  }

  @Test func `with all arenas in use a hash is refused, and works again afterwards`() throws {
    // The hook runs while the arena is taken: asking again from there finds none free.
    let inner = Mutex<(@Sendable () -> Void)?>(nil)
    let hasher = try PasswordHasher(parameters: TestServer.cost(), arenas: 1, random: .system) { inner.withLock { $0 }?() }
    let seen = Mutex<AuthError?>(nil)
    inner.withLock { hook in
      hook = {
        let error = refusal { try hasher.hash(Password("second")) }; seen.withLock { $0 = error }
      }
    }
    _ = try hasher.hash(Password("first"))
    #expect(seen.withLock { $0 } == .overloaded)
    inner.withLock { $0 = nil }
    _ = try hasher.hash(Password("third"))
  }
}
