// `userd version`: which build this is.

/// The version of this program; the API's own version is in its paths.
let programVersion = "0.1.0"

extension Verb {
  static let version = Verb(
    words: ["version"], summary: "which build this is", details: [], flags: [.json], settings: []
  ) { invocation, surroundings throws(CommandError) in
    if invocation.switches.contains("json") {
      try surroundings.answer("{\"name\":\"userd\",\"version\":\"\(programVersion)\",\"apiVersion\":\"v1\"}\n")
    } else {
      try surroundings.answer("userd \(programVersion)\n")
    }
    return .success
  }
}
