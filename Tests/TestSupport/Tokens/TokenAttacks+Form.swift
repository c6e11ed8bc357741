// Attacks by how a token is put together and written: parts, tags, base64url, JSON, sizes. RFC 8725 sections 2.4, 3.7 and 3.8.

import Codecs

extension TokenAttacks {
  mutating func addParts() {
    let parts = parts
    add(.parts, "nothing", "")
    add(.parts, "no dot", parts[0])
    add(.parts, "one dot", parts[0] + "." + parts[1])
    add(.parts, "two dots and nothing else", "..")
    add(.parts, "three dots", ground.issued + ".")
    add(.parts, "three dots, a fourth part", ground.issued + "." + parts[2])
    add(.parts, "a dot in front", "." + ground.issued)
    add(.parts, "two dots in a row", parts[0] + ".." + parts[1] + "." + parts[2])
    add(.parts, "no header", "." + parts[1] + "." + parts[2])
    add(.parts, "no payload: detached (RFC 7515 appendix F)", parts[0] + ".." + parts[2])
    add(.parts, "no payload, and the tag of that", ground.forge.sign(parts[0] + "."))
    add(.parts, "no header, and the tag of that", ground.forge.sign("." + parts[1]))
    add(.parts, "the payload as header too", parts[1] + "." + parts[1] + "." + parts[2])
    add(.parts, "parts exchanged", parts[1] + "." + parts[0] + "." + parts[2])
    let jwe = TokenForge.encode(#"{"alg":"dir","enc":"A256GCM","typ":"at+jwt","kid":"\#(ground.kid)"}"#)
    add(.parts, "five parts, encrypted (RFC 7516)", jwe + "..AAAAAAAAAAAAAAAA.\(parts[1]).AAAAAAAAAAAAAAAAAAAAAA")
    add(.parts, "five parts that end like ours", jwe + "..AAAA." + parts[1] + "." + parts[2])
    add(.parts, "flattened JSON", #"{"protected":"\#(parts[0])","payload":"\#(parts[1])","signature":"\#(parts[2])"}"#)
    add(
      .parts, "general JSON",
      #"{"payload":"\#(parts[1])","signatures":[{"protected":"\#(parts[0])","signature":"\#(parts[2])"}]}"#)
    add(.parts, "payload not encoded, tag of that", ground.forge.sign(parts[0] + "." + payload()))
    add(.parts, "two tokens", ground.issued + " " + ground.issued)
    add(.parts, "two tokens, a comma between", ground.issued + "," + ground.issued)
    add(.parts, "a scheme again", "Bearer " + ground.issued)
    add(.parts, "in quotes", "\"" + ground.issued + "\"")
    add(
      .parts, "a token inside a token, each signed",
      signed(header: #"{"alg":"HS256","typ":"at+jwt","cty":"JWT","kid":"\#(ground.kid)"}"#, payload: ground.issued))
    add(.parts, "a signed text that is not a claim set", signed(payload: ground.issued))
    add(.parts, "a refresh token", "urt1_" + String(repeating: "A", count: 55))
  }

  mutating func addTags() {
    let parts = parts, tag = ground.forge.tag(of: parts[0] + "." + parts[1])
    func with(_ bytes: [UInt8]) -> String { parts[0] + "." + parts[1] + "." + Base64URL.encodedString(bytes.span) }
    for count in [1, 10, 16, 20, 31] { add(.tags, "the first \(count) bytes of the right tag", with(Array(tag.prefix(count)))) }
    add(.tags, "the right tag and a byte", with(tag + [0]))
    add(.tags, "the right tag twice", with(tag + tag))
    add(.tags, "the right tag backwards", with(tag.reversed()))
    add(.tags, "zeros", with([UInt8](repeating: 0, count: 32)))
    add(.tags, "ones", with([UInt8](repeating: 0xff, count: 32)))
    add(.tags, "the right tag in hex", parts[0] + "." + parts[1] + "." + Hex.encodedString(tag.span))
    for index in [0, 15, 31] {
      for bit in [0, 7] {
        var changed = tag
        changed[index] ^= 1 << bit
        add(.tags, "bit \(bit) of byte \(index) flipped", with(changed))
      }
    }
    let others = ground.strangers.split(separator: ".").map(String.init)
    add(.tags, "the tag of another user's token", parts[0] + "." + parts[1] + "." + others[2])
    add(.tags, "another user's payload under this tag", parts[0] + "." + others[1] + "." + parts[2])
    add(
      .tags, "admin written into the payload, the old tag kept",
      parts[0] + "." + TokenForge.encode(payload(("role", "\"admin\""))) + "." + parts[2])
    add(
      .tags, "a later end written into the payload, the old tag kept",
      parts[0] + "." + TokenForge.encode(payload(("exp", "\(ground.now + 3000)"))) + "." + parts[2])
    add(
      .tags, "a header of the same meaning, the old tag kept", TokenForge.encode(header + " ") + "." + parts[1] + "." + parts[2])
  }

  mutating func addEncodings() {
    let parts = parts
    let names = ["header", "payload", "tag"]
    for index in 0..<3 {
      for (what, text) in [
        ("padding", "="), ("two of padding", "=="), ("a space", " "), ("a newline", "\n"), ("a tab", "\t"), ("a NUL", "\0"),
        ("%3D", "%3D"), ("a no-break space", "\u{a0}"), ("a zero-width space", "\u{200b}"),
      ] {
        var changed = parts
        changed[index] += text
        // Where the change lies under the tag, the tag is made anew, so that only the spelling is wrong.
        let token = index == 2 ? changed.joined(separator: ".") : ground.forge.sign(changed[0] + "." + changed[1])
        add(.encodings, "\(what) behind the \(names[index])", token)
      }
    }
    let plain = Base64.encodedString(payload(adding: ",\"x\":\"\u{3ff}\u{7ff}???>>>\"").utf8.span)
    add(.encodings, "the alphabet with + and /", ground.forge.sign(parts[0] + "." + plain))
    add(
      .encodings, "a digit of another script for one of ours",
      ground.forge.sign("\u{ff45}" + parts[0].dropFirst() + "." + parts[1]))
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    if let last = ground.issued.last, let value = digits.firstIndex(of: last) {
      for bits in 1...3 {
        add(
          .encodings, "unused bits \(bits) of the last digit of the tag", ground.issued.dropLast() + String(digits[value ^ bits]))
      }
    }
    for space in 0..<3 {
      let encoded = TokenForge.encode(payload() + String(repeating: " ", count: space))
      guard encoded.utf8.count % 4 != 0, let last = encoded.last, let value = digits.firstIndex(of: last) else { continue }
      add(
        .encodings, "an unused bit of the payload's last digit set (\(space) spaces)",
        ground.forge.sign(parts[0] + "." + encoded.dropLast() + String(digits[value ^ 1])))
    }
    add(
      .encodings, "one digit more than bytes can have",
      ground.forge.sign(
        parts[0] + "." + TokenForge.encode(payload() + String(repeating: " ", count: (3 - payload().utf8.count % 3) % 3)) + "A"))
    add(.encodings, "UTF-16", bytes: ground.issued.utf8.flatMap { [$0, 0] })
    add(.encodings, "a byte order mark in front", bytes: [0xef, 0xbb, 0xbf] + Array(ground.issued.utf8))
    add(.encodings, "the top bit set on every byte", bytes: ground.issued.utf8.map { $0 | 0x80 })
    add(.encodings, "an overlong dot", bytes: Array(parts[0].utf8) + [0xc0, 0xae] + Array((parts[1] + "." + parts[2]).utf8))
    add(.encodings, "a NUL and more behind it", bytes: Array(ground.issued.utf8) + [0] + Array("x".utf8))
    add(.encodings, "a newline in front", "\n" + ground.issued)
    add(.encodings, "folded lines, as in mail", String(ground.issued.prefix(76)) + "\r\n " + ground.issued.dropFirst(76))
  }

  mutating func addJSON() {
    let whole = payload()
    let texts: [(String, String)] = [
      ("", "nothing"), ("null", "null"), ("[]", "a list"), ("[\(whole)]", "a list of one claim set"), ("1", "a number"),
      ("\"\(ground.kid)\"", "a string"), ("{}", "no claims"),
      (whole + "x", "a byte behind"), (whole + whole, "two objects"), (String(whole.dropLast()), "no end"),
      (whole + "}", "two ends"), ("\u{feff}" + whole, "a byte order mark"),
      (payload(adding: ","), "a comma too many"), ("/**/" + whole, "a comment"), (whole + "//", "a comment behind"),
      (whole.split(separator: "\"").joined(separator: "'"), "single quotes"),
      (payload(adding: ",x:1"), "a name without quotes"), (payload(adding: ",\"x\":NaN"), "not a number"),
      (payload(adding: ",\"x\":-Infinity"), "infinity"),
      (payload(adding: ",\"x\":01"), "a leading zero"), (payload(adding: ",\"x\":+1"), "a plus sign"),
      (payload(adding: ",\"x\":1."), "a point and nothing"),
      (payload(adding: ",\"x\":.5"), "nothing before the point"), (payload(adding: ",\"x\":0x10"), "hex"),
      (payload(adding: ",\"x\":\"\u{1}\""), "a control character"),
      (payload(adding: ",\"x\":\"\\ud800\""), "half a surrogate pair"),
      (payload(adding: ",\"x\":\"\\x41\""), "an escape that is none"),
      (payload(adding: ",\"x\":\"\\u00g0\""), "a digit that is none"),
      (payload(adding: ",\"x\":True"), "a word in other case"), (payload(adding: ",\"x\":undefined"), "a word of JavaScript"),
      (payload(adding: ",\"x\":1,\"x\":1"), "a stranger twice"),
      (payload(adding: ",\"\\u0078\":1"), "a stranger behind an escape"),
      (payload(adding: ",\"su\\u0062\":\(claim("sub"))"), "a claim again behind an escape"),
      (payload(adding: ",\"x\":" + String(repeating: "[", count: 9) + String(repeating: "]", count: 9)), "nesting over 8"),
      (payload(adding: ",\"x\":[" + (0..<260).map { _ in "0" }.joined(separator: ",") + "]"), "more than 256 values"),
      (payload(adding: (0..<17).map { ",\"c\($0)\":0" }.joined()), "seventeen strangers"),
      (whole.split(separator: ",").joined(separator: ",\u{b}"), "a vertical tab for space"),
      (whole.split(separator: ",").joined(separator: ",\u{a0}"), "a no-break space for space"),
    ]
    for (text, why) in texts { add(.json, "payload: \(why)", signed(payload: text)) }
    for (name, value) in claims {
      add(.json, "\(name) twice, with the same value", signed(payload: payload(adding: ",\"\(name)\":\(value)")))
    }
    add(
      .json, "sub twice, another user first",
      signed(payload: "{\"sub\":\"0198f3c0-0000-7000-8000-0000000000ff\"," + whole.dropFirst()))
    for (what, tail) in [
      ("a lone continuation byte", [0x80]), ("an overlong slash", [0xc0, 0xaf]), ("a surrogate as UTF-8", [0xed, 0xa0, 0x80]),
      ("beyond U+10FFFF", [0xf5, 0x80, 0x80, 0x80]),
    ] as [(String, [UInt8])] {
      let bytes = Array(payload(adding: ",\"x\":\"").utf8.dropLast()) + tail + Array("\"}".utf8)
      add(.json, "payload with \(what)", ground.forge.sign(parts[0] + "." + Base64URL.encodedString(bytes.span)))
    }
  }

  mutating func addSizes() {
    for (count, verdict) in [(4096, TokenAttack.Verdict.accepted), (4097, .invalid), (4098, .invalid)] {
      if let token = padded(to: count) { add(.sizes, "\(count) bytes, the limit being 4096", token, verdict) }
    }
    add(.sizes, "8 KiB of one digit", String(repeating: "A", count: 8192))
    add(.sizes, "4096 dots", String(repeating: ".", count: 4096))
    add(
      .sizes, "a header of 4 KiB",
      ground.forge.sign(TokenForge.encode(header + String(repeating: " ", count: 2900)) + "." + parts[1]))
  }

  /// A token that is right but for its length; base64url has no text of every length, so header and payload share the space.
  private func padded(to count: Int) -> String? {
    for headerSpace in 0..<4 {
      let header = header + String(repeating: " ", count: headerSpace)
      let digits = count - 2 - 43 - Base64URL.encodedCount(header.utf8.count)
      let space = digits * 3 / 4 - payload().utf8.count
      for more in -1...1 where space + more >= 0 {
        let token = signed(header: header, payload: payload() + String(repeating: " ", count: space + more))
        if token.utf8.count == count { return token }
      }
    }
    return nil
  }
}
