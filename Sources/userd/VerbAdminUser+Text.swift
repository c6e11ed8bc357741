// Accounts named on the command line, and shown on it.

import API
import Auth
import Codecs
import Platform

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

extension FieldInput {
  static func of(_ text: String?) -> FieldInput { text.map { .text($0) } ?? .absent }
}

extension FlagInput {
  static func of(_ flag: Bool?) -> FlagInput { flag.map { .flag($0) } ?? .absent }
}

extension JSONWriter {
  /// An object that says nothing, where nothing is left to say.
  mutating func nothing() {
    beginObject()
    endObject()
  }

  /// Writes what a change left, and returns where it is in the log.
  mutating func answer(_ done: (value: User, position: LogPosition)) -> LogPosition {
    value(done.value)
    return done.position
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
}
