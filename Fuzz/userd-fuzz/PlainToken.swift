// Access tokens the plain way: text cut at its dots, objects as lists of members, each rule of docs/security.md §8 a line of its own.

import PlainReaders
import TestSupport

/// What a token is, as RFC 7515, RFC 7519 and RFC 9068 have it and this server has it stricter.
enum PlainToken: Equatable {
  case invalid
  case expired(at: Int64)
  case signed(user: String, session: String, epoch: String)

  /// Who signs, for whom, with which keys, and what time it is.
  struct Ground {
    let issuer: String
    let audience: String
    let keys: [(id: String, secret: [UInt8])]
    /// Seconds since 1970.
    let now: Int64
  }

  static func read(_ bytes: [UInt8], _ ground: Ground) -> PlainToken {
    let dot = UInt8(ascii: ".")
    let parts = bytes.split(separator: dot, omittingEmptySubsequences: false).map(Array.init)
    guard bytes.count <= 4096, parts.count == 3, let header = PlainBase64.decode(parts[0]),
      let payload = PlainBase64.decode(parts[1]), let tag = PlainBase64.decode(parts[2])
    else { return .invalid }
    guard header.count <= 256, let key = key(header, ground) else { return .invalid }
    guard tag == TokenForge.hmac(key, parts[0] + [dot] + parts[1]) else { return .invalid }
    return payload.count <= 3072 ? claims(payload, ground) : .invalid
  }

  /// The secret that a header names: `alg`, `typ` and `kid`, each once, and nothing else.
  private static func key(_ header: [UInt8], _ ground: Ground) -> [UInt8]? {
    guard case .object(let members) = PlainJSON.read(header, maxDepth: 1), members.count == 3,
      text(members, "alg") == "HS256", text(members, "typ") == "at+jwt", let id = text(members, "kid")
    else { return nil }
    return ground.keys.first { $0.id == id }?.secret
  }

  private static func text(_ members: [PlainMember], _ name: String) -> String? {
    guard case .string(let bytes) = members.first(where: { $0.name == Array(name.utf8) })?.value else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func claims(_ payload: [UInt8], _ ground: Ground) -> PlainToken {
    guard case .object(let members) = PlainJSON.read(payload, maxDepth: 8) else { return .invalid }
    let written = spellings(payload)
    // A name that we do not know may be there, but not in disguise, and not in any number.
    let known: Set<String> = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "nbf", "auth_time", "amr", "role", "epoch"]
    let strangers = zip(members, written).filter { !known.contains(String(decoding: $0.0.name, as: UTF8.self)) }
    guard strangers.count <= 16, strangers.allSatisfy({ !$0.1.name.contains(UInt8(ascii: "\\")) }) else { return .invalid }
    func place(_ name: String) -> Int? { members.firstIndex { $0.name == Array(name.utf8) } }
    /// A string without an escape.
    func plain(_ name: String) -> String? {
      guard let place = place(name), case .string(let bytes) = members[place].value,
        written[place].value == [0x22] + bytes + [0x22]
      else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
    /// Digits only, or minus zero, and no more than 2^53.
    func date(_ name: String) -> Int64? {
      guard let place = place(name), case .number(let digits) = members[place].value else { return nil }
      guard let value = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
      return (0...1 << 53).contains(value) ? value : nil
    }
    func isWord(_ name: String) -> Bool { text(members, name)?.isEmpty == false }
    guard text(members, "iss") == ground.issuer, isMeant(members, ground.audience), isWord("jti"), isWord("role"),
      areMethods(members),
      let user = plain("sub"), isIdentifier(user), let session = plain("sid"), isIdentifier(session),
      let epoch = plain("epoch"), isEpoch(epoch),
      let issued = date("iat"), let end = date("exp"), date("auth_time") != nil
    else { return .invalid }
    if place("nbf") != nil {
      guard let begin = date("nbf"), begin <= ground.now + 30 else { return .invalid }
    }
    guard issued <= ground.now + 30, issued <= end, end <= issued + 3600 else { return .invalid }
    return end <= ground.now ? .expired(at: end) : .signed(user: user, session: session, epoch: epoch)
  }

  private static func isMeant(_ members: [PlainMember], _ audience: String) -> Bool {
    switch members.first(where: { $0.name == Array("aud".utf8) })?.value {
    case .string(let bytes): bytes == Array(audience.utf8)
    case .array(let elements): areStrings(elements) && elements.contains(.string(Array(audience.utf8)))
    default: false
    }
  }

  private static func areMethods(_ members: [PlainMember]) -> Bool {
    guard case .array(let elements) = members.first(where: { $0.name == Array("amr".utf8) })?.value else { return false }
    return areStrings(elements)
  }

  private static func areStrings(_ values: [PlainJSON]) -> Bool {
    values.allSatisfy { if case .string = $0 { true } else { false } }
  }

  /// 8-4-4-4-12 digits in lower case.
  private static func isIdentifier(_ text: String) -> Bool {
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.utf8.count) == [8, 4, 4, 4, 12] && groups.allSatisfy { $0.utf8.allSatisfy(isHex) }
  }

  /// Eight digits in base 16, a dot, a number of 32 bits as it is printed.
  private static func isEpoch(_ text: String) -> Bool {
    let halves = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    return halves.count == 2 && halves[0].utf8.count == 8 && halves[0].utf8.allSatisfy(isHex)
      && UInt32(halves[1]).map { "\($0)" == halves[1] } == true
  }

  private static func isHex(_ byte: UInt8) -> Bool { "0123456789abcdef".utf8.contains(byte) }

  /// The members of a flat walk through an object that is well formed: each name and value as it is written, without the space around it.
  private static func spellings(_ json: [UInt8]) -> [(name: [UInt8], value: [UInt8])] {
    var found: [(name: [UInt8], value: [UInt8])] = []
    var (depth, isText, isEscaped) = (0, false, false)
    var current: [UInt8] = []
    var name: [UInt8]?
    for byte in json {
      if isText {
        current.append(byte)
        if isEscaped { isEscaped = false } else if byte == UInt8(ascii: "\\") { isEscaped = true } else { isText = byte != 0x22 }
        continue
      }
      switch byte {
      case 0x22: isText = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      let isEnd = depth == 0 && byte == UInt8(ascii: "}") || depth == 1 && byte == UInt8(ascii: ",")
      if isEnd, let known = name {
        found.append((known, current))
        (name, current) = (nil, [])
      } else if depth == 1, byte == UInt8(ascii: ":") {
        (name, current) = (current, [])
      } else if ![0x20, 0x09, 0x0a, 0x0d].contains(byte), !(depth == 1 && byte == UInt8(ascii: "{") && name == nil) {
        current.append(byte)
      }
    }
    return found
  }
}
