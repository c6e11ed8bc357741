// `userd admin user create`: an account made by whoever owns the data folder, with the server up or down.

import Codecs

extension Verb {
  static let adminUserCreate = Verb(
    words: ["admin", "user", "create"], summary: "make an account; the way to the first administrator",
    details: [
      """
      The password is one line of standard input without its newline; a terminal asks for it. It is never an argument. Without
      --password-stdin the account has none; then the id is followed, on a line of its own, by a code that sets one, once, within half
      an hour: POST /api/auth/password/reset takes it.
      """,
      """
      With a server running on the data folder it is asked through admin.sock there; without one the store is opened here,
      and made if it is missing. It prints the id of the new account.
      """,
      "  userd admin user create --role admin --email ann@example.org --name Ann --password-stdin --data ./db",
    ],
    flags: [
      .value("email", "ADDRESS", "the address of the account"),
      .value("name", "NAME", "the name of the person (default: the address up to its @)"),
      .value("role", "ROLE", "admin or user (default: user)"),
      .switch("password-stdin", "read the password from standard input"),
      .json,
    ],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard let email = invocation.values["email"] else {
      throw .missingFlag("email", verb: invocation.verb.name, reason: "an account is known by its address")
    }
    let name = invocation.values["name"] ?? String(email.prefix { $0 != "@" }), role = invocation.values["role"] ?? "user"
    let password = invocation.switches.contains("password-stdin") ? try readPassword(surroundings) : nil
    let request = AdminRequest(
      "POST", "/api/v1/users", texts: [("email", email), ("name", name), ("role", role), ("password", password)])
    try AccountDesk.open(configuration, surroundings, missing: .made) { (desk) throws(CommandError) in
      let user = try desk.call(request)
      guard let id = user.root["id"]?.string else { throw .failed("the server's answer names no account", .internalError) }
      var code: String?
      if password == nil {
        code = try desk.call(AdminRequest("POST", "/api/v1/users/\(id)/reset-link")).root["code"]?.string
      }
      if invocation.switches.contains("json") {
        // A code is made of base64url digits, so it is JSON as it stands.
        let text = user.text(of: user.root).dropLast()
        try surroundings.answer("\(text)\(code.map { ",\"resetCode\":\"\($0)\"" } ?? "")}\n")
      } else {
        try surroundings.answer([id, code].compactMap { $0.map { "\($0)\n" } }.joined())
      }
    }
    return .success
  }
}
