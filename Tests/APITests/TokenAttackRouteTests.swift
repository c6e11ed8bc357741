// The attack set on access tokens over a socket: 401 with the right code and challenge, whatever the token.

import Auth
import Platform
import TestSupport
import Testing

@testable import API

@Suite struct TokenAttackRouteTests {
  @Test func `every token of the attack set is answered 401 with its code, or never read as a token`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let ben = try server.register("ben@example.org", name: "Ben")
    let gone = try server.login()
    _ = try server.ask("POST", "/api/auth/logout", token: gone.access)
    let set = TokenAttacks(
      on: try AttackGround(
        dataPath: server.folder.path + "/db", issued: ann.access, strangers: ben.access, ended: gone.access,
        now: server.clock.wallMilliseconds() / 1000))
    for attack in set.all where attack.fitsHeader {
      let answer = try server.ask("GET", "/api/auth/me", token: attack.text)
      let code =
        switch attack.verdict {
        case .accepted: nil as String?
        case .invalid: "invalid_token"
        case .expired: "token_expired"
        case .revoked: "session_revoked"
        }
      #expect(answer.status == (code == nil ? 200 : 401) && answer.code == code, "\(attack.family.rawValue): \(attack.why)")
      let challenge = code == nil ? nil : #"Bearer realm="userd", error="invalid_token""#
      #expect(answer.header("WWW-Authenticate") == challenge)
    }
    // What cannot stand in a field line is refused there, or its space is not part of the value; it is never taken for another token.
    for attack in set.all where !attack.fitsHeader && attack.bytes.allSatisfy({ $0 != 0x0a && $0 != 0x0d && $0 < 0x80 }) {
      let answer = try server.ask("GET", "/api/auth/me", token: attack.text)
      let isSpace = attack.text.drop { " \t".contains($0) }.reversed().drop { " \t".contains($0) }.elementsEqual(
        ann.access.reversed())
      #expect(isSpace ? answer.status == 200 : answer.status == 400 || answer.status == 401, "\(attack.why)")
    }
  }
}
