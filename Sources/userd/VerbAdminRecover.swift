// `userd admin recover`: the way back in for whoever owns the files.

import Codecs

extension Verb {
  static let adminRecover = Verb(
    words: ["admin", "recover"], summary: "make an administrator of an account, whatever became of it",
    details: [
      """
      The account of the address becomes an active administrator: restored, enabled, unlocked, its sessions ended. If there is none, it
      is made. The password is one line of standard input without its newline; it is never an argument and never printed.
      """,
      """
      Without --password-stdin the id is followed, on a line of its own, by a code that sets a password once, within half an hour:
      POST /api/auth/password/reset takes it.
      """,
      "  userd admin recover --email ann@example.org --password-stdin --yes --data ./db",
    ],
    flags: [
      .value("email", "ADDRESS", "the address of the account"),
      .value("name", "NAME", "the name of the person (default: as it is, or the address up to its @)"),
      .switch("password-stdin", "read the new password from standard input"), .yes, .json,
    ],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard let email = invocation.values["email"] else {
      throw .missingFlag("email", verb: invocation.verb.name, reason: "an account is known by its address")
    }
    try surroundings.confirm("this makes \(visible(email)) an administrator and ends its sessions", invocation)
    let name = invocation.values["name"]
    let password = invocation.switches.contains("password-stdin") ? try readPassword(surroundings) : nil
    let request = AdminRequest(
      "POST", "/api/v1/admin/recover", texts: [("email", email), ("name", name), ("password", password)])
    try AccountDesk.open(configuration, surroundings, missing: .made) { (desk) throws(CommandError) in
      let answer = try desk.call(request)
      if invocation.switches.contains("json") { return try surroundings.answer(answer.text(of: answer.root) + "\n") }
      let lines = [answer.root["user"]?["id"]?.string, answer.root["resetCode"]?.string].compactMap { $0 }
      try surroundings.answer(lines.map { $0 + "\n" }.joined())
    }
    return .success
  }
}
