// Brings flags, environment, file and defaults together, in that order of precedence.

import Codecs

extension Configuration {
  /// The variable that names the configuration file.
  static let fileVariable = "USERD_CONFIG"
  /// The file that is read if nobody names one, and it is there.
  static let defaultFile = "/etc/userd/userd.toml"

  /// Applies the file, the environment over it, and the flags over both.
  ///
  /// - Parameters:
  ///   - flags: for each flag of `Setting.all`, by its key, the values given, in order.
  ///   - environment: all of it; names that do not begin with `USERD_` are not ours, but `STATE_DIRECTORY` stands in for `data`.
  ///   - file: what `--config` says.
  /// - Throws: `.unknownVariable` and `.badVariable` (exit code 78), `.badFlagValue` (64); for the file as `ConfigurationFile.read`.
  mutating func apply(
    flags: [String: [String]], environment: [(name: String, value: String)], file named: String?
  ) throws(CommandError) {
    // Names first: a mistyped name may be the one that would have named another file.
    for (name, _) in environment where name.hasPrefix("USERD_") {
      guard
        name == Self.fileVariable || SuppliedSecrets.names.contains(name) || Setting.all.contains(where: { $0.variable == name })
      else {
        let names = Setting.all.map(\.variable) + SuppliedSecrets.names + [Self.fileVariable]
        throw .unknownVariable(name, nearest: nearestName(to: name, among: names))
      }
    }
    func value(_ name: String) -> String? { environment.last { $0.name == name }?.value }
    // The place that the service manager made for this unit counts more than the default alone.
    if let state = value("STATE_DIRECTORY"), !state.isEmpty,
      let wrong = put([state], at: 0, from: .variable("STATE_DIRECTORY"))
    {
      throw .badVariable("STATE_DIRECTORY", value: wrong, expected: Setting.all[0].form.expected)
    }
    if let file = try ConfigurationFile.read(named: named, variable: value(Self.fileVariable)) { try apply(file) }
    for (index, setting) in Setting.all.enumerated() {
      guard let text = value(setting.variable) else { continue }
      let texts = setting.form.isList ? text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) : [text]
      if let wrong = put(texts, at: index, from: .variable(setting.variable)) {
        throw .badVariable(setting.variable, value: wrong, expected: setting.form.expected)
      }
    }
    for (index, setting) in Setting.all.enumerated() {
      guard let texts = flags[setting.key] else { continue }
      if let wrong = put(texts, at: index, from: .flag("--\(setting.shownFlag)")) {
        throw .badFlagValue(flag: setting.shownFlag, value: wrong, expected: setting.form.expected)
      }
    }
  }

  private mutating func apply(_ file: ConfigurationFile) throws(CommandError) {
    self.file = file.path
    for entry in file.document.entries {
      guard let index = Setting.all.firstIndex(where: { $0.key == entry.key }) else {
        throw file.unknownKey(entry)
      }
      guard let texts = entry.value.texts(as: Setting.all[index].form) else {
        throw file.wrongKind(entry, Setting.all[index].form)
      }
      if let wrong = put(texts, at: index, from: .file(file.path, line: entry.line)) {
        throw file.badValue(entry, wrong, Setting.all[index].form)
      }
    }
  }
}
