// A verb of the command line, its flags, and what was said with it.

/// Something `userd` can be told to do.
struct Verb: Sendable {
  let words: [String]
  let summary: String
  /// What `--help` says below the summary, one paragraph each.
  let details: [String]
  /// What stands for the words behind the verb in help; nil if it takes none.
  var arguments: String?
  let flags: [Flag]
  /// The settings that this verb takes as flags; with any, it reads the configuration file too.
  let settings: [Setting]
  let run: @Sendable (Invocation, Surroundings) throws(CommandError) -> ExitCode

  var name: String { words.joined(separator: " ") }

  /// Its own flags and those of every verb that reads settings.
  var allFlags: [Flag] { settings.isEmpty ? flags : flags + [.config] }
}

/// A flag of one verb that is no setting.
struct Flag: Sendable {
  let name: String
  /// What stands for the value in help; nil if the flag is a switch.
  let placeholder: String?
  let meaning: String
  /// One letter that says the same.
  var letter: String?

  /// As help shows it.
  var shown: String { (letter.map { "-\($0), " } ?? "") + "--\(name)" + (placeholder.map { " \($0)" } ?? "") }

  static func `switch`(_ name: String, _ meaning: String) -> Flag { Flag(name: name, placeholder: nil, meaning: meaning) }

  static func value(_ name: String, _ placeholder: String, _ meaning: String) -> Flag {
    Flag(name: name, placeholder: placeholder, meaning: meaning)
  }

  /// Where to write to.
  static func output(_ placeholder: String, _ meaning: String) -> Flag {
    Flag(name: "output", placeholder: placeholder, meaning: meaning, letter: "o")
  }

  static let json = Flag.switch("json", "answer in JSON")

  /// What every verb takes that takes settings.
  static let config = Flag.value("config", "FILE", "the file of settings (default: \(Configuration.defaultFile), if it is there)")
}

/// A verb with what was said after it.
struct Invocation: Sendable {
  let verb: Verb
  /// The switches that were given.
  var switches: Set<String> = []
  /// The last value of each flag that takes one.
  var values: [String: String] = [:]
  /// All values of each setting, by its key.
  var settings: [String: [String]] = [:]
  /// What is neither flag nor value.
  var arguments: [String] = []
}
