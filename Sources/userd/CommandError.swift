// Why a command did not do what it was asked, with the exit code that says so to scripts.

/// The failures of the command line. The text names the thing, the value and the limit; it never shows a secret.
enum CommandError: Error {
  case noVerb
  case unknownVerb(String, nearest: String?)
  case incompleteVerb(String, verbs: [String])
  case unexpectedArgument(String, verb: String)
  case unknownFlag(String, verb: String, nearest: String?)
  case missingValue(flag: String, expected: String)
  case unexpectedValue(flag: String)
  case badFlagValue(flag: String, value: String, expected: String)
  case missingFlag(String, verb: String, reason: String)
  case unknownVariable(String, nearest: String?)
  case badVariable(String, value: String, expected: String)
  /// What was asked cannot be done, in the given words.
  case failed(String, ExitCode)
}

extension CommandError {
  var exitCode: ExitCode {
    switch self {
    case .noVerb, .unknownVerb, .incompleteVerb, .unexpectedArgument, .unknownFlag, .missingValue, .unexpectedValue,
      .badFlagValue, .missingFlag:
      .usage
    case .unknownVariable, .badVariable: .configuration
    case .failed(_, let code): code
    }
  }
}

extension CommandError: CustomStringConvertible {
  var description: String {
    switch self {
    case .noVerb: "what shall it do? \"userd help\" lists the verbs"
    case .unknownVerb(let verb, let nearest): "unknown verb \"\(visible(verb))\"\(hint(nearest)); \"userd help\" lists the verbs"
    case .incompleteVerb(let verb, let verbs): "\"\(verb)\" needs one of: \(verbs.joined(separator: ", "))"
    case .unexpectedArgument(let argument, let verb): "\"\(verb)\" takes no argument \"\(visible(argument))\""
    case .unknownFlag(let flag, let verb, let nearest):
      "unknown flag \"\(visible(flag))\" for \"\(verb)\"\(hint(nearest)); \"userd \(verb) --help\" lists the flags"
    case .missingValue(let flag, let expected): "--\(flag) needs a value: \(expected)"
    case .unexpectedValue(let flag): "--\(flag) takes no value"
    case .badFlagValue(let flag, let value, let expected): "--\(flag): \"\(visible(value))\" is not \(expected)"
    case .missingFlag(let flag, let verb, let reason): "\"\(verb)\" needs --\(flag): \(reason)"
    case .unknownVariable(let name, let nearest):
      "unknown environment variable \(visible(name))\(hint(nearest)); \"userd config keys\" lists them"
    case .badVariable(let name, let value, let expected): "\(name): \"\(visible(value))\" is not \(expected)"
    case .failed(let problem, _): problem
    }
  }

  private func hint(_ nearest: String?) -> String {
    guard let nearest else { return "" }
    return " (did you mean \"\(nearest)\"?)"
  }
}

/// At most 200 characters of something a person typed, without what would move a terminal's cursor or end a log line.
func visible(_ text: String) -> String {
  var shown = ""
  for (count, scalar) in text.unicodeScalars.enumerated() {
    if count == 200 { return shown + "..." }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: shown += "?"
    default: shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}
