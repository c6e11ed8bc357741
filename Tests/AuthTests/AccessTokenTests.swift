// Access tokens: what we issue is what the standard says, and nothing but that is accepted.

import Codecs
import Crypto
import Platform
import Repositories
import TestSupport
import Testing

@testable import Auth

@Suite struct AccessTokenTests {
  private let secret: [UInt8]
  private let now: Int64 = 1_780_000_000_000
  private let tokens: AccessTokens
  private let forge: TokenForge
  private let kid: String
  private let user: UserRecord
  private let session: SessionRecord

  init() {
    let secret = Array("an example secret of forty-one bytes here".utf8)
    self.secret = secret
    let bytes = SecretBytes(copying: secret.span)
    let keys = KeyRing(
      signing: [bytes], mac: SecretBytes(count: 32, from: .system),
      wrap: SecretBytes(count: 32, from: .system))
    tokens = AccessTokens(keys: keys, issuer: "https://id.example.org", audience: "userd", storeEpoch: 0x00B2_C3D4)
    forge = TokenForge(secret: secret)
    kid = keys.signing.id
    let now = now
    let user = UserRecord(
      id: UUID("0198f3c0-0000-7000-8000-000000000001")!, epoch: 3, createdAt: now, updatedAt: now, role: .admin,
      email: "ann@example.org", name: "Ann", passwordHash: nil)
    self.user = user
    session = SessionRecord(
      id: UUID("0198f3c0-0000-7000-8000-000000000002")!, userID: user.id, userEpoch: 3, methods: .password, createdAt: now - 5000,
      idleExpiresAt: now + 1, expiresAt: now + 1, seed: InlineArray(repeating: 0), ipPrefix: "", userAgent: "", deviceName: nil)
  }

  private var header: String { #"{"alg":"HS256","typ":"at+jwt","kid":"\#(kid)"}"# }

  /// The claims we write, as one may want them changed.
  private var claims: [(String, String)] {
    [
      ("iss", #""https://id.example.org""#), ("aud", #""userd""#), ("sub", #""0198f3c0-0000-7000-8000-000000000001""#),
      ("sid", #""0198f3c0-0000-7000-8000-000000000002""#), ("jti", #""0198f3c0-0000-7000-8000-000000000003""#),
      ("iat", "1780000000"), ("exp", "1780000600"), ("auth_time", "1779999995"), ("amr", #"["pwd"]"#), ("role", #""admin""#),
      ("epoch", #""00b2c3d4.3""#),
    ]
  }

  private func payload(_ changes: [String: String?] = [:], adding more: String = "") -> String {
    var members = claims
    for (name, value) in changes {
      if let index = members.firstIndex(where: { $0.0 == name }) {
        if let value { members[index].1 = value } else { members.remove(at: index) }
      } else if let value {
        members.append((name, value))
      }
    }
    return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + more + "}"
  }

  private func verify(_ token: String, at now: Int64? = nil) -> AccessClaims? {
    tokens.verify(token.utf8.span, now: now ?? self.now)
  }

  private func accepts(header: String? = nil, payload: String? = nil) -> Bool {
    verify(forge.token(header: header ?? self.header, payload: payload ?? self.payload())) != nil
  }

  private func issued() -> String {
    tokens.issue(
      to: user, in: session, identifier: UUID("0198f3c0-0000-7000-8000-000000000003")!, issuedAt: now / 1000, lifetime: 600)
  }

  @Test func `an issued token is the standard's, byte for byte`() throws {
    let parts = try #require(TokenParts(issued()))
    #expect(parts.header == header)
    #expect(parts.payload == payload())
    #expect(parts.tag == TokenForge.hmac(secret, Array(parts.input.utf8)))
    #expect(issued() == forge.token(header: header, payload: payload()))
  }

  @Test func `the forge agrees with RFC 4231 and RFC 7515`() {
    let tag = TokenForge.hmac(Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
    #expect(Hex.encodedString(tag.span) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    let key = Base64URL.decode(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow".utf8.span)!
    let input =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    #expect(TokenForge(secret: key).sign(input) == input + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
  }

  @Test func `an issued token says what it was issued for`() throws {
    let claims = try #require(verify(issued()))
    #expect(claims.userID == user.id && claims.sessionID == session.id)
    #expect(claims.issuedAt == 1_780_000_000 && claims.expiresAt == 1_780_000_600)
    #expect(claims.storeEpoch == 0x00B2_C3D4 && claims.userEpoch == 3)
  }

  @Test func `members of the header may come in any order with any space`() {
    #expect(accepts(header: #"{"kid":"\#(kid)","typ":"at+jwt","alg":"HS256"}"#))
    #expect(accepts(header: "{ \"typ\" : \"at+jwt\" ,\n\"alg\":\"HS256\",\t\"kid\":\"\(kid)\" }"))
    #expect(accepts(header: #"{"alg":"HS\u003256","typ":"at+jwt","kid":"\#(kid)"}"#))
  }

  @Test func `any other header is refused though its tag is right`() {
    let k = kid
    let refused = [
      #"{"alg":"none","typ":"at+jwt","kid":"\#(k)"}"#, #"{"alg":"None","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"hs256","typ":"at+jwt","kid":"\#(k)"}"#, #"{"alg":"HS384","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"HS512","typ":"at+jwt","kid":"\#(k)"}"#, #"{"alg":"RS256","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"ES256","typ":"at+jwt","kid":"\#(k)"}"#, #"{"alg":"","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":null,"typ":"at+jwt","kid":"\#(k)"}"#, #"{"alg":["HS256"],"typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":{"a":"HS256"},"typ":"at+jwt","kid":"\#(k)"}"#, #"{"typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"HS256","kid":"\#(k)"}"#, #"{"alg":"HS256","typ":"JWT","kid":"\#(k)"}"#,
      #"{"alg":"HS256","typ":"AT+JWT","kid":"\#(k)"}"#, #"{"alg":"HS256","typ":"application/at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"HS256","typ":"at+jwt"}"#, #"{"alg":"HS256","typ":"at+jwt","kid":""}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"0000000000000000"}"#, #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)0"}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"../../\#(k)"}"#, #"{"alg":"HS256","typ":"at+jwt","kid":1}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)","jku":"https://evil.example"}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)","crit":["exp"]}"#, #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)","x":1}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)","jwk":{}}"#, #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)","b64":false}"#,
      #"{"alg":"HS256","alg":"HS256","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"HS256","typ":"at+jwt","typ":"at+jwt","kid":"\#(k)"}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)","kid":"\#(k)"}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)"} x"#, #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)"}{}"#,
      #"{"alg":"HS256","typ":"at+jwt","kid":"\#(k)""#, #"["HS256","at+jwt","\#(k)"]"#, #""HS256""#, "", "null", "{}",
      "\u{feff}" + header, header + String(repeating: " ", count: 256),
    ]
    for header in refused { #expect(!accepts(header: header), "\(header)") }
  }

  @Test func `claims of another server, audience or shape are refused though their tag is right`() {
    #expect(accepts())
    let refused: [[String: String?]] = [
      ["iss": #""https://id.example.com""#], ["iss": #""""#], ["iss": "1"], ["iss": #"["https://id.example.org"]"#],
      ["iss": nil],
      ["aud": #""other""#], ["aud": "[]"], ["aud": #"["other"]"#], ["aud": #"["userd",1]"#], ["aud": "null"], ["aud": nil],
      ["aud": #"[["userd"]]"#], ["sub": #""""#], ["sub": #""0198F3C0-0000-7000-8000-000000000001""#], ["sub": "1"],
      ["sub": nil],
      ["sid": #""x""#], ["sid": nil], ["sid": "null"], ["jti": #""""#], ["jti": "7"], ["jti": nil],
      ["role": "null"],
      ["role": nil], ["role": #"["admin"]"#], ["amr": #""pwd""#], ["amr": "[1]"], ["amr": nil],
      ["epoch": nil],
      ["epoch": "3"], ["epoch": #""00b2c3d4""#], ["epoch": #""00b2c3d4.""#], ["epoch": #""00b2c3d4.03""#],
      ["epoch": #""00B2C3D4.3""#],
      ["epoch": #""b2c3d4.3""#], ["epoch": #""00b2c3d4.4294967296""#], ["epoch": #""00b2c3d4.-3""#], ["epoch": #""00b2c3d4.3 ""#],
      ["iat": nil], ["exp": nil], ["auth_time": nil],
    ]
    for changes in refused { #expect(!accepts(payload: payload(changes)), "\(changes)") }
  }

  @Test func `numeric dates are integers from 0 to 2^53`() {
    for name in ["iat", "exp", "auth_time", "nbf"] {
      for bad in [
        "1780000000.0", "1.78e9", "178E7", "-1", #""1780000000""#, "true", "null", "[1780000000]", "9007199254740993",
        "99999999999999999999", "NaN", "01780000000", "+1780000000", "0x6a18f280",
      ] {
        #expect(!accepts(payload: payload([name: bad])), "\(name) \(bad)")
      }
    }
    #expect(accepts(payload: payload(["auth_time": "0"])))
    #expect(accepts(payload: payload(["auth_time": "9007199254740992"])))
  }

  @Test func `an audience may be a list with ours in it`() {
    #expect(accepts(payload: payload(["aud": #"["other","userd"]"#])))
    #expect(accepts(payload: payload(["aud": #""us\u0065rd""#])))
  }

  @Test func `a token that is signed for more than an hour is refused whoever signed it`() {
    #expect(accepts(payload: payload(["exp": "1780003600"])))
    #expect(!accepts(payload: payload(["exp": "1780003601"])))
    #expect(!accepts(payload: payload(["exp": "9007199254740992"])))
    #expect(!accepts(payload: payload(["exp": "1779999999"])))
  }

  @Test func `times in the future are borne for 30 seconds`() {
    #expect(accepts(payload: payload(["iat": "1780000030"])))
    #expect(!accepts(payload: payload(["iat": "1780000031"])))
    #expect(accepts(payload: payload(["nbf": "1780000030"])))
    #expect(!accepts(payload: payload(["nbf": "1780000031"])))
    #expect(accepts(payload: payload(["nbf": "0"])))
  }

  @Test func `a token is expired at the very second it names`() throws {
    let claims = try #require(verify(issued()))
    #expect(!claims.isExpired(at: 1_780_000_599_999))
    #expect(claims.isExpired(at: 1_780_000_600_000))
    #expect(verify(issued(), at: 1_780_000_600_000) != nil)
  }

  @Test func `a claim may come once, known or not`() {
    #expect(accepts(payload: payload(adding: #","x":1,"y":{"deep":[1,2,{"x":3}]}"#)))
    #expect(!accepts(payload: payload(adding: #","x":1,"x":1"#)))
    for (name, value) in claims { #expect(!accepts(payload: payload(adding: ",\"\(name)\":\(value)")), "\(name)") }
    #expect(!accepts(payload: payload(adding: #","su\u0062":"0198f3c0-0000-7000-8000-000000000001""#)))
    #expect(!accepts(payload: payload(adding: #","\u0078":1"#)))
    let many = (0..<17).map { ",\"c\($0)\":0" }
    #expect(accepts(payload: payload(adding: many.dropLast().joined())))
    #expect(!accepts(payload: payload(adding: many.joined())))
  }

  @Test func `a payload that is not one JSON object is refused`() {
    for bad in [
      "", "null", "[]", "1", payload() + "x", payload() + payload(), String(payload().dropLast()), "\u{feff}" + payload(),
      payload(adding: ","),
    ] {
      #expect(!accepts(payload: bad), "\(bad)")
    }
    #expect(accepts(payload: " " + payload() + "\n"))
  }

  @Test func `base64url has one spelling`() throws {
    let token = issued()
    let parts = token.split(separator: ".").map(String.init)
    for index in 0..<3 {
      for bad in ["=", "==", " ", "\n", "+", "/", "."] {
        var changed = parts
        changed[index] += bad
        // Where the change is under the tag, the tag is made anew, so that only the spelling is wrong.
        let text = index == 2 ? changed.joined(separator: ".") : forge.sign(changed[0] + "." + changed[1])
        #expect(verify(text) == nil, "part \(index) with \(bad.debugDescription)")
      }
    }
    // The unused bits of the last digit of the tag must be zero.
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let last = try #require(digits.firstIndex(of: token.last!))
    for other in 0..<64 where other != last { #expect(verify(String(token.dropLast()) + String(digits[other])) == nil) }
  }

  @Test func `a token cut or changed at any byte is refused`() {
    let token = Array(issued().utf8)
    for count in 0..<token.count { #expect(tokens.verify(Array(token.prefix(count)).span, now: now) == nil, "\(count) bytes") }
    for index in token.indices {
      for bit in 0..<8 {
        var changed = token
        changed[index] ^= 1 << UInt8(bit)
        #expect(tokens.verify(changed.span, now: now) == nil, "bit \(bit) of byte \(index)")
      }
    }
    for index in token.indices {
      var longer = token
      longer.insert(token[index], at: index)
      #expect(tokens.verify(longer.span, now: now) == nil)
    }
  }

  @Test func `a token of more than 4096 bytes is refused`() {
    func padded(_ space: Int) -> String { forge.token(header: header, payload: payload() + String(repeating: " ", count: space)) }
    var space = 0
    while padded(space + 1).utf8.count <= AccessTokens.maxByteCount { space += 1 }
    // Base64url leaves out one length in four.
    #expect(padded(space).utf8.count >= AccessTokens.maxByteCount - 1)
    #expect(verify(padded(space)) != nil)
    #expect(verify(padded(space + 1)) == nil)
  }

  @Test func `a token signed with another key is refused, with an accepted key not`() {
    let old = SecretBytes(copying: Array("the secret before, also long enough to use".utf8).span)
    let new = SecretBytes(copying: secret.span)
    let ring = KeyRing(
      signing: [new, old], mac: SecretBytes(count: 32, from: .system),
      wrap: SecretBytes(count: 32, from: .system))
    let both = AccessTokens(keys: ring, issuer: "https://id.example.org", audience: "userd", storeEpoch: 0)
    let oldForge = TokenForge(secret: Array("the secret before, also long enough to use".utf8))
    let oldHeader = #"{"alg":"HS256","typ":"at+jwt","kid":"\#(ring.accepted[1].id)"}"#
    #expect(both.verify(oldForge.token(header: oldHeader, payload: payload()).utf8.span, now: now) != nil)
    #expect(verify(oldForge.token(header: oldHeader, payload: payload())) == nil)
    // Signed with one key, named for the other.
    #expect(both.verify(oldForge.token(header: header, payload: payload()).utf8.span, now: now) == nil)
    #expect(both.verify(forge.token(header: oldHeader, payload: payload()).utf8.span, now: now) == nil)
  }

  @Test func `random bytes are no token`() {
    var random = SeededGenerator.announced("random tokens")
    let alphabet = Array("ABCabc019-_.....{}\"=+ ".utf8)
    for _ in 0..<(5_000 * testScale) {
      let bytes = (0..<random.number(0..<200)).map { _ in alphabet[random.number(0..<alphabet.count)] }
      #expect(tokens.verify(bytes.span, now: now) == nil)
    }
  }

  @Test func `random payloads under a right tag are refused or read, never trapped on`() {
    var random = SeededGenerator.announced("random claims")
    let whole = Array(payload().utf8)
    for _ in 0..<(3_000 * testScale) {
      var bytes = whole
      for _ in 0..<random.number(1..<5) {
        switch random.number(0..<3) {
        case 0: bytes[random.number(0..<bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: random.number(0..<bytes.count))
        default: bytes.insert(whole[random.number(0..<whole.count)], at: random.number(0..<bytes.count))
        }
      }
      let input = TokenForge.encode(header) + "." + Base64URL.encodedString(bytes.span)
      let claims = verify(forge.sign(input))
      // Whatever is read, a strict reader that knows nothing of claims must be able to read too.
      if claims != nil { #expect(PlainJSON.read(bytes) != nil, "\(String(decoding: bytes, as: UTF8.self))") }
    }
  }
}
