// Tokens, hashes and codes beside other people's libraries, both ways (CrossCheck/tokens.py says which and how to run it).

import Codecs
import Platform
import Repositories
import TestSupport
import Testing

@testable import Auth
@testable import Crypto

private func path(_ name: String) -> String? { environmentVariables().first { $0.name == name }?.value }
private let vectorPath = path("USERD_TOKEN_VECTORS")
private let issuedPath = path("USERD_ISSUED")

@Suite struct CredentialCrossCheckTests {
  @Test(.enabled(if: vectorPath != nil, "USERD_TOKEN_VECTORS names no file of tokens"))
  func `every token of the file has the verdict of PyJWT, or of the rule that is stricter`() throws {
    let lines = readLines(try #require(vectorPath))
    let ground = lines[0].split(separator: " ").map(String.init)
    try #require(ground.count == 5 && ground[0] == "ground")
    let bytes = Hex.decode(ground[1].utf8.span)
    let secret = try #require(bytes)
    let keys = KeyRing(
      signing: [SecretBytes(copying: secret.span)], mac: SecretBytes(count: 32, from: .system),
      wrap: SecretBytes(count: 32, from: .system))
    let tokens = AccessTokens(keys: keys, issuer: ground[2], audience: ground[3], storeEpoch: 0xA1B2_C3D4)
    let now = try #require(Int64(ground[4])) * 1000
    var counts: [Substring: Int] = [:]
    for line in lines.dropFirst() {
      let space = try #require(line.firstIndex(of: " "))
      let expected = line[..<space], token = Array(line[line.index(after: space)...].utf8)
      let claims = tokens.verify(token.span, now: now)
      let got = claims.map { $0.isExpired(at: now) ? "expired" : "accepted" } ?? "invalid"
      if got != expected {
        Issue.record("\(got), not \(line)")
        return
      }
      counts[expected, default: 0] += 1
    }
    print("tokens beside PyJWT: \(counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
    for verdict in ["accepted", "expired", "invalid"] { #expect(counts[verdict[...], default: 0] > 0, "no token is \(verdict)") }
  }

  @Test(.enabled(if: issuedPath != nil, "USERD_ISSUED names no file to write"))
  func `what is issued goes to a file for other libraries to judge`() throws {
    var random = SeededGenerator.announced("issued credentials")
    var text = ""
    for _ in 0..<1000 { text += token(&random) }
    for _ in 0..<300 { text += try password(&random) + code(&random) }
    let path = try #require(issuedPath)
    try write(text, to: path)
  }

  private func write(_ text: String, to path: String) throws(Errno) {
    let file = try File(path, .createOrOpen)
    try file.setSize(0)
    let bytes = Array(text.utf8)
    var count = 0
    while count < bytes.count { count += try file.write(bytes.span.extracting(count...), at: count) }
  }

  private func line(_ kind: String, _ fields: [[UInt8]]) -> String {
    kind + fields.map { " " + ($0.isEmpty ? "-" : Hex.encodedString($0.span)) }.joined() + "\n"
  }

  /// A text of letters, marks, quotes, line ends and emoji, in no normal form.
  private func word(_ random: inout SeededGenerator, _ counts: Range<Int>) -> String {
    let pieces = [
      "a", "Z", "0", " ", "é", "e\u{301}", "Å", "ﬁ", "\"", "\\", "/", "\u{1f469}\u{200d}\u{1f680}", "한",
      "\u{1112}\u{1161}\u{11ab}", "?&=%", ":",
    ]
    return (0..<random.number(counts)).map { _ in pieces[random.number(0..<pieces.count)] }.joined()
  }

  private func identifier(_ random: inout SeededGenerator) -> UUID { UUID(high: random.next(), low: random.next()) }

  private func token(_ random: inout SeededGenerator) -> String {
    let secret = random.bytes(random.number(32..<100))
    let issuer = word(&random, 1..<20), audience = word(&random, 1..<10)
    let keys = KeyRing(
      signing: [SecretBytes(copying: secret.span)], mac: SecretBytes(count: 32, from: .system),
      wrap: SecretBytes(count: 32, from: .system))
    let epoch = UInt32(truncatingIfNeeded: random.next())
    let tokens = AccessTokens(keys: keys, issuer: issuer, audience: audience, storeEpoch: epoch)
    let now = Int64(random.number(1_000_000_000..<4_000_000_000)), lifetime = random.number(60..<3601)
    let roleName = ["user", "admin", "support-2_x"][random.number(0..<3)]
    let user = UserRecord(
      id: identifier(&random), epoch: UInt32(truncatingIfNeeded: random.next()) >> UInt32(random.number(0..<32)), createdAt: 0,
      updatedAt: 0,
      role: RoleName(roleName)!, email: "ann@example.org", name: "Ann", passwordHash: nil)
    let session = SessionRecord(
      id: identifier(&random), userID: user.id, userEpoch: user.epoch, methods: .password, createdAt: now * 1000 - 5000,
      idleExpiresAt: now * 1000 + 1, expiresAt: now * 1000 + 1, seed: InlineArray(repeating: 0), ipPrefix: "", userAgent: "",
      deviceName: nil)
    let id = identifier(&random)
    let issued = tokens.issue(to: user, in: session, identifier: id, issuedAt: now, lifetime: lifetime)
    let digits = String(epoch, radix: 16)
    let texts = [
      ("aud", audience), ("iss", issuer), ("sub", "\(user.id)"), ("sid", "\(session.id)"), ("jti", "\(id)"),
      ("epoch", String(repeating: "0", count: 8 - digits.count) + digits + ".\(user.epoch)"), ("role", roleName),
    ]
    let numbers = [("iat", now), ("exp", now + Int64(lifetime)), ("auth_time", now - 5)]
    let members = texts.map { "\"\($0.0)\":\(quoted($0.1))" } + numbers.map { "\"\($0.0)\":\($0.1)" }
    let claims = "{" + members.joined(separator: ",") + ",\"amr\":[\"pwd\"]}"
    let fields = [issuer, audience, "\(now)", claims, issued].map { Array($0.utf8) }
    return line("token", [secret] + fields)
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
  }

  private func password(_ random: inout SeededGenerator) throws -> String {
    let parameters = try Argon2Parameters(
      memoryKiB: random.number(16..<200), iterations: random.number(1..<4), parallelism: random.number(1..<3))
    let hasher = try PasswordHasher(parameters: parameters, arenas: 1, random: .system)
    let text = word(&random, 1..<40)
    return line("password", [Array(text.utf8), Array(try hasher.hash(Password(text)).utf8)])
  }

  private func code(_ random: inout SeededGenerator) throws -> String {
    let secret = SecretBytes(copying: random.bytes(random.number(16..<65)).span)
    let account = "ann+\(random.number(0..<1000))@example.org", issuer = word(&random, 1..<12).filter { $0 != ":" } + "x"
    let enrollment = TOTPEnrollment(secret: secret, issuer: issuer, account: try EmailAddress(account))
    let seconds = Int64(random.number(0..<4_000_000_000))
    let digits = secret.withSpan { TOTP.digits(of: TOTP.code(secret: $0, counter: TOTP.step(atSeconds: seconds))) }
    let code = String(decoding: digits.indices.map { digits[$0] }, as: UTF8.self)
    #expect(TOTP.acceptedStep(of: digits.span, secret: secret, atSeconds: seconds, after: nil) != nil)
    return line(
      "code", [enrollment.uri, account, issuer, "\(seconds)", code].map { Array($0.utf8) })
  }
}
