// An authenticator app as a person has it: made of what the enrolment shows, knowing the time.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport

@testable import Auth
@testable import Crypto

struct AuthenticatorApp {
  let secret: [UInt8]

  /// - Parameter text: base 32, as it is shown.
  init(_ text: String) throws {
    guard let secret = Base32.decode(text.utf8.span) else { throw BadSecret() }
    self.secret = secret
  }

  struct BadSecret: Error {}

  /// The code of the step that lies so many steps away from now.
  func code(_ clock: ManualClock, steps: Int = 0) -> String {
    let step = Int64(TOTP.step(atSeconds: clock.wallMilliseconds() / 1000)) + Int64(steps)
    let digits = TOTP.digits(of: TOTP.code(secret: secret.span, counter: UInt64(step)))
    return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
  }

  /// A code that is right nowhere near now.
  func wrongCode(_ clock: ManualClock) -> String {
    let near = (-2...2).map { code(clock, steps: $0) }
    return ["000000", "111111", "222222", "333333", "444444", "555555"].first { !near.contains($0) } ?? "666666"
  }
}

extension TestServer {
  func principal(_ login: Authentication) throws -> Principal { try authenticate(login.accessToken) }

  /// Sets an app up for whoever logged in so.
  func enroll(_ login: Authentication) throws -> (app: AuthenticatorApp, recoveryCodes: [String]) {
    let app = try AuthenticatorApp(settle(sessions.enroll(principal(login), from: TestServer.origin)).secret)
    let form = CodeForm(code: .text(app.code(clock)))
    return (app, try settle(sessions.confirm(form, by: principal(login), from: TestServer.origin)))
  }

  /// The first half of a login with a second one.
  func halfway(_ email: String = "ann@example.org", _ password: String = "correct horse", device: String? = nil) throws
    -> PendingLogin
  {
    do {
      _ = try login(email, password, device: device)
      throw NotHalfway()
    } catch AuthError.mfaRequired(let pending) {
      try database.waitUntilDurable(sessions.heldPosition)
      return pending
    }
  }

  struct NotHalfway: Error {}

  /// The second half, with a code of the app.
  func finish(_ pending: PendingLogin, _ code: String) throws -> Authentication { try finish(token: pending.token, "totp", code) }

  func finish(_ pending: PendingLogin, _ method: String, _ code: String) throws -> Authentication {
    try finish(token: pending.token, method, code)
  }

  func finish(token: String, _ method: String, _ code: String) throws -> Authentication {
    do {
      let form = PendingLoginForm(mfaToken: .text(token), method: .text(method), code: .text(code))
      return try settle(sessions.login(form, from: Self.origin))
    } catch {
      try database.waitUntilDurable(sessions.heldPosition)
      throw error
    }
  }

  func user(_ id: UserID) throws -> User { try accounts.get(id, by: .owner) }

  func sessionIDs(of id: UserID) throws -> Set<UUID> {
    Set(
      try store.read { (transaction) throws(RepositoryError) in try store.sessions.all(of: id.uuid, in: &transaction) }
        .map(\.id))
  }

  /// What happened to a user, newest first.
  func events(of id: UserID) throws -> [AuditEvent] {
    var events: [AuditEvent] = []
    try store.read { (transaction) throws(RepositoryError) in
      try store.audit.scan(before: nil, in: &transaction) { record in
        if record.subject == id.uuid { events.append(record.event) }
        return .next
      }
    }
    return events
  }
}
