// `userd admin role`: which roles there are, and what they give.

import Codecs

extension Verb {
  static let adminRoleList = Verb(
    words: ["admin", "role", "list"], summary: "all roles and what they give",
    details: ["A line for each: its name, then its permissions. admin and user are built in."], flags: [.json],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    try AccountDesk.open(try surroundings.configuration(for: invocation), surroundings) { (desk) throws(CommandError) in
      let list = try desk.call(AdminRequest("GET", "/api/v1/roles"))
      guard let roles = list.root["data"]?.elements else { return }
      for role in roles { try surroundings.answer(list.line(ofRole: role, invocation)) }
    }
    return .success
  }

  static let adminRoleShow = roleVerb("show", "show a role") { (desk, path, _) throws(CommandError) in
    try desk.call(AdminRequest("GET", path))
  }

  static let adminRoleSet = roleVerb(
    "set", "define a role, or give it other permissions", flags: [permissionList],
    details: ["Whoever has the role may do what it gives from the very next request on, and no more."]
  ) { (desk, path, invocation) throws(CommandError) in
    let permissions = try invocation.permissions()
    do throws(CommandError) {
      return try desk.call(AdminRequest("PUT", path, lists: [("permissions", permissions)]))
    } catch {
      // There is none of this name.
      guard error.exitCode == .missingInput else { throw error }
      return try desk.call(
        AdminRequest("POST", "/api/v1/roles", texts: [("name", invocation.arguments[0])], lists: [("permissions", permissions)]))
    }
  }

  static let adminRoleDelete = roleVerb(
    "delete", "remove a role that no account has", flags: [.yes], asks: "this removes the role"
  ) { (desk, path, _) throws(CommandError) in try desk.call(AdminRequest("DELETE", path)) }

  static let permissionList = Flag.value(
    "permissions", "LIST", "permissions with commas between them, such as users:read,sessions:revoke; may be empty")

  private static func roleVerb(
    _ word: String, _ summary: String, flags: [Flag] = [], details: [String] = [], asks: String? = nil,
    _ call: @escaping @Sendable (AccountDesk, _ path: String, Invocation) throws(CommandError) -> AdminAnswer
  ) -> Verb {
    Verb(
      words: ["admin", "role", word], summary: summary, details: details, arguments: "NAME", flags: flags + [.json],
      settings: Setting.ofTools
    ) { invocation, surroundings throws(CommandError) in
      let configuration = try surroundings.configuration(for: invocation)
      guard invocation.arguments.count == 1, let name = invocation.arguments.first, !name.isEmpty else {
        throw .failed("\"\(invocation.verb.name)\" needs the name of one role", .usage)
      }
      if let asks { try surroundings.confirm("\(asks) \(visible(name))", invocation) }
      try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
        let answer = try call(desk, "/api/v1/roles/\(PercentEncoding.encodedString(name.utf8.span))", invocation)
        if answer.root.count > 0 { try surroundings.answer(answer.line(ofRole: answer.root, invocation)) }
      }
      return .success
    }
  }
}

extension Invocation {
  /// The permissions that were named; the server says which of them there are.
  func permissions() throws(CommandError) -> [String] {
    guard let text = values["permissions"] else {
      throw .missingFlag("permissions", verb: verb.name, reason: "say what is allowed, or nothing by --permissions=")
    }
    return text.split { $0 == "," || $0 == " " }.map(String.init)
  }
}

extension AdminAnswer {
  /// A role on one line: its name and what it gives; or the whole of it as JSON.
  fileprivate func line(ofRole role: JSONValue, _ invocation: Invocation) -> String {
    if invocation.switches.contains("json") { return text(of: role) + "\n" }
    return ([visible(role["name"]?.string ?? "")] + role.permissionNames).joined(separator: "  ") + "\n"
  }
}

extension JSONValue {
  var permissionNames: [String] { self["permissions"]?.elements.compactMap(\.string) ?? [] }
}
