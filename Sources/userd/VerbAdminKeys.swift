// `userd admin keys`: which keys sign access tokens, and a new one.

import Codecs

extension Verb {
  static let adminKeysList = Verb(
    words: ["admin", "keys", "list"], summary: "the keys that sign and verify access tokens",
    details: [
      "A line for each: its name (kid), whether it signs or is accepted still, when it was made, when it ends. Never the key itself."
    ],
    flags: [.json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let answer = try AdminAccess(configuration, surroundings).run { client throws(CommandError) in
      try client.get("/api/v1/admin/keys")
    }
    try surroundings.answer(try shownKeys(answer, invocation))
    return .success
  }

  static let adminKeysRotate = Verb(
    words: ["admin", "keys", "rotate"], summary: "sign access tokens with a new key from now on",
    details: [
      """
      The old key is accepted until the last token that it signed has expired, an hour at most; nobody notices. With --now it ends at
      once: every access token is refused, and clients get a new one for their refresh token. Sessions and passwords stay.
      """,
      "With a signing secret from outside (USERD_JWT_SECRET) there is nothing to rotate here: it is exit code 64.",
    ],
    flags: [.switch("now", "end the old key at once; asks, or needs --yes"), .yes, .json],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let isNow = invocation.switches.contains("now")
    if isNow { try surroundings.confirm("all access tokens end now", invocation) }
    let answer = try AdminAccess(configuration, surroundings).run { client throws(CommandError) in
      var json = JSONWriter(ByteBuffer(capacity: 64))
      json.beginObject()
      json.key("ending")
      json.string(isNow ? "at_once" : "overlapping")
      json.endObject()
      return try client.post("/api/v1/admin/keys/rotate", json.finish())
    }
    try surroundings.answer(try shownKeys(answer, invocation))
    return .success
  }
}

private func shownKeys(_ answer: AdminSocket.Answer, _ invocation: Invocation) throws(CommandError) -> String {
  if invocation.switches.contains("json") { return answer.text + "\n" }
  var text = ""
  guard let keys = try answer.json().root["data"]?.elements else { return text }
  for key in keys {
    text += "\(key["kid"]?.string ?? "?")  \(key["state"]?.string ?? "?")"
    if let created = key["createdAt"]?.string { text += "  made \(created)" } else { text += "  supplied from outside" }
    if let end = key["retiresAt"]?.string { text += "  ends \(end)" }
    text += "\n"
  }
  return text
}
