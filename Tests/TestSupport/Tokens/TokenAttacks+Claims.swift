// Attacks by what the claims say, under a right tag: RFC 8725 sections 2.8, 3.8 to 3.10, RFC 9068 section 4.

extension TokenAttacks {
  mutating func addClaims() {
    for (name, _) in claims { add(.claims, "no \(name)", signed(payload: payload((name, nil)))) }
    // Nothing is converted: a number is no string, a list of one is not its element.
    let types: [String] = ["null", "true", "1", "1.5", "{}", "[]", "\"\"", "[[\"userd\"]]"]
    for (name, _) in claims {
      // An empty list of methods is one, and one method less proves nothing more.
      for value in types where !(name == "amr" && value == "[]") && !(Self.isDate(name) && value == "1") {
        add(.claims, "\(name) is \(value)", signed(payload: payload((name, value))))
      }
    }
    let issuers: [String] = [
      "https://userd", "userd/", "USERD", " userd", "userd ", "userd\\u0000", "user", "userd\\u200b", "\u{1d566}serd",
    ]
    for issuer in issuers { add(.claims, "iss \(issuer): another issuer", signed(payload: payload(("iss", "\"\(issuer)\"")))) }
    let audiences: [String] = [
      "\"USERD\"", "\"userd \"", "\"other\"", "[\"other\"]", "[\"userd\",1]", "[1,\"userd\"]", "[\"userd\",null]",
      "[{\"userd\":1}]", "[\"other\",[\"userd\"]]", "{\"userd\":\"userd\"}", "\"other userd\"", "\"other,userd\"",
    ]
    for audience in audiences { add(.claims, "aud \(audience): not for us", signed(payload: payload(("aud", audience)))) }
    for name in ["sub", "sid"] {
      let own = String(claim(name).dropFirst().dropLast())
      let texts: [String] = [
        own.uppercased(), "{\(own)}", "urn:uuid:\(own)", String(own.dropLast()), "\(own)0", own.filter { $0 != "-" }, "\(own) ",
        "\(own)\\u0000", "*", "' OR '1'='1", "../\(own)",
      ]
      for text in texts where text != own {
        add(.claims, "\(name) \(text): not how an identifier is written", signed(payload: payload((name, "\"\(text)\""))))
      }
    }
    let epoch = String(claim("epoch").dropFirst().dropLast()), store = String(epoch.prefix(8))
    let epochs: [String] = [
      "\(epoch)0 ", store, "\(store).", epoch.uppercased(), String(epoch.dropFirst()), "\(store).00", "\(store).4294967296",
      "\(store).-1",
      "\(store).+0", "0x\(epoch)", "\(epoch).0",
    ]
    for text in epochs where text != epoch {
      add(.claims, "epoch \(text): not how epochs are written", signed(payload: payload(("epoch", "\"\(text)\""))))
    }
    add(.claims, "amr with a number among its words", signed(payload: payload(("amr", "[\"pwd\",1]"))))
    add(.claims, "amr with a list among its words", signed(payload: payload(("amr", "[\"pwd\",[]]"))))
  }

  /// Everything is well formed and rightly signed, but the store says otherwise.
  mutating func addStates() {
    let strangers = TokenParts(ground.strangers)?.payload ?? ""
    func member(_ name: String) -> String { "\"\(TokenParts.member(name, of: strangers) ?? "")\"" }
    add(.state, "another user's sub with this session", signed(payload: payload(("sub", member("sub")))), .revoked)
    add(.state, "another user's sid with this user", signed(payload: payload(("sid", member("sid")))), .revoked)
    let nobody = "\"0198f3c0-0000-7000-8000-0000000000ff\""
    add(.state, "a user that never was", signed(payload: payload(("sub", nobody))), .revoked)
    add(.state, "a session that never was", signed(payload: payload(("sid", nobody))), .revoked)
    add(
      .state, "a session that is all zeros", signed(payload: payload(("sid", "\"00000000-0000-0000-0000-000000000000\""))),
      .revoked)
    add(.state, "the user's id for the session's", signed(payload: payload(("sid", claim("sub")))), .revoked)
    add(.state, "a session that has ended", ground.ended, .revoked)
    let epoch = claim("epoch").dropFirst().dropLast(), store = epoch.prefix(8), user = UInt32(epoch.dropFirst(9)) ?? 0
    add(
      .state, "an epoch of the user that has not come", signed(payload: payload(("epoch", "\"\(store).\(user + 1)\""))), .revoked)
    add(.state, "the last epoch of a user", signed(payload: payload(("epoch", "\"\(store).4294967295\""))), .revoked)
    if user > 0 {
      add(.state, "an epoch of the user that is over", signed(payload: payload(("epoch", "\"\(store).\(user - 1)\""))), .revoked)
    }
    let other = store.first == "0" ? "1" + store.dropFirst() : "0" + store.dropFirst()
    add(.state, "an epoch of another store", signed(payload: payload(("epoch", "\"\(other).\(user)\""))), .revoked)
  }

  mutating func addTimes() {
    let now = ground.now
    for name in ["iat", "exp", "auth_time", "nbf"] {
      let right = name == "exp" ? now + 600 : now
      for value in [
        "\(right).0", "\(right)e0", "\(right / 10)e1", "\"\(right)\"", "-1", "-\(right)", "9007199254740993",
        "18446744073709551616", "9223372036854775808", "1e400", "[\(right)]", "{\"$date\":\(right)}",
      ] {
        add(.times, "\(name) \(value): not an integer from 0 to 2^53", signed(payload: payload((name, value))))
      }
    }
    add(.times, "expired this very second", signed(payload: payload(("iat", "\(now - 600)"), ("exp", "\(now)"))), .expired)
    add(.times, "expired a second ago", signed(payload: payload(("iat", "\(now - 600)"), ("exp", "\(now - 1)"))), .expired)
    add(.times, "expired in 1970", signed(payload: payload(("iat", "0"), ("exp", "0"))), .expired)
    add(.times, "issued and expired this second", signed(payload: payload(("iat", "\(now)"), ("exp", "\(now)"))), .expired)
    add(
      .times, "expired, and of another session: the first is said",
      signed(payload: payload(("iat", "0"), ("exp", "1"), ("sid", "\"0198f3c0-0000-7000-8000-0000000000ff\""))), .expired)
    add(
      .times, "expired, and for another audience: nothing of it is believed",
      signed(payload: payload(("iat", "0"), ("exp", "1"), ("aud", "\"other\""))))
    add(.times, "issued 31 s ahead", signed(payload: payload(("iat", "\(now + 31)"))))
    add(.times, "issued in 2^53 seconds", signed(payload: payload(("iat", "9007199254740992"), ("exp", "9007199254740992"))))
    add(.times, "not before 31 s ahead", signed(payload: payload(("nbf", "\(now + 31)"))))
    add(.times, "not before 2^53", signed(payload: payload(("nbf", "9007199254740992"))))
    add(.times, "a life of 3601 s", signed(payload: payload(("iat", "\(now)"), ("exp", "\(now + 3601)"))))
    add(.times, "a life of ten years", signed(payload: payload(("exp", "\(now + 315_360_000)"))))
    add(.times, "a life that ends at 2^53", signed(payload: payload(("exp", "9007199254740992"))))
    add(
      .times, "a long life that began long ago and has an hour left",
      signed(payload: payload(("iat", "\(now - 3600)"), ("exp", "\(now + 1)"))))
    add(.times, "expires before it was issued", signed(payload: payload(("iat", "\(now)"), ("exp", "\(now - 1)"))))
    add(.times, "milliseconds for seconds", signed(payload: payload(("iat", "\(now)000"), ("exp", "\(now + 600)000"))))
  }

  private static func isDate(_ name: String) -> Bool { name == "iat" || name == "exp" || name == "auth_time" }
}
