// Attacks by what the header says and by the key that signs: RFC 8725 sections 2.1, 2.6, 2.7, 3.1, 3.10 and 3.11.

import Codecs

extension TokenAttacks {
  /// Not attacks: the nearest tokens that are right, so that a refusal of all the others means something.
  mutating func addControls() {
    let now = ground.now
    add(.algorithms, "the issued token itself", ground.issued, .accepted)
    add(.algorithms, "the same, made by the forge", signed(), .accepted)
    add(
      .header, "members in another order, with space",
      signed(header: "{ \"kid\":\"\(ground.kid)\", \"typ\":\"at+jwt\",\n\"alg\":\"HS256\" }"), .accepted)
    add(.claims, "an audience that is a list with ours in it", signed(payload: payload(("aud", #"["x","userd"]"#))), .accepted)
    add(
      .claims, "sixteen claims that nobody knows", signed(payload: payload(adding: (0..<16).map { ",\"c\($0)\":0" }.joined())),
      .accepted)
    add(.times, "its last second", signed(payload: payload(("exp", "\(now + 1)"))), .accepted)
    add(.times, "issued 30 s ahead", signed(payload: payload(("iat", "\(now + 30)"))), .accepted)
    add(.times, "not before 30 s ahead", signed(payload: payload(("nbf", "\(now + 30)"))), .accepted)
    add(.times, "a life of 3600 s", signed(payload: payload(("iat", "\(now)"), ("exp", "\(now + 3600)"))), .accepted)
    add(.times, "auth_time 2^53", signed(payload: payload(("auth_time", "9007199254740992"))), .accepted)
  }

  mutating func addAlgorithms() {
    let names: [(String, String)] = [
      ("none", "unsecured (RFC 7515 appendix A.5)"), ("None", "unsecured, in other case"), ("NONE", "unsecured, in capitals"),
      ("nOnE", "unsecured, mixed"), ("hs256", "algorithms compare exactly"), ("HS256 ", "with a space"),
      (" HS256", "with a space before"),
      ("HS256\\u0000", "with a NUL behind"), ("HS384", "another MAC"), ("HS512", "another MAC"),
      ("HS1", "a MAC that nobody defined"),
      ("HS256/64", "a shortened MAC"), ("RS256", "a signature verified by a MAC"), ("RS384", "the same"), ("PS256", "the same"),
      ("ES256", "the same"),
      ("ES256K", "the same"), ("EdDSA", "the same"), ("dir", "a key management algorithm"), ("A128KW", "a key wrap"),
      ("PBES2-HS256+A128KW", "a password-based one whose cost the sender chooses"), ("", "no name"),
      ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "the name in XML"),
    ]
    for (name, why) in names {
      add(.algorithms, "alg \(name): \(why)", signed(header: #"{"alg":"\#(name)","typ":"at+jwt","kid":"\#(ground.kid)"}"#))
    }
    let unsigned = TokenForge.encode(#"{"alg":"none","typ":"at+jwt","kid":"\#(ground.kid)"}"#) + "." + parts[1] + "."
    add(.algorithms, "alg none with no tag", unsigned)
    add(.algorithms, "alg none with the tag of the issued token", unsigned + parts[2])
    add(.algorithms, "alg HS256 with no tag", parts[0] + "." + parts[1] + ".")
    for value in ["null", "0", "256", "true", "[\"HS256\"]", "{\"HS256\":1}"] {
      add(.algorithms, "alg \(value): no string", signed(header: #"{"alg":\#(value),"typ":"at+jwt","kid":"\#(ground.kid)"}"#))
    }
    add(.algorithms, "no alg", signed(header: #"{"typ":"at+jwt","kid":"\#(ground.kid)"}"#))
    add(
      .algorithms, "alg twice, none first", signed(header: #"{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"\#(ground.kid)"}"#)
    )
    add(
      .algorithms, "alg twice, none last", signed(header: #"{"alg":"HS256","typ":"at+jwt","kid":"\#(ground.kid)","alg":"none"}"#))
    add(
      .algorithms, "alg twice, one by an escape",
      signed(header: #"{"alg":"HS256","\u0061lg":"none","typ":"at+jwt","kid":"\#(ground.kid)"}"#))
    let zeros = String(repeating: "A", count: 86)
    add(
      .algorithms, "ES256 with r and s zero",
      TokenForge.encode(#"{"alg":"ES256","typ":"at+jwt","kid":"\#(ground.kid)"}"#) + "." + parts[1] + "." + zeros)
  }

  mutating func addHeaders() {
    let kid = ground.kid
    let key = Base64URL.encodedString(ground.forge.secret.span)
    let members: [(String, String)] = [
      (#""jwk":{"kty":"oct","k":"\#(key)"}"#, "brings its own key"), (#""jwk":{"kty":"oct","k":""}"#, "brings an empty key"),
      (#""jku":"https://evil.example/keys""#, "says where keys are"), (#""jku":"file:///dev/null""#, "says where keys are"),
      (#""x5u":"https://evil.example/cert""#, "says where a certificate is"), (#""x5c":["MIIB"]"#, "brings a certificate"),
      (#""x5t":"AAAA""#, "names a certificate"), (#""crit":["exp"]"#, "asks to be refused if exp is not understood"),
      (#""crit":[]"#, "an empty list of what is critical"),
      (#""crit":["b64"],"b64":false"#, "a payload that is not encoded (RFC 7797)"),
      (#""b64":false"#, "the same without crit"), (#""b64":true"#, "the default, but said"), (#""cty":"JWT""#, "a nested token"),
      (#""zip":"DEF""#, "a compressed payload"), (#""enc":"A128GCM""#, "an encrypted one"), (#""epk":{}"#, "an ephemeral key"),
      (#""p2c":2147483647"#, "a cost chosen by the sender"), (#""iss":"userd""#, "a claim in the header"),
      (#""nonce":"x""#, "what nobody knows"),
      (#""x":1"#, "what nobody knows, a number"), (#""":"""#, "an empty name"),
      (#""__proto__":{"alg":"none"}"#, "a name with powers elsewhere"),
    ]
    for (member, why) in members {
      add(.header, "\(member): \(why)", signed(header: #"{"alg":"HS256","typ":"at+jwt","kid":"\#(kid)",\#(member)}"#))
    }
    for type in ["JWT", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "at+jwt;x=1", "dpop+jwt", "secevent+jwt", "at+jwt ", ""]
    {
      add(
        .header, "typ \(type): a token for something else", signed(header: #"{"alg":"HS256","typ":"\#(type)","kid":"\#(kid)"}"#))
    }
    add(.header, "no typ", signed(header: #"{"alg":"HS256","kid":"\#(kid)"}"#))
    add(.header, "typ twice", signed(header: #"{"alg":"HS256","typ":"at+jwt","typ":"JWT","kid":"\#(kid)"}"#))
    add(.header, "typ null", signed(header: #"{"alg":"HS256","typ":null,"kid":"\#(kid)"}"#))
    let names: [(String, String)] = [
      ("../../../dev/null", "a file that is empty"), ("/proc/sys/kernel/randomize_va_space", "a file whose contents are known"),
      ("mac", "another key file"), ("../mac", "another key file by a path"), ("' UNION SELECT 'k", "a query"),
      ("$(id)", "a command"), ("`id`", "a command"),
      ("|/usr/bin/id", "a pipe"), ("", "no name"), ("0000000000000000", "no key of ours"),
      (String(repeating: "a", count: 100), "a long one"),
      (kid.uppercased(), "ours in capitals"), (String(kid.dropLast()), "ours cut"), (kid + "0", "ours and more"),
      (kid + "\\u0000", "ours and a NUL"),
      (" " + kid, "ours behind a space"), ("*", "any"), ("%", "any, to a database"),
      (kid + "\\r\\nX-Auth-User: root", "a field line"),
    ]
    for (name, why) in names where name != kid {
      add(.header, "kid \(name): \(why)", signed(header: #"{"alg":"HS256","typ":"at+jwt","kid":"\#(name)"}"#))
    }
    for value in ["null", "0", "[\"\(kid)\"]", "{\"kid\":\"\(kid)\"}", "false"] {
      add(.header, "kid \(value): no string", signed(header: #"{"alg":"HS256","typ":"at+jwt","kid":\#(value)}"#))
    }
    add(.header, "no kid", signed(header: #"{"alg":"HS256","typ":"at+jwt"}"#))
    add(.header, "kid twice", signed(header: #"{"alg":"HS256","typ":"at+jwt","kid":"\#(kid)","kid":"\#(kid)"}"#))
    for shape in [
      #"["HS256","at+jwt","\#(kid)"]"#, "\"HS256\"", "null", "1", "{}", "", "{", header + header, header + "x",
      "\u{feff}" + header, "[\(header)]",
    ] {
      add(.header, "header \(shape.prefix(24)): not one object of three members", signed(header: shape))
    }
    add(.header, "a header of more than 256 bytes", signed(header: header.dropLast() + String(repeating: " ", count: 256) + "}"))
  }

  mutating func addKeys() {
    for (what, bytes) in ground.otherKeys {
      add(.keys, "signed with \(what)", TokenForge(secret: bytes).token(header: header, payload: payload()))
    }
    let publicKey = """
      -----BEGIN PUBLIC KEY-----
      MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
      q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
      -----END PUBLIC KEY-----

      """
    let guesses: [(String, [UInt8])] = [
      ("no key", []), ("a zero byte", [0]), ("32 zero bytes", [UInt8](repeating: 0, count: 32)),
      ("the word secret", Array("secret".utf8)),
      ("its own kid", Array(ground.kid.utf8)), ("the issuer", Array("userd".utf8)),
      ("the text of a public key", Array(publicKey.utf8)),
      ("the same without its last newline", Array(publicKey.utf8.dropLast())),
      ("the right key in hex", Array(Hex.encodedString(ground.forge.secret.span).utf8)),
      ("the right key in base64url", Array(Base64URL.encodedString(ground.forge.secret.span).utf8)),
      ("the right key less its last byte", Array(ground.forge.secret.dropLast())),
      ("the right key backwards", Array(ground.forge.secret.reversed())), ("null", Array("null".utf8)),
      ("undefined", Array("undefined".utf8)),
    ]
    for (what, bytes) in guesses {
      add(.keys, "signed with \(what)", TokenForge(secret: bytes).token(header: header, payload: payload()))
    }
    let confused = #"{"alg":"RS256","typ":"at+jwt","kid":"\#(ground.kid)"}"#
    add(
      .keys, "RS256, signed as a MAC with the text of a public key",
      TokenForge(secret: Array(publicKey.utf8)).token(header: confused, payload: payload()))
    // A key padded with zeros to the block of the hash is the same HMAC key, so this one is no attack; one byte more is.
    let padded = ground.forge.secret + [UInt8](repeating: 0, count: 64 - ground.forge.secret.count)
    add(
      .keys, "signed with the right key padded with zeros: the same key by RFC 2104",
      TokenForge(secret: padded).token(header: header, payload: payload()), .accepted)
    add(
      .keys, "signed with the right key padded beyond the block",
      TokenForge(secret: padded + [0]).token(header: header, payload: payload()))
    add(
      .keys, "signed over the payload alone",
      parts[0] + "." + parts[1] + "." + Base64URL.encodedString(ground.forge.tag(of: parts[1]).span))
    let decoded = ground.forge.tag(of: header + "." + payload())
    add(.keys, "signed before encoding", parts[0] + "." + parts[1] + "." + Base64URL.encodedString(decoded.span))
    let bare = TokenForge.hmac(Array((parts[0] + "." + parts[1]).utf8), ground.forge.secret)
    add(.keys, "key and text exchanged", parts[0] + "." + parts[1] + "." + Base64URL.encodedString(bare.span))
  }
}
