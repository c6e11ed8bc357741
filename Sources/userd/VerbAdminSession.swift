// `userd admin session`: who is logged in, and an end to it.

import Auth
import Codecs

extension Verb {
  private static let user = Flag.value("user", "WHO", "the account, by its id or its address")

  static let adminSessionList = Verb(
    words: ["admin", "session", "list"], summary: "the sessions of an account, newest first",
    details: [
      "A line for each: its name, when it began and was last used, when it ends if it is not used, from where. Never a token.",
      "With --json the lists of the HTTP contract: one document a line for each 200 sessions.",
    ],
    flags: [user, .json], settings: Setting.ofTools, run: runList)

  static let adminUserSessions = Verb(
    words: ["admin", "user", "sessions"], summary: "the same as \"admin session list\"", details: [], flags: [user, .json],
    settings: Setting.ofTools, run: runList)

  static let adminSessionRevoke = Verb(
    words: ["admin", "session", "revoke"], summary: "end a session of an account, or all of them",
    details: ["It takes effect on the very next request. Whoever knows the password can log in again."],
    flags: [
      user, .value("session", "ID", "the session, by its identifier"), .switch("all", "all sessions of the account"),
    ],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let who = try account(invocation)
    let session = invocation.values["session"]
    guard (session == nil) == invocation.switches.contains("all") else {
      throw .missingFlag("session", verb: invocation.verb.name, reason: "either one session or --all")
    }
    let tail = try session.map { text throws(CommandError) in "/\(try identifier(text))" } ?? ""
    try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
      _ = try desk.client.delete(path(try desk.identifier(of: who)) + tail)
    }
    return .success
  }

  @Sendable private static func runList(
    _ invocation: Invocation, _ surroundings: Surroundings
  ) throws(CommandError) -> ExitCode {
    let configuration = try surroundings.configuration(for: invocation)
    let who = try account(invocation)
    try AccountDesk.open(configuration, surroundings) { (desk) throws(CommandError) in
      let path = path(try desk.identifier(of: who))
      var cursor: String?
      repeat {
        let answer = try desk.client.get("\(path)?limit=200" + (cursor.map { "&cursor=\($0)" } ?? ""))
        let list = try answer.json().root
        guard let sessions = list["data"]?.elements else { throw .failed("the server's answer is no list", .internalError) }
        if invocation.switches.contains("json") {
          try surroundings.answer(answer.text + "\n")
        } else {
          for session in sessions { try surroundings.answer(sentence(session)) }
        }
        cursor = list["page"]?["nextCursor"]?.string
      } while cursor != nil
    }
    return .success
  }

  private static func sentence(_ session: JSONValue) -> String {
    func member(_ name: StaticString) -> String { session[name]?.string ?? "?" }
    var line = "\(member("id"))  began \(member("createdAt"))  used \(member("lastUsedAt"))  ends \(member("idleExpiresAt"))"
    line += "  \(member("ipPrefix"))"
    if let device = session["deviceName"]?.string { line += "  \(visible(device))" }
    return line + "  \(visible(member("userAgent")))\n"
  }

  private static func account(_ invocation: Invocation) throws(CommandError) -> String {
    guard let user = invocation.values["user"] else {
      throw .missingFlag("user", verb: invocation.verb.name, reason: "sessions belong to an account")
    }
    return user
  }

  private static func path(_ user: UserID) -> String { "/api/v1/users/\(user.uuid)/sessions" }

  /// - Throws: exit code 64 for what is no identifier, before it becomes part of a path.
  private static func identifier(_ text: String) throws(CommandError) -> UUID {
    guard let id = UUID(text.utf8.span) else {
      throw .badFlagValue(flag: "session", value: text, expected: "an identifier such as 0198f3c0-0000-7000-8000-000000000001")
    }
    return id
  }
}
