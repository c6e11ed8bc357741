// `userd admin user ...` for accounts that are there: shown, changed, taken out of use, brought back, removed.

import Auth
import Codecs

extension Verb {
  static let adminUserGet = accountVerb("get", "show an account", "GET")
  static let adminUserDisable = accountVerb(
    "disable", "take an account out of use and end its sessions", "POST", "/disable")
  static let adminUserEnable = accountVerb("enable", "give a disabled account back", "POST", "/enable")
  static let adminUserUnlock = accountVerb(
    "unlock", "forget the failed logins of an account, so that its owner may try again at once", "POST", "/unlock")
  static let adminUserRestore = accountVerb("restore", "make a deleted account what it was before", "POST", "/restore")
  static let adminUserMFAReset = accountVerb(
    "mfa-reset", "take app and recovery codes off an account, so that its password alone logs in", "POST", "/mfa-reset")
  static let adminUserResetLink = accountVerb(
    "reset-link", "make a code that sets a new password once, within half an hour; with delivery.reset_url a link too", "POST",
    "/reset-link", showing: Surroundings.answer(link:_:_:))
  static let adminUserDelete = accountVerb(
    "delete", "delete an account; it keeps its address and can be restored", "DELETE", asks: "this deletes")
  static let adminUserErase = accountVerb(
    "erase", "remove everything that is kept of a person, for good", "DELETE", "?erase=true", asks: "this erases for good")

  /// A verb that does one thing to one account.
  ///
  /// - Parameters:
  ///   - suffix: what follows the account in the path that a server is asked for.
  ///   - asks: the beginning of the question before something that is not undone easily.
  private static func accountVerb(
    _ word: String, _ summary: String, _ method: StaticString, _ suffix: String = "", asks: String? = nil,
    showing show: @escaping Show = Surroundings.answer(user:_:_:)
  ) -> Verb {
    Verb(
      words: ["admin", "user", word], summary: summary,
      details: [
        "The account is named by its id or its address. With a server running on the data folder it is asked through admin.sock there."
      ],
      arguments: "ID|ADDRESS", flags: asks == nil ? [.json] : [.yes, .json], settings: Setting.ofTools
    ) { invocation, surroundings throws(CommandError) in
      let configuration = try surroundings.configuration(for: invocation)
      let name = try invocation.account()
      if let asks { try surroundings.confirm("\(asks) the account \(visible(name))", invocation) }
      try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
        let id = try desk.identifier(of: name)
        let answer = try desk.call(AdminRequest(method, "/api/v1/users/\(id)\(suffix)"))
        try show(surroundings)(answer, id, invocation)
      }
      return .success
    }
  }

  /// Writes what the server answered.
  private typealias Show = @Sendable (Surroundings) -> (AdminAnswer, UserID, Invocation) throws(CommandError) -> Void

  static let adminUserUpdate = Verb(
    words: ["admin", "user", "update"], summary: "change an account",
    details: ["What is left out stays as it is. The account is named by its id or its address; --email is the new address."],
    arguments: "ID|ADDRESS",
    flags: [
      .value("email", "ADDRESS", "the new address; it is unverified unless --email-verified says otherwise"),
      .value("name", "NAME", "the name of the person"), .value("role", "ROLE", "admin or user"),
      .value("email-verified", "true|false", "whether the address is known to be the person's"),
      .value("must-change-password", "true|false", "whether a session may do nothing but change the password"), .json,
    ], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let name = try invocation.account()
    let isVerified = try invocation.flag("email-verified"), mustChange = try invocation.flag("must-change-password")
    let email = invocation.values["email"], newName = invocation.values["name"], role = invocation.values["role"]
    try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
      let id = try desk.identifier(of: name)
      let request = AdminRequest(
        "PATCH", "/api/v1/users/\(id)", texts: [("email", email), ("name", newName), ("role", role)],
        flags: [("emailVerified", isVerified), ("mustChangePassword", mustChange)])
      let answer = try desk.call(request)
      try surroundings.answer(user: answer, id, invocation)
    }
    return .success
  }

  static let adminUserList = Verb(
    words: ["admin", "user", "list"], summary: "list all accounts but deleted ones, oldest first",
    details: [
      "One account a line: id, status, role, address. With --json each line is the account as the server's answers have it."
    ],
    flags: [.json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
      var cursor: String?
      repeat {
        let after = cursor.map { "&cursor=\($0)" } ?? ""
        let page = try desk.call(AdminRequest("GET", "/api/v1/users?limit=\(ListLimits.counts.upperBound)\(after)"))
        var text = ""
        if let users = page.root["data"]?.elements {
          for user in users { text += page.line(of: user, invocation) }
        }
        try surroundings.answer(text)
        cursor = page.root["page"]?["nextCursor"]?.string
      } while cursor != nil
    }
    return .success
  }
}
