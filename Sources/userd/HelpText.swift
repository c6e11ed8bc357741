// The words of `help` and `--help`, made from the tables of verbs and settings.

/// What userd is, and all verbs that begin with `words`.
func overview(_ words: [String]) -> String {
  let verbs = Verb.all.filter { $0.words.starts(with: words) }
  var text = "userd: users and sign-in for one machine, in one program with its own storage.\n\n"
  text += columns(verbs.map { ("userd \($0.name)", $0.summary) })
  text += "\n\"userd VERB --help\" explains a verb. Start with: userd serve --data ./db\n"
  return text
}

/// Everything about one verb.
func helpText(_ verb: Verb) -> String {
  var usage = "userd \(verb.name)"
  let flags = verb.allFlags
  if !flags.isEmpty { usage += " [flags]" }
  if let arguments = verb.arguments { usage += " \(arguments)" }
  var text = "\(usage)\n\n\(verb.summary)\n"
  for paragraph in verb.details { text += "\n\(paragraph)\n" }
  if !flags.isEmpty {
    text += "\nflags\n"
    text += columns(flags.map { ($0.shown, $0.meaning) })
  }
  if !verb.settings.isEmpty {
    text += "\nsettings (flag, else environment, else file, else default; \"userd config keys\" has the variables)\n"
    text += columns(verb.settings.map { ("--\($0.shownFlag) \($0.form.name)", "\($0.meaning) (default: \($0.fallback))") })
  }
  return text
}

/// The help of the verbs that begin with `words`: one verb's own, or an overview.
func helpText(on words: [String]) throws(CommandError) -> String {
  if let verb = Verb.all.first(where: { $0.words == words }) { return helpText(verb) }
  if words.isEmpty || Verb.all.contains(where: { $0.words.starts(with: words) }) { return overview(words) }
  let name = words.joined(separator: " ")
  throw .unknownVerb(name, nearest: nearestName(to: name, among: Verb.all.map(\.name)))
}

/// Two columns; where the first is long, the second goes below it.
private func columns(_ rows: [(String, String)]) -> String {
  let width = min(34, rows.map(\.0.count).max() ?? 0)
  var text = ""
  for (left, right) in rows {
    if left.count > width {
      text += "  \(left)\n  " + String(repeating: " ", count: width) + "  \(right)\n"
    } else {
      text += "  \(left)" + String(repeating: " ", count: width - left.count) + "  \(right)\n"
    }
  }
  return text
}
