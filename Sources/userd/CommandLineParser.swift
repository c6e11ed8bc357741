// Turns the words of a command line into one verb with its flags.

/// What a command line asks for.
enum ParsedCommand: Sendable {
  case run(Invocation)
  /// Help on all verbs that begin with these words; on all of them without any.
  case help([String])
}

/// Reads the arguments after the program's name.
///
/// The words of a verb come first, then `--flag value` or `--flag=value` in any order; `--` ends the flags; the last of a
/// repeated flag wins, but a list keeps them all.
func parseCommandLine(_ arguments: [String]) throws(CommandError) -> ParsedCommand {
  guard let first = arguments.first else { throw .noVerb }
  if first == "--help" { return .help([]) }
  let verb: Verb
  switch try findVerb(arguments) {
  case .verb(let found): verb = found
  case .group(let words): return .help(words)
  }
  var invocation = Invocation(verb: verb)
  var rest = arguments.dropFirst(verb.words.count)
  var flagsHaveEnded = false
  while let word = rest.popFirst() {
    if flagsHaveEnded || !word.hasPrefix("-") || word == "-" {
      guard verb.words == ["help"] || verb.arguments != nil else { throw .unexpectedArgument(word, verb: verb.name) }
      invocation.arguments.append(word)
    } else if word == "--" {
      flagsHaveEnded = true
    } else if word == "--help" {
      return .help(verb.words)
    } else {
      try take(word, &rest, &invocation)
    }
  }
  return .run(invocation)
}

private enum VerbMatch {
  case verb(Verb)
  /// The first word of some verbs, followed by `--help`.
  case group([String])
}

private func findVerb(_ arguments: [String]) throws(CommandError) -> VerbMatch {
  let words = Array(arguments.prefix { !$0.hasPrefix("-") })
  if let verb = Verb.all.first(where: { words.starts(with: $0.words) }) { return .verb(verb) }
  // Not a verb: say how far the words are right, and which verb comes nearest.
  var known = 0
  while known < words.count, Verb.all.contains(where: { $0.words.starts(with: words[...known]) }) { known += 1 }
  let begun = Verb.all.filter { known > 0 && $0.words.starts(with: words[..<known]) }
  if known == words.count, known > 0 {
    if arguments.count > known, arguments[known] == "--help" { return .group(words) }
    throw .incompleteVerb(words.joined(separator: " "), verbs: begun.map(\.name))
  }
  let longest = Verb.all.map(\.words.count).max() ?? 1
  let typed = words.isEmpty ? arguments[0] : words.prefix(longest).joined(separator: " ")
  let candidates = (begun.isEmpty ? Verb.all : begun).map(\.name)
  let nearest = nearestName(to: typed, among: candidates) ?? words.first.flatMap { nearestName(to: $0, among: candidates) }
  throw .unknownVerb(words.isEmpty ? typed : words.prefix(known + 1).joined(separator: " "), nearest: nearest)
}

/// Reads one flag, with the word after it where it needs one.
private func take(
  _ word: String, _ rest: inout ArraySlice<String>, _ invocation: inout Invocation
) throws(CommandError) {
  let verb = invocation.verb
  let flags = verb.allFlags
  let equals = word.firstIndex(of: "=")
  // Only the name is ever shown: what follows "=" may be a secret that does not belong here.
  let typed = String(word[..<(equals ?? word.endIndex)])
  let letter = flags.first { $0.letter.map { "-\($0)" == typed } ?? false }
  let name = letter?.name ?? (typed.hasPrefix("--") ? String(typed.dropFirst(2)) : "")
  let flag = flags.first { $0.name == name }
  let setting = verb.settings.first { $0.flag == name || $0.shortFlag == name }
  guard flag != nil || setting != nil else {
    let names = flags.map(\.name) + verb.settings.map(\.shownFlag) + ["help"]
    let bare = String(typed.drop { $0 == "-" })
    throw .unknownFlag(typed, verb: verb.name, nearest: nearestName(to: bare, among: names).map { "--\($0)" })
  }
  if let flag, flag.placeholder == nil {
    if equals != nil { throw .unexpectedValue(flag: name) }
    invocation.switches.insert(name)
    return
  }
  let value: String
  if let equals {
    value = String(word[word.index(after: equals)...])
  } else if let next = rest.first, !next.hasPrefix("--") {
    value = next
    rest.removeFirst()
  } else {
    throw .missingValue(flag: name, expected: setting?.form.expected ?? flag?.placeholder ?? "")
  }
  if let setting { invocation.settings[setting.key, default: []].append(value) } else { invocation.values[name] = value }
}
