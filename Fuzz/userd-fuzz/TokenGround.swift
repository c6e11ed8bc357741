// A store with two people and what came of their logins: made once, the same in every run, and only read afterwards.

import Auth
import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport

/// Where forged tokens are tried. Its clock stands still.
final class TokenGround: Sendable {
  let sessions: SessionService
  /// Whose tokens are accepted, the one that signs first, and a stranger.
  let keys: [(id: String, secret: [UInt8])]
  let stranger: (id: String, secret: [UInt8])
  /// Sessions that live, as their tokens name them.
  let live: [PlainToken]
  /// Payloads of tokens that were issued, one of a session that has ended among them.
  let payloads: [String]
  let plain: PlainToken.Ground

  static let shared: TokenGround = {
    do { return try TokenGround() } catch { fatalError("no ground for tokens: \(error)") }
  }()

  private init() throws {
    let base = try GroundStore(seed: 8)
    let (clock, random, database, store) = (base.clock, base.random, base.database, base.store)
    let mac = (0..<48).map { UInt8($0) }
    let secrets = [3, 4, 5].map { number in (0..<48).map { UInt8(number * 16 + $0 % 16) } }
    func service(_ signing: [[UInt8]]) -> SessionService {
      let keys = KeyRing(
        signing: signing.map { secret in SecretBytes(copying: secret.span) }, mac: SecretBytes(copying: mac.span),
        wrap: SecretBytes(copying: mac.span))
      let outbox = Outbox(store: store, keys: keys, options: DeliveryOptions(), clock: clock, random: random)
      return SessionService(
        store: store, keys: keys, hasher: base.hasher, options: SessionOptions(), outbox: outbox, clock: clock, random: random)
    }
    let origin = SessionOrigin(ipPrefix: "203.0.113.0/24", userAgent: "fuzz")
    let services = secrets.map { service([$0]) }
    sessions = service(Array(secrets[..<2]))
    var tokens: [String] = []
    for name in ["ann", "ben"] {
      let form = RegistrationForm(email: .text("\(name)@example.org"), password: .text("correct horse"), name: .text(name))
      tokens.append(try sessions.register(form, from: origin).value.accessToken)
      try database.settle()
    }
    let form = LoginForm(email: .text("ann@example.org"), password: .text("correct horse"), deviceName: .absent)
    // One login under each key tells its name.
    let named = try services.map { service in
      let token = try service.login(form, from: origin).value.accessToken
      try database.settle()
      return token
    }
    tokens += named
    let logout = LogoutForm(scope: .absent, refreshToken: .absent)
    _ = try services[0].logout(logout, accessToken: named[0].utf8.span)
    try database.settle()
    let ids = named.map { token in TokenParts(token).flatMap { TokenParts.member("kid", of: $0.header) } ?? "" }
    keys = [(ids[0], secrets[0]), (ids[1], secrets[1])]
    stranger = (ids[2], secrets[2])
    payloads = tokens.map { TokenParts($0)?.payload ?? "" }
    plain = PlainToken.Ground(issuer: "userd", audience: "userd", keys: keys, now: clock.wallMilliseconds() / 1000)
    func claims(_ token: String) -> PlainToken {
      let payload = TokenParts(token)?.payload ?? ""
      func member(_ name: String) -> String { TokenParts.member(name, of: payload) ?? "" }
      return .signed(user: member("sub"), session: member("sid"), epoch: member("epoch"))
    }
    live = tokens.filter { $0 != named[0] }.map(claims)
  }
}
