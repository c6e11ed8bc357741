// `userd help`: what it can do.

extension Verb {
  static let help = Verb(
    words: ["help"], summary: "what userd can do, or what a verb does", details: ["userd help admin user create"], flags: [],
    settings: []
  ) { invocation, surroundings throws(CommandError) in
    try surroundings.answer(helpText(on: invocation.arguments))
    return .success
  }
}
