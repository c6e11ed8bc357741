// `userd admin api-key`: keys for programs.

import Auth
import Codecs

extension Verb {
  static let adminKeyCreate = Verb(
    words: ["admin", "api-key", "create"], summary: "make an API key in the name of an account",
    details: [
      "It prints the id of the key and, on a line of its own, the key itself, which nobody can see again. With --json both are in one object.",
      "The key may do what is named here and the account may do as well, at any moment; it ends with the account.",
    ],
    flags: [
      .value("name", "NAME", "what the key is for"), .value("user", "ID|ADDRESS", "the account whose key it is"), permissionList,
      .value("expires-in", "DURATION", "how long it works, such as 90d; for ever if left out"), .json,
    ], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let permissions = try invocation.permissions()
    for (flag, reason) in [("name", "keys are told apart by it"), ("user", "a key belongs to an account")]
    where invocation.values[flag] == nil {
      throw .missingFlag(flag, verb: invocation.verb.name, reason: reason)
    }
    var lifetime: Int?
    if let text = invocation.values["expires-in"] {
      let form = ValueForm.duration(APIKey.lifetimes.lowerBound, APIKey.lifetimes.upperBound)
      guard let milliseconds = form.number(text) else {
        throw .badFlagValue(flag: "expires-in", value: text, expected: form.expected)
      }
      lifetime = milliseconds / 1000
    }
    let name = invocation.values["name"], user = invocation.values["user"] ?? ""
    try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
      let id = try desk.identifier(of: user)
      let made = try desk.call(
        AdminRequest(
          "POST", "/api/v1/api-keys", texts: [("name", name), ("createdBy", "\(id)")], numbers: [("expiresIn", lifetime)],
          lists: [("permissions", permissions)]))
      if invocation.switches.contains("json") { return try surroundings.answer(made.text(of: made.root) + "\n") }
      try surroundings.answer("\(made.root["id"]?.string ?? "")\n\(made.root["secret"]?.string ?? "")\n")
    }
    return .success
  }

  static let adminKeyList = Verb(
    words: ["admin", "api-key", "list"], summary: "all API keys, oldest first",
    details: [
      "A line for each: its id, its creator, when it was used last, when it ends, its name, its permissions. Never the key itself."
    ],
    flags: [.json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    try AccountDesk.open(try surroundings.configuration(for: invocation), surroundings) { (desk) throws(CommandError) in
      var cursor: String?
      repeat {
        let page = try desk.call(AdminRequest("GET", "/api/v1/api-keys?limit=200" + (cursor.map { "&cursor=\($0)" } ?? "")))
        guard let keys = page.root["data"]?.elements else { return }
        for key in keys { try surroundings.answer(page.line(ofKey: key, invocation)) }
        cursor = page.root["page"]?["nextCursor"]?.string
      } while cursor != nil
    }
    return .success
  }

  static let adminKeyRevoke = Verb(
    words: ["admin", "api-key", "revoke"], summary: "end an API key",
    details: ["The very next request with it is refused."], arguments: "ID", flags: [],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard invocation.arguments.count == 1, let id = APIKeyID(invocation.arguments[0].utf8.span) else {
      throw .failed("\"\(invocation.verb.name)\" needs the id of one key, as \"admin api-key list\" shows it", .usage)
    }
    try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
      _ = try desk.call(AdminRequest("DELETE", "/api/v1/api-keys/\(id)"))
    }
    return .success
  }
}

extension AdminAnswer {
  fileprivate func line(ofKey key: JSONValue, _ invocation: Invocation) -> String {
    if invocation.switches.contains("json") { return text(of: key) + "\n" }
    func member(_ name: StaticString) -> String { visible(key[name]?.string ?? "never") }
    let words = [
      "\(member("id"))  of \(member("createdBy"))  used \(member("lastUsedAt"))  ends \(member("expiresAt"))", member("name"),
    ]
    return (words + key.permissionNames).joined(separator: "  ") + "\n"
  }
}
