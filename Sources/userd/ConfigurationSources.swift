// Brings flags, environment and defaults together, in that order of precedence.

extension Configuration {
  /// Applies the environment, then the flags over it.
  ///
  /// - Parameters:
  ///   - flags: for each flag of `Setting.all`, by its key, the values given, in order.
  ///   - environment: all of it; names that do not begin with `USERD_` are not ours, but `STATE_DIRECTORY` stands in for `data`.
  /// - Throws: `.unknownVariable` and `.badVariable` (exit code 78), `.badFlagValue` (64).
  mutating func apply(flags: [String: [String]], environment: [(name: String, value: String)]) throws(CommandError) {
    var variables: [String: String] = [:]
    for (name, value) in environment where name.hasPrefix("USERD_") && !SuppliedSecrets.names.contains(name) {
      guard Setting.all.contains(where: { $0.variable == name }) else {
        throw .unknownVariable(name, nearest: nearestName(to: name, among: Setting.all.map(\.variable) + SuppliedSecrets.names))
      }
      variables[name] = value
    }
    if variables["USERD_DATA"] == nil, let state = environment.first(where: { $0.name == "STATE_DIRECTORY" })?.value,
      !state.isEmpty
    {
      dataPath = state
    }
    for setting in Setting.all {
      guard let value = variables[setting.variable] else { continue }
      let texts =
        setting.isList ? value.split(separator: ",", omittingEmptySubsequences: false).map(String.init) : [value]
      if let wrong = setting.apply(texts, &self) {
        throw .badVariable(setting.variable, value: wrong, expected: setting.expected)
      }
    }
    for setting in Setting.all {
      guard let texts = flags[setting.key] else { continue }
      if let wrong = setting.apply(texts, &self) {
        throw .badFlagValue(flag: setting.shownFlag, value: wrong, expected: setting.expected)
      }
    }
  }
}
