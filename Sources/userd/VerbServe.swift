// `userd serve`: the main job.

extension Verb {
  static let serve = Verb(
    words: ["serve"], summary: "answer requests until told to stop", details: [], flags: [],
    settings: Setting.all
  ) { invocation, surroundings throws(CommandError) in
    _ = try surroundings.configuration(for: invocation)
    return .success
  }

  static let adminUserCreate = Verb(
    words: ["admin", "user", "create"], summary: "make an account", details: [], flags: [.json],
    settings: Setting.all.filter { $0.key == "data" }
  ) { invocation, surroundings throws(CommandError) in
    return .success
  }
}
