// Access tokens: forged with the server's own keys, with one or a few things wrong or nothing at all, beside a plain reading of the rules.

import Auth
import Codecs
import PlainReaders
import TestSupport

let jwtRig = Rig(
  name: "jwt", purpose: "forged and edited access tokens against a plain reading of RFC 7515, 7519 and 9068",
  bug: "unused bits in the last digit of the tag are let through", smokeEventCount: 4000,
  moreBugs: ["whatever algorithm the header says is taken for HS256", "a token is good for a second after its end"]
) { random, subject in
  let ground = TokenGround.shared
  let token = random.token(on: ground)
  let plain = PlainToken.read(token, ground.plain)
  var expected = TokenAttack.Verdict.invalid
  switch plain {
  case .invalid: break
  case .expired: expected = .expired
  case .signed: expected = ground.live.contains(plain) ? .accepted : .revoked
  }
  var given = token
  if subject == .broken { given = canonicalTag(token) }
  if subject == .otherwiseBroken(0) { given = withRightAlgorithm(token, ground) }
  var verdict = TokenAttack.Verdict(of: given, by: ground.sessions)
  if subject == .otherwiseBroken(1), plain == .expired(at: ground.plain.now) { verdict = .accepted }
  return verdict == expected ? nil : "\(verdict.map { "\($0)" } ?? "another refusal") to \(shown(token)), not \(expected)"
}

/// The planted bug: the two unused bits of the last digit are cleared.
private func canonicalTag(_ token: [UInt8]) -> [UInt8] {
  guard let last = token.last, let value = PlainBase64.digits.firstIndex(of: last) else { return token }
  return token.dropLast() + [PlainBase64.digits[value & ~3]]
}

/// The planted bug: a header that is right but for its algorithm is replaced, and the tag with it.
private func withRightAlgorithm(_ token: [UInt8], _ ground: TokenGround) -> [UInt8] {
  guard let parts = TokenParts(String(decoding: token, as: UTF8.self)), parts.header.hasPrefix(#"{"alg":""#) else { return token }
  let key = ground.keys[0]
  return Array(TokenForge(secret: key.secret).token(header: header(key.id), payload: parts.payload).utf8)
}

private func header(_ id: String) -> String { #"{"alg":"HS256","typ":"at+jwt","kid":"\#(id)"}"# }

// MARK: Drawing tokens

/// A member of an object that is still to be written.
private struct Member {
  var name: String
  var value: String
}

extension SeededGenerator {
  fileprivate mutating func token(on ground: TokenGround) -> [UInt8] {
    let key = once(in: 12) ? ground.stranger : pick(ground.keys)
    var members = [
      Member(name: "alg", value: "\"HS256\""), Member(name: "typ", value: "\"at+jwt\""),
      Member(name: "kid", value: "\"\(key.id)\""),
    ]
    if once(in: 4) { change(&members, strangers: ["crit", "b64", "jwk", "jku", "cty", "x5c", "zip"], headerValues) }
    var header = object(members)
    var payload = claims(on: ground)
    if once(in: 12) { edit(&header, maxEdits: 2, alphabet: "{}\":,alg kid\\u0069") }
    if once(in: 8) { edit(&payload, maxEdits: 3, alphabet: "{}[]\":,0123456789abcdef-.\\u0073 \n") }
    let input = Base64URL.encodedString(header.span) + "." + Base64URL.encodedString(payload.span)
    let secret = once(in: 20) ? pick([[], ground.stranger.secret, Array(ground.stranger.id.utf8)]) : key.secret
    var token = Array(TokenForge(secret: secret).sign(input).utf8)
    if once(in: 10) {
      // The tag's last digit has two bits that say nothing.
      token[token.count - 1] = pick(Array("AEIMQUYcgkosw048BDFHJ".utf8))
    }
    if once(in: 5) { edit(&token, maxEdits: 2, alphabet: "ABCgwQ019-_+/=. ") }
    return token
  }

  /// Mostly an issued payload with a few changes.
  private mutating func claims(on ground: TokenGround) -> [UInt8] {
    var members = membersOf(pick(ground.payloads))
    let now = ground.plain.now
    let begin = now - pick([0, 0, 1, 600, 3599, 3600, -29, -30, -31])
    let times = [
      ("iat", begin), ("exp", begin + pick([900, 900, 3600, 3601, 0, 1, -1, now - begin, now - begin + 1, now - begin - 1])),
    ]
    if once(in: 2) { for (name, value) in times { set(&members, name, "\(value)") } }
    if once(in: 8) { members.append(Member(name: "nbf", value: "\(now + pick([-1, 0, 29, 30, 31]))")) }
    if once(in: 3) {
      change(&members, strangers: ["x", "nonce", "admin", "iss ", "Sub", "scope"]) { random, value in
        switch random.number(0..<5) {
        case 0:
          random.pick(["null", "true", "1", "1.5", "{}", "[]", "\"\"", "-0", "1e3", "9007199254740992", "9007199254740993"])
        case 1: random.pick(["[\"userd\"]", "[\"a\",\"userd\"]", "[\"a\"]", "[1,\"userd\"]", "\"userd\"", "{\"y\":null}"])
        case 2: random.pick(["\"a1b2c3d4.1\"", "\"a1b2c3d4.01\"", "\"a1b2c3d5.1\"", "\"a1b2c3d4.4294967296\"", "\"A1B2C3D4.1\""])
        case 3: random.escaped(value)
        default: random.pick(ground.payloads.flatMap { membersOf($0).map(\.value) })
        }
      }
    }
    if once(in: 30) { for number in 0..<number(14..<19) { members.append(Member(name: "y\(number)", value: "\(number)")) } }
    return object(members)
  }

  private func set(_ members: inout [Member], _ name: String, _ value: String) {
    for index in members.indices where members[index].name == name { members[index].value = value }
  }

  /// One to three changes: a member less, twice, of another value, another name, elsewhere, one that nobody knows.
  private mutating func change(
    _ members: inout [Member], strangers: [String], _ value: (inout SeededGenerator, String) -> String
  ) {
    for _ in 0..<number(1..<4) where !members.isEmpty {
      let place = number(0..<members.count)
      switch number(0..<7) {
      case 0: members.remove(at: place)
      case 1: members.insert(members[place], at: number(0..<members.count + 1))
      case 2: members.append(Member(name: pick(strangers), value: value(&self, "\"a\"")))
      case 3: members[place].name = String(escaped("\"\(members[place].name)\"").dropFirst().dropLast())
      case 4: members.swapAt(place, number(0..<members.count))
      default: members[place].value = value(&self, members[place].value)
      }
    }
  }

  /// The same string with one of its characters as an escape.
  fileprivate mutating func escaped(_ text: String) -> String {
    var bytes = Array(text.utf8)
    guard bytes.count > 2, bytes[0] == 0x22 else { return text }
    let place = number(1..<bytes.count - 1)
    let digits = String(bytes[place], radix: 16)
    bytes.replaceSubrange(place...place, with: Array("\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8))
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func object(_ members: [Member]) -> [UInt8] {
    let space = once(in: 10) ? pick([" ", "\n", "\t ", "  "]) : ""
    let text = members.map { "\"\($0.name)\"\(space):\(space)\($0.value)" }.joined(separator: space + ",")
    return Array((space + "{" + text + space + "}" + space).utf8)
  }
}

private func headerValues(_ random: inout SeededGenerator, _ value: String) -> String {
  random.once(in: 3)
    ? random.escaped(value)
    : random.pick([
      "\"none\"", "\"hs256\"", "\"HS384\"", "\"RS256\"", "\"HS256 \"", "null", "1", "[\"HS256\"]", "\"JWT\"", "\"at+JWT\"",
      "\"\"",
    ])
}

/// The members of a flat object as they are written.
private func membersOf(_ json: String) -> [Member] {
  var (found, depth, current): ([Member], Int, String) = ([], 0, "")
  for character in json.dropFirst().dropLast() + "," {
    if character == "[" { depth += 1 }
    if character == "]" { depth -= 1 }
    if character == "," && depth == 0 {
      let halves = current.split(separator: ":", maxSplits: 1)
      found.append(Member(name: String(halves[0].dropFirst().dropLast()), value: String(halves[1])))
      current = ""
    } else {
      current.append(character)
    }
  }
  return found
}
