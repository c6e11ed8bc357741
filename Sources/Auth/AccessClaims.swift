// The claims of an access token (RFC 7519, RFC 9068), read from bytes that a valid key has signed but anyone may have chosen.

import Codecs

/// What an access token says that this server acts on. Times are seconds since 1970.
struct AccessClaims: Sendable, Equatable {
  let userID: UUID
  let sessionID: UUID
  let issuedAt: Int64
  let expiresAt: Int64
  let storeEpoch: UInt32
  let userEpoch: UInt32

  /// Signed for longer than this, a token is refused whoever signed it.
  static let maxLifetime: Int64 = 3600
  /// How far another clock may be ahead.
  static let maxClockSkew: Int64 = 30
  /// The greatest integer that every JSON reader holds exactly.
  static let maxNumericDate: Int64 = 1 << 53

  /// Whether its time has passed; without leeway, and over at the very second.
  func isExpired(at milliseconds: Int64) -> Bool { milliseconds >= expiresAt * 1000 }
}

/// Who signs access tokens and for whom.
struct AccessAudience: Sendable {
  let issuer: String
  let audience: String
}

/// Reads claims in one pass: each name at most once, each value of its type, nothing allocated for a token that we wrote.
struct AccessClaimsReader {
  private var scanner = JSONScanner(limits: JSONLimits(maxByteCount: 4096, maxDepth: 8, maxValueCount: 256))
  private let expected: AccessAudience

  private var seen: UInt32 = 0
  private var guess: UInt32 = 0
  private var strangers = InlineArray<16, Range<Int>>(repeating: 0..<0)
  private var strangerCount = 0

  private var userID: UUID?
  private var sessionID: UUID?
  private var issuedAt: Int64?
  private var expiresAt: Int64?
  private var notBefore: Int64?
  private var epochs: (store: UInt32, user: UInt32)?

  /// The claims known here. A name that is not among them is passed over, as RFC 7519 section 4 asks, but may not come twice either.
  private enum Claim: UInt32, CaseIterable {
    case iss, aud, sub, sid, jti, iat, exp, auth_time, amr, role, epoch, nbf

    var name: StaticString {
      switch self {
      case .iss: "iss"
      case .aud: "aud"
      case .sub: "sub"
      case .sid: "sid"
      case .jti: "jti"
      case .iat: "iat"
      case .exp: "exp"
      case .nbf: "nbf"
      case .auth_time: "auth_time"
      case .amr: "amr"
      case .role: "role"
      case .epoch: "epoch"
      }
    }

    var bit: UInt32 { 1 << rawValue }

    /// All but `nbf`, which we do not write.
    static let required: UInt32 = 0b0111_1111_1111
  }

  init(expecting expected: AccessAudience) { self.expected = expected }

  /// The claims in `bytes`, or nil if there is anything wrong with them other than being expired.
  ///
  /// - Parameter now: milliseconds since 1970.
  static func read(_ bytes: Span<UInt8>, expecting expected: AccessAudience, now: Int64) -> AccessClaims? {
    var reader = AccessClaimsReader(expecting: expected)
    do throws(JSONError) {
      guard try reader.readObject(bytes) else { return nil }
    } catch {
      return nil
    }
    return reader.conclude(now: now)
  }

  private mutating func readObject(_ bytes: Span<UInt8>) throws(JSONError) -> Bool {
    guard case .beginObject = try scanner.next(in: bytes).kind else { return false }
    while true {
      let name = try scanner.next(in: bytes)
      if case .endObject = name.kind { break }
      if let claim = claim(name, in: bytes) {
        guard seen & claim.bit == 0 else { return false }
        seen |= claim.bit
        guard try readValue(of: claim, in: bytes) else { return false }
      } else {
        guard remember(name, in: bytes) else { return false }
        try scanner.skipValue(in: bytes)
      }
    }
    guard case .end = try scanner.next(in: bytes).kind else { return false }
    return seen & Claim.required == Claim.required
  }

  private mutating func claim(_ name: JSONToken, in bytes: Span<UInt8>) -> Claim? {
    // Ours come in the order of the cases, so the first guess is right.
    if let next = Claim(rawValue: guess), name.equals(next.name, in: bytes) {
      guess += 1
      return next
    }
    for claim in Claim.allCases where name.equals(claim.name, in: bytes) { return claim }
    return nil
  }

  /// Keeps a name we do not know; false if it was there before, if it hides behind escapes, or if there are too many.
  private mutating func remember(_ name: JSONToken, in bytes: Span<UInt8>) -> Bool {
    guard !name.hasEscapes, strangerCount < strangers.count else { return false }
    for index in 0..<strangerCount where Self.areEqual(bytes.extracting(strangers[index]), bytes.extracting(name.range)) {
      return false
    }
    strangers[strangerCount] = name.range
    strangerCount += 1
    return true
  }

  private mutating func readValue(of claim: Claim, in bytes: Span<UInt8>) throws(JSONError) -> Bool {
    let token = try scanner.next(in: bytes)
    switch claim {
    case .iss: return Self.equals(token, expected.issuer, in: bytes)
    case .aud: return try readAudience(token, in: bytes)
    case .sub: userID = Self.identifier(token, in: bytes)
    case .sid: sessionID = Self.identifier(token, in: bytes)
    case .iat: issuedAt = Self.date(token, in: bytes)
    case .exp: expiresAt = Self.date(token, in: bytes)
    case .nbf: notBefore = Self.date(token, in: bytes)
    case .auth_time: return Self.date(token, in: bytes) != nil
    case .epoch: epochs = Self.epochs(token, in: bytes)
    case .jti, .role: return Self.isString(token) && !token.range.isEmpty
    case .amr: return try readMethods(token, in: bytes)
    }
    return true
  }

  /// RFC 7519 4.1.3: a string, or an array of strings that has ours among them.
  private mutating func readAudience(_ token: JSONToken, in bytes: Span<UInt8>) throws(JSONError) -> Bool {
    guard case .beginArray = token.kind else { return Self.equals(token, expected.audience, in: bytes) }
    var isMeant = false
    while true {
      let element = try scanner.next(in: bytes)
      if case .endArray = element.kind { return isMeant }
      guard Self.isString(element) else { return false }
      if Self.equals(element, expected.audience, in: bytes) { isMeant = true }
    }
  }

  private mutating func readMethods(_ token: JSONToken, in bytes: Span<UInt8>) throws(JSONError) -> Bool {
    guard case .beginArray = token.kind else { return false }
    while true {
      let element = try scanner.next(in: bytes)
      if case .endArray = element.kind { return true }
      guard Self.isString(element) else { return false }
    }
  }

  private func conclude(now: Int64) -> AccessClaims? {
    guard let userID, let sessionID, let issuedAt, let expiresAt, let epochs else { return nil }
    if seen & Claim.nbf.bit != 0 {
      guard let notBefore, Self.hasBegun(notBefore, now: now) else { return nil }
    }
    guard Self.hasBegun(issuedAt, now: now), expiresAt >= issuedAt, expiresAt - issuedAt <= AccessClaims.maxLifetime else {
      return nil
    }
    return AccessClaims(
      userID: userID, sessionID: sessionID, issuedAt: issuedAt, expiresAt: expiresAt, storeEpoch: epochs.store,
      userEpoch: epochs.user)
  }

  private static func hasBegun(_ seconds: Int64, now: Int64) -> Bool { seconds * 1000 <= now + AccessClaims.maxClockSkew * 1000 }

  private static func date(_ token: JSONToken, in bytes: Span<UInt8>) -> Int64? {
    guard let value = token.integer(in: bytes), value >= 0, value <= AccessClaims.maxNumericDate else { return nil }
    return value
  }

  // A pattern compiles to a comparison of bytes; `==` of another module's enum would be a call through a witness table.
  private static func isString(_ token: JSONToken) -> Bool { if case .string = token.kind { true } else { false } }

  private static func identifier(_ token: JSONToken, in bytes: Span<UInt8>) -> UUID? {
    guard isString(token), !token.hasEscapes else { return nil }
    return UUID(bytes.extracting(token.range))
  }

  private static func equals(_ token: JSONToken, _ text: String, in bytes: Span<UInt8>) -> Bool {
    guard isString(token) else { return false }
    return token.hasEscapes
      ? token.text(in: bytes).utf8.elementsEqual(text.utf8) : areEqual(bytes.extracting(token.range), text.utf8.span)
  }

  /// Eight hexadecimal digits of the store's epoch, a dot, the user's epoch in decimal.
  private static func epochs(_ token: JSONToken, in bytes: Span<UInt8>) -> (store: UInt32, user: UInt32)? {
    guard isString(token), token.range.count >= 10, token.range.count <= 19 else { return nil }
    let text = bytes.extracting(token.range)
    var store: UInt32 = 0
    for index in 0..<8 {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): store = store << 4 | UInt32(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): store = store << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    guard text[8] == UInt8(ascii: ".") else { return nil }
    var user: UInt64 = 0
    for index in 9..<text.count {
      let digit = text[index] &- UInt8(ascii: "0")
      guard digit < 10, text.count == 10 || text[9] != UInt8(ascii: "0") else { return nil }
      user = user * 10 + UInt64(digit)
    }
    guard let user = UInt32(exactly: user) else { return nil }
    return (store, user)
  }

  private static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }
}
