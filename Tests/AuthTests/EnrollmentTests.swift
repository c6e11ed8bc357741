// Setting up an authenticator app, doing without it again, and recovery codes.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct EnrollmentTests {
  @Test func `an app is on from the code that confirms it, and the account says so`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let shown = try server.settle(server.sessions.enroll(server.principal(ann), from: TestServer.origin))
    #expect(shown.otpauthURI.hasPrefix("otpauth://totp/userd:ann%40example.org?secret=\(shown.secret)&issuer=userd"))
    #expect(try !server.user(ann.user.id).hasSecondFactors, "nobody has shown that it works")
    #expect(try server.user(ann.user.id).revision == ann.user.revision)
    _ = try server.login()

    let app = try AuthenticatorApp(shown.secret)
    let form = CodeForm(code: .text(app.code(server.clock)))
    let codes = try server.settle(server.sessions.confirm(form, by: server.principal(ann), from: TestServer.origin))
    #expect(codes.count == 10 && Set(codes).count == 10 && codes.allSatisfy { RecoveryCode(entered: $0)?.text == $0 })
    let user = try server.user(ann.user.id)
    #expect(user.hasSecondFactors && user.recoveryCodesLeft == 10 && user.revision == ann.user.revision + 1)
    #expect(try server.events(of: user.id).prefix(2) == [.totpEnabled, .sessionBegun])
    #expect(refusal { try server.login() }.map { if case .mfaRequired = $0 { true } else { false } } == true)
    #expect(server.refusal(ann.accessToken) == nil, "sessions that were there stay")
    #expect(server.isSound)
  }

  @Test func `a wrong code confirms nothing, and the code that confirms logs nobody in`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let principal = try server.principal(ann)
    func confirm(_ code: String) -> AuthError? {
      refusal { try server.settle(server.sessions.confirm(CodeForm(code: .text(code)), by: principal, from: TestServer.origin)) }
    }
    #expect(confirm("123456") == .notFound, "nothing waits")
    let app = try AuthenticatorApp(server.settle(server.sessions.enroll(principal, from: TestServer.origin)).secret)
    for wrong in ["", "12345", "1234567", "abcdef", "１２３４５６", app.wrongCode(server.clock), app.code(server.clock, steps: 2)] {
      #expect(confirm(wrong) == .mfaInvalid, "\(wrong)")
    }
    try server.database.waitUntilDurable(server.sessions.heldPosition)
    #expect(try !server.user(ann.user.id).hasSecondFactors)
    let code = app.code(server.clock)
    #expect(confirm("\(code.prefix(3)) \(code.suffix(3))") == nil, "apps show codes in groups")
    let pending = try server.halfway()
    #expect(refusal { try server.finish(pending, code) } == .mfaInvalid)
    #expect(confirm(code) == .notFound, "confirmed once")
  }

  @Test func `an enrolment that is begun again or left alone for an hour is void`() throws {
    let server = try TestServer()
    let principal = try server.principal(server.register())
    func begin() throws -> AuthenticatorApp {
      try AuthenticatorApp(server.settle(server.sessions.enroll(principal, from: TestServer.origin)).secret)
    }
    func confirm(_ app: AuthenticatorApp, by principal: Principal) -> AuthError? {
      refusal {
        try server.settle(
          server.sessions.confirm(CodeForm(code: .text(app.code(server.clock))), by: principal, from: TestServer.origin))
      }
    }
    let first = try begin()
    let second = try begin()
    #expect(first.secret != second.secret)
    #expect(confirm(first, by: principal) == .mfaInvalid)
    server.clock.advance(milliseconds: SecondFactors.enrollmentMilliseconds)
    let later = try server.principal(server.login())
    #expect(confirm(second, by: later) == .notFound)
    let third = try AuthenticatorApp(server.settle(server.sessions.enroll(later, from: TestServer.origin)).secret)
    #expect(confirm(third, by: later) == nil)
  }

  @Test func `a second app takes over when it is confirmed, with recovery codes of its own`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (first, oldCodes) = try server.enroll(ann)
    server.clock.advance(seconds: 60)
    let second = try AuthenticatorApp(
      server.settle(server.sessions.enroll(server.principal(ann), from: TestServer.origin)).secret)
    _ = try server.finish(server.halfway(), first.code(server.clock))
    #expect(refusal { try server.finish(server.halfway(), second.code(server.clock)) } == .mfaInvalid)
    let waiting = try server.halfway()
    let form = CodeForm(code: .text(second.code(server.clock)))
    let codes = try server.settle(server.sessions.confirm(form, by: server.principal(ann), from: TestServer.origin))
    server.clock.advance(seconds: 60)
    #expect(refusal { try server.finish(waiting, second.code(server.clock)) } == .mfaInvalid, "of the time of the first app")
    let pending = try server.halfway()
    #expect(refusal { try server.finish(pending, first.code(server.clock)) } == .mfaInvalid)
    #expect(refusal { try server.finish(pending, "recovery_code", oldCodes[0]) } == .mfaInvalid)
    _ = try server.finish(pending, second.code(server.clock))
    _ = try server.finish(server.halfway(), "recovery_code", codes[0])
  }

  @Test func `everything about second factors asks for a recent login and a session that lives`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (app, _) = try server.enroll(ann)
    let principal = try server.principal(ann)
    func refusals(_ principal: Principal) -> [AuthError?] {
      [
        refusal { try server.sessions.enroll(principal, from: TestServer.origin) },
        refusal {
          try server.sessions.confirm(CodeForm(code: .text(app.code(server.clock))), by: principal, from: TestServer.origin)
        },
        refusal { try server.sessions.disableSecondFactors(principal, from: TestServer.origin) },
        refusal { try server.sessions.replaceRecoveryCodes(principal, from: TestServer.origin) },
      ]
    }
    try server.logout(access: ann.accessToken)
    // Nothing waits to be confirmed, which is said first.
    #expect(refusals(principal) == [.sessionRevoked, .notFound, .sessionRevoked, .sessionRevoked])
    server.clock.advance(seconds: 600)
    #expect(refusals(principal) == Array(repeating: .reauthRequired, count: 4))
    #expect(try server.user(ann.user.id).hasSecondFactors)
  }

  @Test func `without an app again, the password alone logs in and nothing of before is of use`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (app, codes) = try server.enroll(ann)
    server.clock.advance(seconds: 60)
    let waiting = try server.halfway()
    try server.database.waitUntilDurable(server.sessions.disableSecondFactors(server.principal(ann), from: TestServer.origin))
    let user = try server.user(ann.user.id)
    #expect(!user.hasSecondFactors && user.recoveryCodesLeft == 0 && user.revision == ann.user.revision + 2)
    #expect(refusal { try server.finish(waiting, app.code(server.clock)) } == .mfaInvalid)
    #expect(refusal { try server.finish(waiting, "recovery_code", codes[0]) } == .mfaInvalid)
    #expect(try server.login().session.methods == ["pwd"])
    #expect(refusal { try server.sessions.disableSecondFactors(server.principal(ann), from: TestServer.origin) } == .notFound)
    #expect(refusal { try server.sessions.replaceRecoveryCodes(server.principal(ann), from: TestServer.origin) } == .notFound)
    #expect(try server.events(of: user.id).contains(.totpDisabled))
    let (again, _) = try server.enroll(ann)
    server.clock.advance(seconds: 60)
    #expect(refusal { try server.finish(waiting, again.code(server.clock)) } == .mfaInvalid, "nor with an app of later")
    #expect(server.isSound)
  }

  @Test func `new recovery codes make all older ones void`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (_, old) = try server.enroll(ann)
    _ = try server.finish(server.halfway(), "recovery_code", old[0])
    #expect(try server.user(ann.user.id).recoveryCodesLeft == 9)
    let new = try server.settle(server.sessions.replaceRecoveryCodes(server.principal(ann), from: TestServer.origin))
    #expect(try server.user(ann.user.id).recoveryCodesLeft == 10 && Set(new).isDisjoint(with: old))
    let pending = try server.halfway()
    #expect(refusal { try server.finish(pending, "recovery_code", old[1]) } == .mfaInvalid)
    _ = try server.finish(pending, "recovery_code", new[0])
    #expect(try server.events(of: ann.user.id).contains(.recoveryCodesReplaced))
  }

  @Test func `a sealed secret opens for its own user under its own key, and nowhere else`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let (app, codes) = try server.enroll(ann)
    _ = try server.enroll(bob)
    server.clock.advance(seconds: 60)
    // Bob's row gets Ann's secret, as somebody could do who can write into the store.
    let stolen = try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.secondFactors.find(of: ann.user.id.uuid, in: &transaction)?.sealedSecret
    }
    try server.changeFactors(of: bob.user.id) { $0.sealedSecret = stolen }
    let pending = try server.halfway("bob@example.org")
    #expect(pending.methods == [.recoveryCode], "a secret that does not open is none")
    #expect(refusal { try server.finish(pending, app.code(server.clock)) } == .mfaInvalid)
    #expect(refusal { try server.finish(pending, "recovery_code", codes[0]) } == .mfaInvalid, "Ann's code")
    // A store that came back without its keys: Ann's recovery codes are all that is left.
    try server.reopen(losingKey: "wrap")
    let left = try server.halfway()
    #expect(left.methods == [.recoveryCode])
    #expect(refusal { try server.finish(left, app.code(server.clock)) } == .mfaInvalid)
    let done = try server.finish(left, "recovery_code", codes[0])
    #expect(done.user.hasSecondFactors && done.user.recoveryCodesLeft == 9)
    let (again, _) = try server.enroll(done)
    server.clock.advance(seconds: 60)
    _ = try server.finish(server.halfway(), again.code(server.clock))
  }

  @Test func `nothing that opens an account prints`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let (app, codes) = try server.enroll(ann)
    let pending = try server.halfway()
    let sealed = SeenCode.step(1, of: [1, 2, 3])
    var dumped = "\(AuthError.mfaRequired(pending)) \(pending) \(sealed)"
    dump(pending, to: &dumped)
    dump(sealed, to: &dumped)
    dump(AuthError.mfaRequired(pending), to: &dumped)
    #expect(!dumped.contains(pending.token.dropFirst(5)) && !dumped.contains("[1, 2, 3]"))
    let stored = try server.contents()
    for secret in codes + [pending.token, Base32.encodedString(app.secret.span)] { #expect(!stored.contains(secret)) }
  }

  @Test func `an administrator takes the factors off whoever has lost them, and nobody above themselves`() throws {
    let server = try TestServer()
    let ann = try server.register()
    let bob = try server.register("bob@example.org", "correct horse", "Bob")
    let (app, _) = try server.enroll(ann)
    server.clock.advance(seconds: 60)
    let waiting = try server.halfway()
    let stranger = Authority.principal(try server.principal(bob))
    #expect(refusal { try server.accounts.resetSecondFactors(ann.user.id, by: stranger) } == .forbidden)
    try server.change(bob.user.id) { $0.role = .admin }
    let root = Authority.principal(try server.principal(bob))
    let user = try server.settle(server.accounts.resetSecondFactors(ann.user.id, by: root))
    #expect(!user.hasSecondFactors && user.recoveryCodesLeft == 0 && user.revision == ann.user.revision + 2)
    #expect(refusal { try server.finish(waiting, app.code(server.clock)) } == .mfaInvalid)
    #expect(server.refusal(ann.accessToken) == nil)
    #expect(try server.login().session.methods == ["pwd"])
    #expect(try server.events(of: user.id).contains(.factorsReset))
    let again = try server.settle(server.accounts.resetSecondFactors(ann.user.id, by: root))
    #expect(again.revision == user.revision, "nothing left to take")
    #expect(refusal { try server.accounts.resetSecondFactors(UserID(UUID(high: 4, low: 4)), by: root) } == .notFound)
    #expect(server.isSound)
  }

  // `recover` took the row away and left the number of recovery codes in the user's record, which nobody could read from then on.
  @Test func `whoever is taken back by the owner of the folder has no factors, and an account that works`() throws {
    let server = try TestServer()
    let ann = try server.register()
    _ = try server.enroll(ann)
    let form = RecoveryForm(email: .text("ann@example.org"), password: .text("a better password"))
    _ = try server.settle(server.accounts.recover(form, by: .owner))
    #expect(try server.user(ann.user.id).hasSecondFactors == false)
    #expect(try server.login("ann@example.org", "a better password").session.methods == ["pwd"])
    #expect(server.isSound)
  }
}
