// Accounts named on the command line, and shown on it.

import Auth
import Codecs

extension Invocation {
  /// The account that the verb is about.
  func account() throws(CommandError) -> String {
    guard arguments.count == 1 else {
      throw .failed("\"\(verb.name)\" needs one account, by its id or its address", .usage)
    }
    return arguments[0]
  }

  /// A value that is `true` or `false`; nil if it was not given.
  func flag(_ name: String) throws(CommandError) -> Bool? {
    switch values[name] {
    case nil: return nil
    case "true"?: return true
    case "false"?: return false
    case let value?: throw .badFlagValue(flag: name, value: value, expected: "true or false")
    }
  }
}

extension AdminAnswer {
  /// An account on one line: id, status, role, address; or the whole of it as JSON.
  func line(of user: JSONValue, _ invocation: Invocation) -> String {
    if invocation.switches.contains("json") { return text(of: user) + "\n" }
    let words = [user["id"], user["status"], user["role"], user["email"]].map { visible($0?.string ?? "") }
    return words.joined(separator: "  ") + "\n"
  }
}

extension Surroundings {
  /// Answers with the account that a verb was about; with its id alone if there is nothing left of it.
  func answer(user: AdminAnswer, _ id: UserID, _ invocation: Invocation) throws(CommandError) {
    if user.root.count > 0 {
      try answer(user.line(of: user.root, invocation))
    } else {
      try answer(invocation.switches.contains("json") ? "{\"id\":\"\(id)\"}\n" : "\(id)\n")
    }
  }

  /// Answers with a code that sets a password, and on a line of its own the link with it if there is one.
  func answer(link: AdminAnswer, _ id: UserID, _ invocation: Invocation) throws(CommandError) {
    if invocation.switches.contains("json") { return try answer(link.text(of: link.root) + "\n") }
    let lines = [link.root["code"]?.string, link.root["url"]?.string].compactMap { $0 }
    try answer(lines.map { $0 + "\n" }.joined())
  }
}
