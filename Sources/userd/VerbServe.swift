// `userd serve`: the main job.

extension Verb {
  static let serve = Verb(
    words: ["serve"], summary: "answer requests until told to stop",
    details: [
      "Everything is kept in the data folder; nothing else is needed. There is no TLS inside: put a proxy in front of it.",
      """
      SIGTERM and SIGINT stop it in order, a second one at once, which is safe too. SIGUSR1 logs one line of figures. SIGHUP
      reads the configuration file again, all of it or nothing.
      """,
    ],
    flags: [], settings: Setting.all
  ) { invocation, surroundings throws(CommandError) in
    try ServerProcess.run(invocation, surroundings)
  }
}
