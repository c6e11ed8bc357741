// The second half of a login: which code is taken, how often, and by whom.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct PendingLoginTests {
  private func server(_ change: (inout SessionOptions) -> Void = { _ in }) throws -> (
    server: TestServer, ann: Authentication, app: AuthenticatorApp, codes: [String]
  ) {
    let server = try TestServer(change)
    let ann = try server.register()
    let (app, codes) = try server.enroll(ann)
    server.clock.advance(seconds: 90)
    return (server, ann, app, codes)
  }

  @Test func `a code after the password begins the session, which says how`() throws {
    let (server, ann, app, codes) = try server()
    let before = try server.user(ann.user.id)
    let pending = try server.halfway(device: "kiosk-3")
    #expect(pending.methods == [.totp, .recoveryCode] && pending.expiresIn == 300 && pending.token.hasPrefix("uml1_"))
    #expect(server.refusal(pending.token) == .invalidToken)
    #expect(try server.user(ann.user.id) == before, "half a login is none")
    let done = try server.finish(pending, app.code(server.clock))
    #expect(done.session.methods == ["pwd", "otp"] && done.session.deviceName == "kiosk-3")
    #expect(done.session.authenticatedAt == server.clock.wallMilliseconds())
    #expect(done.user.lastLoginAt == server.clock.wallMilliseconds() && done.user.revision == before.revision)
    #expect(server.refusal(done.accessToken) == nil)
    #expect(refusal { try server.finish(pending, app.code(server.clock, steps: 1)) } == .mfaInvalid, "the token is used up")

    let other = try server.finish(server.halfway(), "recovery_code", codes[3].uppercased().replacing("-", with: " "))
    #expect(other.session.methods == ["pwd", "recovery_code"] && other.session.deviceName == nil)
    #expect(other.user.recoveryCodesLeft == 9 && other.user.revision == before.revision + 1)
    #expect(refusal { try server.finish(server.halfway(), "recovery_code", codes[3]) } == .mfaInvalid)
    let events = try server.events(of: ann.user.id)
    #expect(events.prefix(3) == [.codeFailed, .loginHalfway, .recoveryCodeUsed])
    #expect(events.contains(.sessionBegun))
    #expect(server.isSound)
  }

  @Test func `a code counts in its step, the one before and the one after, and once`() throws {
    for steps in -2...2 {
      let (server, _, app, _) = try server()
      let code = app.code(server.clock, steps: steps)
      let outcome = refusal { try server.finish(server.halfway(), code) }
      #expect(outcome == (abs(steps) <= 1 ? nil : .mfaInvalid), "\(steps)")
      #expect(refusal { try server.finish(server.halfway(), code) } == .mfaInvalid, "again")
      if steps == 1 {
        // A newer code was taken, so those of its step and before are used up.
        #expect(refusal { try server.finish(server.halfway(), app.code(server.clock)) } == .mfaInvalid)
      }
    }
    // The very edges of a step.
    let (server, _, app, _) = try server()
    let start = server.clock.wallMilliseconds() / 30_000 * 30_000
    server.clock.shiftWall(milliseconds: start - server.clock.wallMilliseconds())
    let code = app.code(server.clock)
    server.clock.advance(milliseconds: 59_999)
    _ = try server.finish(server.halfway(), code)
    let next = app.code(server.clock)
    server.clock.advance(milliseconds: 30_001 + 30_000)
    #expect(refusal { try server.finish(server.halfway(), next) } == .mfaInvalid)
  }

  @Test func `a clock that is set back brings no used code back`() throws {
    let (server, _, app, _) = try server()
    let old = app.code(server.clock, steps: -2)
    let used = app.code(server.clock)
    _ = try server.finish(server.halfway(), used)
    server.clock.shiftWall(milliseconds: -60_000)
    for code in [old, used, app.code(server.clock), app.code(server.clock, steps: 1)] {
      #expect(refusal { try server.finish(server.halfway(), code) } == .mfaInvalid)
    }
    server.clock.advance(seconds: 91)
    _ = try server.finish(server.halfway(), app.code(server.clock))
  }

  @Test func `five wrong codes end a pending login, and four do not`() throws {
    for wrongCount in [4, 5] {
      let (server, _, app, codes) = try server()
      let pending = try server.halfway()
      for number in 0..<wrongCount {
        let method = number % 2 == 0 ? "totp" : "recovery_code"
        let code = number % 2 == 0 ? app.wrongCode(server.clock) : RecoveryCode(from: .system).text
        #expect(refusal { try server.finish(pending, method, code) } == .mfaInvalid)
      }
      let outcome = refusal { try server.finish(pending, app.code(server.clock)) }
      #expect(outcome == (wrongCount == 4 ? nil : .mfaInvalid))
      _ = try server.finish(server.halfway(), "recovery_code", codes[0])
    }
  }

  @Test func `ten wrong codes in a quarter of an hour are all there are, over all logins, reauth and confirm`() throws {
    let (server, ann, app, codes) = try server()
    func isThrottled(_ body: () throws -> Void) -> Bool {
      if case .loginThrottled(let refusal) = refusal(body) {
        refusal.policy == "mfa-user" && refusal.retryAfter > 0
      } else {
        false
      }
    }
    for _ in 0..<2 {
      let pending = try server.halfway()
      for _ in 0..<4 { #expect(refusal { try server.finish(pending, app.wrongCode(server.clock)) } == .mfaInvalid) }
    }
    // A right code forgives nothing.
    _ = try server.finish(server.halfway(), app.code(server.clock))
    let principal = try server.principal(ann)
    let wrong = ReauthForm(code: .text(app.wrongCode(server.clock)))
    #expect(refusal { try server.sessions.reauthenticate(wrong, by: principal, from: TestServer.origin) } == .mfaInvalid)
    _ = try server.settle(server.sessions.enroll(principal, from: TestServer.origin))
    let confirm = CodeForm(code: .text(app.wrongCode(server.clock)))
    #expect(refusal { try server.sessions.confirm(confirm, by: principal, from: TestServer.origin) } == .mfaInvalid)
    // Ten. The next one is not even looked at, right or wrong, by app or by recovery code.
    server.clock.advance(seconds: 60)
    let pending = try server.halfway()
    #expect(isThrottled { _ = try server.finish(pending, app.code(server.clock)) })
    #expect(isThrottled { _ = try server.finish(pending, "recovery_code", codes[0]) })
    #expect(isThrottled { _ = try server.sessions.reauthenticate(wrong, by: principal, from: TestServer.origin) })
    server.clock.advance(seconds: 16 * 60)
    _ = try server.finish(server.halfway(), app.code(server.clock))
    let left = try server.finish(server.halfway(), "recovery_code", codes[0])
    #expect(left.user.recoveryCodesLeft == 9, "what was refused used nothing up")
  }

  @Test func `of thirty-two who bring one code at the same time exactly one gets in`() throws {
    let (server, ann, app, codes) = try server { $0.maxSessions = 100 }
    for (method, code) in [("totp", app.code(server.clock)), ("recovery_code", codes[0])] {
      // Eight logins wait, and four come with each.
      let pending = try (0..<8).map { _ in try server.halfway() }
      let before = try server.sessionIDs(of: ann.user.id).count
      let winners = Atomic<Int>(0)
      let sessions = server.sessions
      inParallel(32) { index in
        let form = PendingLoginForm(mfaToken: .text(pending[index % 8].token), method: .text(method), code: .text(code))
        let outcome = refusal { try sessions.login(form, from: TestServer.origin) }
        switch outcome {
        case nil: winners.wrappingAdd(1, ordering: .relaxed)
        case .mfaInvalid, .loginThrottled: break
        default: Issue.record("\(outcome!)")
        }
      }
      try server.database.waitUntilDurable(sessions.heldPosition)
      #expect(winners.load(ordering: .relaxed) == 1)
      #expect(try server.sessionIDs(of: ann.user.id).count == before + 1)
      server.clock.advance(seconds: 16 * 60)
    }
    #expect(try server.user(ann.user.id).recoveryCodesLeft == 9)
    #expect(server.isSound)
  }

  @Test func `a pending login ends with its time, with a change of the password, and with the account`() throws {
    let (server, ann, app, _) = try server()
    var pending = try server.halfway()
    server.clock.advance(milliseconds: 299_999)
    let second = try server.halfway()
    server.clock.advance(milliseconds: 1)
    #expect(refusal { try server.finish(pending, app.code(server.clock)) } == .mfaInvalid)
    _ = try server.finish(second, app.code(server.clock))

    server.clock.advance(seconds: 60)
    pending = try server.halfway()
    try server.change(ann.user.id) { $0.status = .disabled }
    #expect(refusal { try server.finish(pending, app.code(server.clock)) } == .accountDisabled)
    try server.change(ann.user.id) { $0.status = .deleted }
    #expect(refusal { try server.finish(pending, app.code(server.clock)) } == .mfaInvalid)
    try server.change(ann.user.id) {
      $0.status = .active
      $0.epoch += 1
    }
    #expect(refusal { try server.finish(pending, app.code(server.clock)) } == .mfaInvalid)
    _ = try server.finish(server.halfway(), app.code(server.clock))
  }

  @Test func `what is no pending login is refused alike, and fields are judged`() throws {
    let (server, _, app, _) = try server()
    let pending = try server.halfway()
    for token in [
      "", "uml1_", pending.token + "A", "upr1_" + pending.token.dropFirst(5), "uml1_" + String(repeating: "A", count: 43),
    ] {
      #expect(refusal { try server.finish(token: token, "totp", app.code(server.clock)) } == .mfaInvalid)
    }
    let form = PendingLoginForm(mfaToken: .absent, method: .text("sms"), code: .otherType)
    guard case .invalid(let fields) = refusal({ try server.sessions.login(form, from: TestServer.origin) }) else {
      Issue.record("accepted")
      return
    }
    #expect(fields.map(\.pointer) == ["#/mfaToken", "#/method", "#/code"])
    #expect(fields.map(\.code) == [.required, .invalidValue, .invalidType])
    _ = try server.finish(pending, app.code(server.clock))
  }

  @Test func `with or without an app, and known or not, a wrong password is one answer after one hash`() throws {
    let (server, _, _, _) = try server()
    _ = try server.register("bob@example.org", "correct horse", "Bob")
    for email in ["ann@example.org", "bob@example.org", "nobody@example.org"] {
      let count = server.hashes.during { #expect(refusal { try server.login(email, "wrong horse") } == .invalidCredentials) }
      #expect(count == 1)
    }
    #expect(try server.hashes.during { _ = try server.halfway() } == 1)
  }
}
