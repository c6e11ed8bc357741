// Access tokens that must be refused, each with the reason and the refusal it must meet, and the nearest ones that must not be.

/// One token of the set.
package struct TokenAttack: Sendable {
  package enum Family: String, CaseIterable, Sendable {
    case algorithms, header, keys, parts, tags, encodings, json, claims, state, times, sizes
  }

  package enum Verdict: Sendable {
    case accepted
    case invalid
    case expired
    case revoked
  }

  package let family: Family
  /// What is wrong with it, or what it tries.
  package let why: String
  package let bytes: [UInt8]
  package let verdict: Verdict

  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Whether it can stand in a field line as it is: visible ASCII, and spaces inside only.
  package var fitsHeader: Bool {
    bytes.allSatisfy { (0x20..<0x7f).contains($0) } && bytes.first != 0x20 && bytes.last != 0x20 && !bytes.isEmpty
  }
}

/// What an attacker is given: the signing key itself, so that one thing alone is wrong with each token, and all that a server would tell.
package struct AttackGround: Sendable {
  package let forge: TokenForge
  package let kid: String
  /// Keys that are not for access tokens, or not of this server, by what they are.
  package let otherKeys: [(what: String, bytes: [UInt8])]
  /// A token that the server issued, in time, with a live session.
  package let issued: String
  /// Tokens of another user's live session, and of a session of the same user that has ended.
  package let strangers: String
  package let ended: String
  /// Seconds since 1970.
  package let now: Int64

  package init(
    forge: TokenForge, kid: String, otherKeys: [(what: String, bytes: [UInt8])], issued: String, strangers: String, ended: String,
    now: Int64
  ) {
    self.forge = forge
    self.kid = kid
    self.otherKeys = otherKeys
    self.issued = issued
    self.strangers = strangers
    self.ended = ended
    self.now = now
  }
}

/// Collects the set.
package struct TokenAttacks {
  package let ground: AttackGround
  /// The members of the issued payload, each as it is written, in their order.
  let claims: [(name: String, value: String)]
  package private(set) var all: [TokenAttack] = []

  /// - Parameter ground: its issued token has a payload without nesting but the list of methods.
  package init(on ground: AttackGround) {
    self.ground = ground
    claims = Self.members(of: TokenParts(ground.issued)?.payload ?? "{}")
    addControls()
    addAlgorithms()
    addHeaders()
    addKeys()
    addParts()
    addTags()
    addEncodings()
    addJSON()
    addClaims()
    addStates()
    addTimes()
    addSizes()
  }

  mutating func add(_ family: TokenAttack.Family, _ why: String, _ token: String, _ verdict: TokenAttack.Verdict = .invalid) {
    all.append(TokenAttack(family: family, why: why, bytes: Array(token.utf8), verdict: verdict))
  }

  mutating func add(_ family: TokenAttack.Family, _ why: String, bytes: [UInt8]) {
    all.append(TokenAttack(family: family, why: why, bytes: bytes, verdict: .invalid))
  }

  // MARK: Making tokens

  var header: String { #"{"alg":"HS256","typ":"at+jwt","kid":"\#(ground.kid)"}"# }
  var parts: [String] { ground.issued.split(separator: ".").map(String.init) }

  /// The issued claims with some of them changed, left out (nil) or added.
  func payload(_ changes: (name: String, value: String?)..., adding more: String = "") -> String {
    var members = claims
    for (name, value) in changes {
      if let index = members.firstIndex(where: { $0.name == name }) {
        if let value { members[index].value = value } else { members.remove(at: index) }
      } else if let value {
        members.append((name, value))
      }
    }
    return "{" + members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + more + "}"
  }

  func claim(_ name: String) -> String { claims.first { $0.name == name }?.value ?? "" }

  /// Signed with the server's own key.
  func signed(header: String? = nil, payload: String? = nil) -> String {
    ground.forge.token(header: header ?? self.header, payload: payload ?? self.payload())
  }

  /// The members of a flat object as they are written.
  private static func members(of json: String) -> [(name: String, value: String)] {
    var found: [(name: String, value: String)] = []
    var depth = 0, current = ""
    for character in json.dropFirst().dropLast() + "," {
      if character == "[" { depth += 1 }
      if character == "]" { depth -= 1 }
      if character == "," && depth == 0 {
        let halves = current.split(separator: ":", maxSplits: 1)
        found.append((name: String(halves[0].dropFirst().dropLast()), value: String(halves[1])))
        current = ""
      } else {
        current.append(character)
      }
    }
    return found
  }
}
