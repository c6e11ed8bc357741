// A client that goes through the whole contract, row by row, and then does all that is refused.

import Auth
import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import API
@testable import Crypto

struct ContractTour {
  let server: APIServer
  var ledger = ContractLedger()
  private static let password = APIServer.password

  init() throws {
    var delivery = DeliveryOptions()
    delivery.isOn = true
    server = try APIServer(delivery: delivery) { $0.accessLifetime = 3600 }
  }

  /// A person from the first day to the last.
  mutating func person() throws {
    let registered = try ledger.ask(
      server, "POST", "/api/auth/register", Self.account("ann@example.org"), expects: 201)
    var ann = try server.pair(registered, status: 201)
    let verify = try #require(try server.deliver().first)
    try ledger.ask(server, "POST", "/api/auth/email/resend", token: ann.access, expects: 202)
    let again = try #require(try server.deliver().first)
    try ledger.ask(server, "POST", "/api/auth/email/verify", #"{"token":"\#(verify)"}"#, expects: 410)
    try ledger.ask(server, "POST", "/api/auth/email/verify", #"{"token":"\#(again)"}"#, expects: 204)
    let body = #"{"email":"ann@example.org","password":"\#(Self.password)","deviceName":"kiosk"}"#
    let other = try server.pair(try ledger.ask(server, "POST", "/api/auth/login", body, expects: 200), status: 200)
    let third = try server.pair(try ledger.ask(server, "POST", "/api/auth/login", body, expects: 200), status: 200)
    let refresh = #"{"refreshToken":"\#(ann.refresh)"}"#
    ann = try server.pair(
      try ledger.ask(server, "POST", "/api/auth/refresh", refresh, fields: ["Idempotency-Key: k1"], expects: 200), status: 200)
    try ledger.ask(server, "GET", "/api/auth/me", token: ann.access, expects: 200)
    try ledger.ask(server, "GET", "/api/auth/me", token: ann.access, fields: ["If-None-Match: *"], expects: 304)
    try ledger.ask(server, "PATCH", "/api/auth/me", #"{"name":"Ann B."}"#, token: ann.access, expects: 200)
    try ledger.ask(
      server, "PATCH", "/api/auth/me", #"{"name":"X"}"#, token: ann.access, fields: [#"If-Match: "r1""#], expects: 412)
    try ledger.ask(server, "GET", "/api/auth/sessions?limit=2", token: ann.access, expects: 200)
    try ledger.ask(server, "DELETE", "/api/auth/sessions/\(other.sessionID)", token: ann.access, expects: 204)
    try ledger.ask(server, "DELETE", "/api/auth/sessions", token: ann.access, expects: 204)
    try ledger.ask(server, "GET", "/api/auth/me", token: third.access, expects: 401)
    try ledger.ask(server, "POST", "/api/auth/reauth", #"{"password":"\#(Self.password)"}"#, token: ann.access, expects: 200)
    let change = #"{"newEmail":"anna@example.org","password":"\#(Self.password)"}"#
    try ledger.ask(server, "POST", "/api/auth/email/change", change, token: ann.access, expects: 202)
    try ledger.ask(
      server, "POST", "/api/auth/password/change",
      #"{"currentPassword":"\#(Self.password)","newPassword":"another horse battery"}"#, token: ann.access, expects: 204)
    try ledger.ask(server, "POST", "/api/auth/password/forgot", #"{"email":"ann@example.org"}"#, expects: 202)
    let reset = try #require(try server.deliver().first { $0.hasPrefix("upr1_") })
    try ledger.ask(
      server, "POST", "/api/auth/password/reset", #"{"token":"\#(reset)","newPassword":"\#(Self.password)"}"#, expects: 204)
    let last = try server.login()
    try ledger.ask(server, "POST", "/api/auth/logout", token: last.access, expects: 204)
    let goodbye = try server.login()
    try ledger.ask(
      server, "DELETE", "/api/auth/me", #"{"password":"\#(Self.password)"}"#, token: goodbye.access, expects: 204)
  }

  mutating func secondFactors() throws {
    let bob = try server.register("bob@example.org")
    let begun = try ledger.ask(server, "POST", "/api/auth/mfa/totp", token: bob.access, expects: 201)
    let secret = try #require(begun["secret"]?.string)
    try ledger.ask(server, "POST", "/api/auth/mfa/totp/confirm", #"{"code":"000"}"#, token: bob.access, expects: 401)
    try ledger.ask(
      server, "POST", "/api/auth/mfa/totp/confirm", #"{"code":"\#(try code(secret))"}"#, token: bob.access, expects: 200)
    let made = try ledger.ask(server, "POST", "/api/auth/mfa/recovery-codes", token: bob.access, expects: 201)
    let spare = try #require(made["recoveryCodes"]?.elements.first { _ in true }?.string)
    let half = try ledger.ask(
      server, "POST", "/api/auth/login", #"{"email":"bob@example.org","password":"\#(Self.password)"}"#, expects: 401)
    let token = try #require(half["mfaToken"]?.string)
    let second = #"{"mfaToken":"\#(token)","method":"recovery_code","code":"\#(spare)"}"#
    try ledger.ask(server, "POST", "/api/auth/login/mfa", second, expects: 200)
    try ledger.ask(server, "DELETE", "/api/auth/mfa/totp", token: bob.access, expects: 204)
    server.clock.advance(seconds: 601)
    try ledger.ask(server, "POST", "/api/auth/mfa/totp", token: bob.access, expects: 401)
  }

  mutating func administration() throws {
    let (drawn, position) = try server.services.sessions.renewSetupToken()
    try server.database.waitUntilDurable(position)
    let token = try #require(drawn).withText { span in String(decoding: span.indices.map { span[$0] }, as: UTF8.self) }
    let setup = #"{"token":"\#(token)","email":"root@example.org","password":"\#(Self.password)","name":"Root"}"#
    let root = try server.pair(try ledger.ask(server, "POST", "/api/v1/setup", setup, expects: 201), status: 201)
    let made = try ledger.ask(server, "POST", "/api/v1/users", Self.account("eve@example.org"), token: root.access, expects: 201)
    let eve = try #require(made["id"]?.string), path = "/api/v1/users/\(eve)"
    try ledger.ask(server, "GET", path, token: root.access, expects: 200)
    try ledger.ask(server, "GET", "/api/v1/users?limit=1&sort=-createdAt", token: root.access, expects: 200)
    try ledger.ask(server, "GET", "/api/v1/users?limit=1&q=R&count=true&role=admin", token: root.access, expects: 200)
    let batch =
      #"{"operations":[{"method":"create","user":{"email":"batch@example.org","name":"B"}},{"method":"enable","id":"x"}]}"#
    try ledger.ask(server, "POST", "/api/v1/users:batch", batch, token: root.access, expects: 200)
    let whole = #"{"email":"eve@example.org","name":"Eve","role":"user"}"#
    try ledger.ask(server, "PUT", path, whole, token: root.access, expects: 428)
    try ledger.ask(server, "PUT", path, whole, token: root.access, fields: ["If-Match: *"], expects: 200)
    try ledger.ask(server, "PATCH", path, #"{"name":"E"}"#, token: root.access, expects: 200)
    for verb in ["unlock", "disable", "enable", "mfa-reset"] {
      try ledger.ask(server, "POST", "\(path)/\(verb)", token: root.access, expects: 200)
    }
    try ledger.ask(server, "POST", "\(path)/reset-link", token: root.access, expects: 200)
    let session = try server.login("eve@example.org")
    try ledger.ask(server, "GET", "\(path)/sessions", token: root.access, expects: 200)
    try ledger.ask(server, "DELETE", "\(path)/sessions/\(session.sessionID)", token: root.access, expects: 204)
    try ledger.ask(server, "DELETE", "\(path)/sessions", token: root.access, expects: 204)
    try ledger.ask(server, "GET", "/api/v1/audit?limit=200", token: root.access, expects: 200)
    try ledger.ask(server, "DELETE", "/api/v1/users/\(root.userID)", token: root.access, expects: 409)
    try ledger.ask(server, "DELETE", path, token: root.access, expects: 204)
    try ledger.ask(server, "POST", "\(path)/restore", token: root.access, expects: 200)
    try ledger.ask(server, "DELETE", "\(path)?erase=true", token: root.access, expects: 204)
  }

  mutating func operation() throws {
    try ledger.ask(
      server, "POST", "/api/v1/admin/recover", #"{"email":"root@example.org","name":"Root"}"#, over: .admin, expects: 200)
    let people = #"{"users":[{"email":"loaded@example.org","name":"Loaded"},{"email":"no address","name":"N"}]}"#
    let refused = try ledger.ask(server, "POST", "/api/v1/admin/load", people, over: .admin, expects: 422)
    #expect(refused.fieldErrors == ["#/users/1/email invalid_email"])
    try ledger.ask(
      server, "POST", "/api/v1/admin/load", #"{"users":[{"email":"loaded@example.org","name":"Loaded"}]}"#, over: .admin,
      expects: 200)
    let pin = try ledger.ask(server, "POST", "/api/v1/admin/pins", over: .admin, expects: 201)
    let id = try #require(pin["id"]?.string)
    try ledger.ask(server, "POST", "/api/v1/admin/pins/\(id)", over: .admin, expects: 204)
    try ledger.ask(server, "DELETE", "/api/v1/admin/pins/\(id)", over: .admin, expects: 204)
    for (method, path) in [
      ("GET", "stats"), ("POST", "checkpoint"), ("POST", "compact?scrub=false"), ("DELETE", "compact"), ("POST", "check"),
      ("GET", "stats"), ("GET", "keys"), ("GET", "dump"), ("GET", "dump?hashes=true"),
      ("POST", "keys/rotate"),
    ] { try ledger.ask(server, method, "/api/v1/admin/\(path)", over: .admin) }
    try ledger.ask(server, "POST", "/api/v1/admin/backup", #"{"name":"one.udb"}"#, over: .admin, expects: 202)
    // Nobody works on the first one yet.
    try ledger.ask(server, "POST", "/api/v1/admin/backup", over: .admin, expects: 409)
    try server.backups.start()
    try ledger.ask(server, "GET", "/api/v1/admin/stats", over: .admin, expects: 200)
  }

  mutating func open() throws {
    for path in ["/", "/livez", "/readyz?verbose", "/healthz", "/openapi.json", "/types.d.ts", "/problems/not_found"] {
      try ledger.ask(server, "GET", path, expects: 200)
    }
    try ledger.ask(server, "GET", "/metrics", over: .admin, expects: 200)
  }

  static func account(_ email: String, _ password: String = password, name: String = "Somebody") -> String {
    #"{"email":"\#(email)","password":"\#(password)","name":"\#(name)"}"#
  }

  private func code(_ secret: String) throws -> String {
    guard let bytes = Base32.decode(secret.utf8.span) else { throw Unexpected("not base 32") }
    let digits = TOTP.digits(of: TOTP.code(secret: bytes.span, counter: UInt64(server.clock.wallMilliseconds() / 30_000)))
    return String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
  }
}
