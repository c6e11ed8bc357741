// The table of refresh tokens row by row, in parallel, and across restarts.

import Codecs
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct RefreshTests {
  @Test func `the current token yields the next generation`() throws {
    let server = try TestServer()
    let first = try server.register()
    server.clock.advance(seconds: 60)
    let second = try server.refresh(first.refreshToken)
    #expect(second.refreshToken != first.refreshToken)
    #expect(second.session.id == first.session.id)
    #expect(second.session.lastUsedAt == first.session.lastUsedAt + 60_000)
    #expect(second.session.idleExpiresAt == first.session.idleExpiresAt + 60_000)
    #expect(second.session.expiresAt == first.session.expiresAt)
    #expect(second.refreshExpiresIn == 14 * 86_400 && second.expiresIn == 600)
    #expect(server.refusal(second.accessToken) == nil)
    #expect(try server.session(first.session.id)?.generation == 2)
    #expect(server.isSound)
  }

  @Test func `a token has sixty characters and the same text for the same generation`() throws {
    let server = try TestServer()
    let first = try server.register()
    #expect(first.refreshToken.utf8.count == 60 && first.refreshToken.hasPrefix("urt1_"))
    let second = try server.refresh(first.refreshToken, key: "k")
    #expect(try server.refresh(first.refreshToken, key: "k").refreshToken == second.refreshToken)
  }

  @Test func `a retry with the same key gets the same token any time later`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.refresh(first.refreshToken, key: "retry-1")
    for wait in [1, 60, 86_400, 86_400] {
      server.clock.advance(seconds: wait)
      let again = try server.refresh(first.refreshToken, key: "retry-1")
      #expect(again.refreshToken == second.refreshToken)
      #expect(server.refusal(again.accessToken) == nil)
    }
    #expect(try server.session(first.session.id)?.generation == 2)
    // The retries have not used up the token they returned.
    let third = try server.refresh(second.refreshToken)
    #expect(third.refreshToken != second.refreshToken)
  }

  @Test func `a retry with another key counts as another tab, and after the grace as reuse`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.refresh(first.refreshToken, key: "a")
    #expect(try server.refresh(first.refreshToken, key: "b").refreshToken == second.refreshToken)
    server.clock.advance(seconds: 11)
    #expect(refusal { try server.refresh(first.refreshToken, key: "b") } == .refreshReused)
    #expect(refusal { try server.refresh(second.refreshToken) } == .refreshInvalid)
  }

  @Test func `the key of the rotation before helps nobody`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    let first = try server.register()
    let second = try server.refresh(first.refreshToken, key: "k")
    _ = try server.refresh(second.refreshToken)
    #expect(refusal { try server.refresh(second.refreshToken, key: "k") } == .refreshReused)
  }

  @Test func `within the grace the last token is good for three more answers`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.refresh(first.refreshToken)
    for _ in 0..<3 { #expect(try server.refresh(first.refreshToken).refreshToken == second.refreshToken) }
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshReused)
    #expect(server.refusal(second.accessToken) == .sessionRevoked)
    #expect(try server.session(first.session.id) == nil)
    #expect(server.isSound)
  }

  @Test func `the count of repeats begins anew with each rotation`() throws {
    let server = try TestServer()
    var last = try server.register().refreshToken
    for _ in 0..<3 {
      let next = try server.refresh(last).refreshToken
      for _ in 0..<3 { #expect(try server.refresh(last).refreshToken == next) }
      last = next
    }
  }

  @Test func `the grace ends when it says`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.refresh(first.refreshToken)
    server.clock.advance(milliseconds: 10_000)
    #expect(try server.refresh(first.refreshToken).refreshToken == second.refreshToken)
    server.clock.advance(milliseconds: 1)
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshReused)
  }

  @Test func `without grace and key a token works exactly once`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    let first = try server.register()
    let second = try server.refresh(first.refreshToken)
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshReused)
    #expect(refusal { try server.refresh(second.refreshToken) } == .refreshInvalid)
  }

  @Test func `a token older than the last but one ends the session`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.refresh(first.refreshToken, key: "k")
    let third = try server.refresh(second.refreshToken)
    #expect(refusal { try server.refresh(first.refreshToken, key: "k") } == .refreshReused)
    #expect(refusal { try server.refresh(third.refreshToken) } == .refreshInvalid)
    #expect(server.refusal(third.accessToken) == .sessionRevoked)
  }

  @Test func `reuse ends the one session and no other`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    let first = try server.register()
    let other = try server.login()
    _ = try server.refresh(first.refreshToken)
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshReused)
    #expect(server.refusal(other.accessToken) == nil)
  }

  @Test func `a wall clock that was set back counts as no time`() throws {
    let server = try TestServer()
    let first = try server.register()
    let second = try server.refresh(first.refreshToken)
    server.clock.shiftWall(milliseconds: -3_600_000)
    #expect(try server.refresh(first.refreshToken).refreshToken == second.refreshToken)
  }

  @Test func `a token cut, changed or forged is invalid and changes nothing`() throws {
    let server = try TestServer()
    let first = try server.register()
    let token = first.refreshToken
    for count in 0..<token.utf8.count { #expect(refusal { try server.refresh(String(token.prefix(count))) } == .refreshInvalid) }
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+ ")
    for (index, character) in token.enumerated() {
      for other in [alphabet[(index * 7) % alphabet.count], alphabet[(index * 13 + 5) % alphabet.count], "."]
      where other != character {
        var changed = Array(token)
        changed[index] = other
        #expect(refusal { try server.refresh(String(changed)) } == .refreshInvalid)
      }
    }
    for bad in [token + "A", token + "=", "urt1_", "URT1_" + token.dropFirst(5), "urt2_" + token.dropFirst(5), "", " " + token] {
      #expect(refusal { try server.refresh(bad) } == .refreshInvalid)
    }
    #expect(try server.session(first.session.id)?.generation == 1)
    _ = try server.refresh(token)
  }

  @Test func `a forged old generation cannot end a session`() throws {
    let server = try TestServer()
    let first = try server.register()
    _ = try server.refresh(first.refreshToken)
    // Right session, old generation, a tag of the right key but another seed: what a stolen key file without the database could make.
    var stranger = try #require(try server.session(first.session.id))
    stranger.seed = InlineArray(repeating: 7)
    let forged = RefreshToken(
      storeEpoch: server.store.identity.epoch, session: stranger, generation: 1, key: server.keys.refreshTags)
    #expect(refusal { try server.refresh(forged.text) } == .refreshInvalid)
    #expect(try server.session(first.session.id) != nil)
  }

  @Test func `a generation that was never made is invalid though its tag is right`() throws {
    let server = try TestServer()
    let first = try server.register()
    let record = try #require(try server.session(first.session.id))
    let future = RefreshToken(
      storeEpoch: server.store.identity.epoch, session: record, generation: 2, key: server.keys.refreshTags)
    #expect(refusal { try server.refresh(future.text) } == .refreshInvalid)
    #expect(try server.session(first.session.id)?.generation == 1)
  }

  @Test func `a token of another store epoch is invalid`() throws {
    let server = try TestServer()
    let first = try server.register()
    let record = try #require(try server.session(first.session.id))
    let other = RefreshToken(storeEpoch: 1, session: record, generation: 1, key: server.keys.refreshTags)
    #expect(refusal { try server.refresh(other.text) } == .refreshInvalid)
  }

  @Test func `a session ends when idle too long and after its absolute life`() throws {
    let idle = try TestServer()
    let first = try idle.register()
    idle.clock.advance(milliseconds: 14 * 86_400_000 - 1)
    let second = try idle.refresh(first.refreshToken)
    idle.clock.advance(milliseconds: 14 * 86_400_000)
    #expect(refusal { try idle.refresh(second.refreshToken) } == .refreshInvalid)

    let absolute = try TestServer()
    var last = try absolute.register()
    absolute.clock.advance(seconds: 12 * 86_400)
    last = try absolute.refresh(last.refreshToken)
    absolute.clock.advance(seconds: 12 * 86_400)
    last = try absolute.refresh(last.refreshToken)
    #expect(last.refreshExpiresIn == 6 * 86_400)
    absolute.clock.advance(milliseconds: 6 * 86_400_000 - 1)
    last = try absolute.refresh(last.refreshToken)
    #expect(last.refreshExpiresIn == 0)
    absolute.clock.advance(milliseconds: 1)
    #expect(refusal { try absolute.refresh(last.refreshToken) } == .refreshInvalid)
  }

  @Test func `a user who is disabled, deleted or given a new epoch refreshes no more`() throws {
    let server = try TestServer()
    let first = try server.register()
    try server.change(first.user.id) { $0.status = .disabled }
    #expect(refusal { try server.refresh(first.refreshToken) } == .accountDisabled)
    try server.change(first.user.id) { $0.status = .deleted }
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshInvalid)
    try server.change(first.user.id) { $0.status = .active }
    let second = try server.refresh(first.refreshToken)
    try server.change(first.user.id) { $0.epoch += 1 }
    #expect(refusal { try server.refresh(second.refreshToken) } == .refreshInvalid)
    #expect(server.refusal(second.accessToken) == .sessionRevoked)
  }

  @Test func `a body without a proper member is judged, not tried`() throws {
    let server = try TestServer()
    func complaints(_ form: RefreshForm) -> [FieldError]? {
      guard case .invalid(let fields) = refusal({ try server.sessions.refresh(form, idempotencyKey: nil) }) else { return nil }
      return fields
    }
    #expect(complaints(RefreshForm(refreshToken: .absent))?.map(\.code) == [.required])
    #expect(complaints(RefreshForm(refreshToken: .otherType))?.map(\.code) == [.invalidType])
    let unknown = FieldError("#/x", .unknownField, "this member is not known")
    #expect(complaints(RefreshForm(refreshToken: .absent, complaints: [unknown]))?.map(\.pointer) == ["#/x", "#/refreshToken"])
  }

  @Test func `rotation, retry and reuse outlive a restart`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    let first = try server.register()
    let second = try server.refresh(first.refreshToken, key: "k")
    try server.reopen()
    #expect(server.refusal(second.accessToken) == nil)
    #expect(try server.refresh(first.refreshToken, key: "k").refreshToken == second.refreshToken)
    #expect(refusal { try server.refresh(first.refreshToken) } == .refreshReused)
    try server.reopen()
    #expect(refusal { try server.refresh(second.refreshToken) } == .refreshInvalid)
    #expect(server.isSound)
  }

  @Test func `of many threads with one token exactly one makes a generation`() throws {
    for (grace, key) in [(0, nil), (10, nil), (0, "same-key"), (10, "same-key")] as [(Int, String?)] {
      let server = try TestServer { $0.refreshGrace = grace }
      for _ in 0..<(4 * testScale) {
        let first = try server.login(orRegister: true)
        let sessions = server.sessions
        let results = Mutex<[Result<String, AuthError>]>([])
        inParallel(16) { _ in
          let form = RefreshForm(refreshToken: .text(first.refreshToken))
          do throws(AuthError) {
            let done = try sessions.refresh(form, idempotencyKey: key.map { IdempotencyKey($0.utf8.span)! })
            results.withLock { $0.append(.success(done.value.refreshToken)) }
          } catch {
            results.withLock { $0.append(.failure(error)) }
          }
        }
        let all = results.withLock { $0 }
        let tokens = all.compactMap { try? $0.get() }
        #expect(Set(tokens).count == 1, "exactly one new generation")
        let refusals = all.compactMap { result -> AuthError? in if case .failure(let error) = result { error } else { nil } }
        if key != nil {
          #expect(tokens.count == 16 && refusals.isEmpty)
          try server.database.waitUntilDurable(server.sessions.heldPosition)
          #expect(try server.session(first.session.id)?.generation == 2)
        } else {
          #expect(tokens.count == (grace == 0 ? 1 : 4))
          #expect(
            refusals.count { $0 == .refreshReused } == 1 && refusals.allSatisfy { $0 == .refreshReused || $0 == .refreshInvalid })
        }
      }
      #expect(server.isSound)
    }
  }
}

extension TestServer {
  /// A new session of Ann, who is registered if need be.
  func login(orRegister: Bool) throws -> Authentication {
    do {
      return try login()
    } catch AuthError.invalidCredentials {
      return try register()
    }
  }
}
