// `userd admin user ...` for accounts that are there: shown, changed, taken out of use, brought back, removed.

import API
import Auth
import Codecs
import Platform

extension Verb {
  static let adminUserGet = accountVerb("get", "show an account", "GET") { (accounts, id, json) throws(AuthError) in
    try accounts.withUser(id, by: .owner) { user, bytes in json.value(user, bytes) }
    return .zero
  }

  static let adminUserDisable = accountVerb(
    "disable", "take an account out of use and end its sessions", "POST", "/disable"
  ) { (accounts, id, json) throws(AuthError) in json.answer(try accounts.disable(id, by: .owner)) }

  static let adminUserEnable = accountVerb(
    "enable", "give a disabled account back", "POST", "/enable"
  ) { (accounts, id, json) throws(AuthError) in json.answer(try accounts.enable(id, by: .owner)) }

  static let adminUserUnlock = accountVerb(
    "unlock", "forget the failed logins of an account, so that its owner may try again at once", "POST", "/unlock"
  ) { (accounts, id, json) throws(AuthError) in json.answer(try accounts.unlock(id, by: .owner)) }

  static let adminUserMFAReset = accountVerb(
    "mfa-reset", "take authenticator app and recovery codes off an account, so that the password alone logs in", "POST",
    "/mfa-reset"
  ) { (accounts, id, json) throws(AuthError) in json.answer(try accounts.resetSecondFactors(id, by: .owner)) }

  static let adminUserRestore = accountVerb(
    "restore", "make a deleted account what it was before", "POST", "/restore"
  ) { (accounts, id, json) throws(AuthError) in json.answer(try accounts.restore(id, by: .owner)) }

  static let adminUserDelete = accountVerb(
    "delete", "delete an account; it keeps its address and can be restored", "DELETE", asks: "this deletes"
  ) { (accounts, id, json) throws(AuthError) in
    json.nothing()
    return try accounts.delete(id, by: .owner).position
  }

  static let adminUserErase = accountVerb(
    "erase", "remove everything that is kept of a person, for good", "DELETE", "?erase=true", asks: "this erases for good"
  ) { (accounts, id, json) throws(AuthError) in
    json.nothing()
    return try accounts.erase(id, by: .owner)
  }

  /// A verb that does one thing to one account.
  ///
  /// - Parameters:
  ///   - suffix: what follows the account in the path that a server is asked for.
  ///   - asks: the beginning of the question before something that is not undone easily.
  ///   - here: the same thing, done by the service.
  private static func accountVerb(
    _ word: String, _ summary: String, _ method: StaticString, _ suffix: String = "", asks: String? = nil,
    here: @escaping @Sendable (AccountService, UserID, inout JSONWriter) throws(AuthError) -> LogPosition
  ) -> Verb {
    Verb(
      words: ["admin", "user", word], summary: summary,
      details: [
        "The account is named by its id or its address. With a server running on the data folder it is asked through admin.sock there."
      ],
      arguments: "ID|ADDRESS", flags: asks == nil ? [.json] : [.yes, .json], settings: Setting.all.filter { $0.key == "data" }
    ) { invocation, surroundings throws(CommandError) in
      let configuration = try surroundings.configuration(for: invocation)
      let name = try invocation.account()
      if let asks { try surroundings.confirm("\(asks) the account \(visible(name))", invocation) }
      try AccountDesk.open(configuration) { (desk) throws(CommandError) in
        let id = try desk.identifier(of: name)
        let answer = try desk.call(AdminRequest(method, "/api/v1/users/\(id)\(suffix)")) { (accounts, json) throws(AuthError) in
          try here(accounts, id, &json)
        }
        try surroundings.answer(user: answer, id, invocation)
      }
      return .success
    }
  }

  static let adminUserUpdate = Verb(
    words: ["admin", "user", "update"], summary: "change an account",
    details: ["What is left out stays as it is. The account is named by its id or its address; --email is the new address."],
    arguments: "ID|ADDRESS",
    flags: [
      .value("email", "ADDRESS", "the new address; it is unverified unless --email-verified says otherwise"),
      .value("name", "NAME", "the name of the person"), .value("role", "ROLE", "admin or user"),
      .value("email-verified", "true|false", "whether the address is known to be the person's"),
      .value("must-change-password", "true|false", "whether a session may do nothing but change the password"), .json,
    ], settings: Setting.all.filter { $0.key == "data" }
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let name = try invocation.account()
    let isVerified = try invocation.flag("email-verified"), mustChange = try invocation.flag("must-change-password")
    let email = invocation.values["email"], newName = invocation.values["name"], role = invocation.values["role"]
    let form = AccountEditForm(
      email: .of(email), name: .of(newName), role: .of(role), emailVerified: .of(isVerified), mustChangePassword: .of(mustChange))
    try AccountDesk.open(configuration) { (desk) throws(CommandError) in
      let id = try desk.identifier(of: name)
      let request = AdminRequest(
        "PATCH", "/api/v1/users/\(id)", texts: [("email", email), ("name", newName), ("role", role)],
        flags: [("emailVerified", isVerified), ("mustChangePassword", mustChange)])
      let answer = try desk.call(request) { (accounts, json) throws(AuthError) in
        json.answer(try accounts.update(id, form, by: .owner))
      }
      try surroundings.answer(user: answer, id, invocation)
    }
    return .success
  }

  static let adminUserList = Verb(
    words: ["admin", "user", "list"], summary: "list all accounts but deleted ones, oldest first",
    details: [
      "One account a line: id, status, role, address. With --json each line is the account as the server's answers have it."
    ],
    flags: [.json], settings: Setting.all.filter { $0.key == "data" }
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    try AccountDesk.open(configuration) { (desk) throws(CommandError) in
      var cursor: String?
      repeat {
        let query = UserListQuery(limit: UserListQuery.limits.upperBound, cursor: cursor)
        let after = cursor.map { "&cursor=\($0)" } ?? ""
        let page = try desk.call(AdminRequest("GET", "/api/v1/users?limit=\(UserListQuery.limits.upperBound)\(after)")) {
          (accounts, json) throws(AuthError) in
          guard let query else { preconditionFailure("the greatest limit is a limit") }
          json.page(try accounts.list(query, by: .owner))
          return .zero
        }
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
