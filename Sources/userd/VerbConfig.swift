// `userd config`: every setting, what counts for each and who said so, and whether a start would take it.

import Codecs

extension Verb {
  static let configKeys = Verb(
    words: ["config", "keys"], summary: "every setting with its flag, variable, kind, default and meaning",
    details: [
      "A flag wins over the environment, the environment over the file, the file over the default. What is marked as reloaded on SIGHUP changes in a server that runs."
    ], flags: [.json], settings: []
  ) { invocation, surroundings throws(CommandError) in
    try surroundings.answer(invocation.switches.contains("json") ? settingsAsJSON() : settingsAsText())
    return .success
  }

  static let configShow = Verb(
    words: ["config", "show"], summary: "the value that counts for each setting, as a configuration file",
    details: [
      "What it prints can be read with --config. Secrets are no settings and are not shown.",
      "  userd config show --origin --config /etc/userd/userd.toml",
    ],
    flags: [.switch("origin", "say where each value comes from"), .json], settings: Setting.all
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let text =
      invocation.switches.contains("json")
      ? configuration.json() : configuration.toml(withOrigins: invocation.switches.contains("origin"))
    try surroundings.answer(text)
    return .success
  }

  static let configCheck = Verb(
    words: ["config", "check"], summary: "say whether a server would start with this configuration",
    details: [
      "Reads the file, the environment and the flags as a start does, and the files that they name; opens no store and takes no address. Ends with 78 for a mistake, 66 for a missing file."
    ], flags: [], settings: Setting.all
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    _ = try configuration.passwordPolicy()
    try configuration.checkDelivery()
    try configuration.checkBackups()
    _ = try SuppliedSecrets.read(surroundings.environment)
    let count = configuration.given.count { $0 != nil }
    try surroundings.answer("\(visible(configuration.file ?? "no file")): all right, \(count) settings given\n")
    return .success
  }
}

private func settingsAsText() -> String {
  var text = ""
  for setting in Setting.all {
    text += """
      \(setting.key)
        --\(setting.shownFlag), \(setting.variable)
        \(setting.form.name), default: \(setting.fallback)\(setting.isHot ? "; reloaded on SIGHUP" : "")
        \(setting.meaning)

      """
  }
  return text
}

private func settingsAsJSON() -> String {
  var json = JSONWriter(ByteBuffer(capacity: 16_384))
  json.beginArray()
  for setting in Setting.all {
    json.beginObject()
    for (name, value) in [
      ("key", setting.key), ("flag", "--\(setting.shownFlag)"), ("variable", setting.variable), ("type", setting.form.name),
      ("default", setting.fallback), ("meaning", setting.meaning),
    ] {
      json.key(utf8: name)
      json.string(value)
    }
    json.key("reloads")
    json.boolean(setting.isHot)
    json.endObject()
  }
  json.endArray()
  return json.finish().text() + "\n"
}

extension Configuration {
  /// One line for each setting. One that is not set and has no value stands in a comment.
  fileprivate func toml(withOrigins: Bool) -> String {
    var text = ""
    for (index, setting) in Setting.all.enumerated() {
      let texts = texts(of: index)
      let value: String
      if setting.form.isList {
        value = "[" + texts.map(quoted).joined(separator: ", ") + "]"
      } else {
        let text = texts.last ?? ""
        value = setting.form.isBoolean || (setting.form.takesNumbers && isPlainNumber(text)) ? text : quoted(text)
      }
      text += "\(texts == [""] ? "# " : "")\(setting.key) = \(value)"
      if withOrigins { text += "  # \(visible(origin(of: index).words))" }
      text += "\n"
    }
    return text
  }

  fileprivate func json() -> String {
    var json = JSONWriter(ByteBuffer(capacity: 16_384))
    json.beginArray()
    for (index, setting) in Setting.all.enumerated() {
      json.beginObject()
      json.key("key")
      json.string(setting.key)
      json.key("value")
      if setting.form.isList {
        json.beginArray()
        for text in texts(of: index) { json.string(text) }
        json.endArray()
      } else {
        json.string(texts(of: index).last ?? "")
      }
      let (kind, words) = origin(of: index)
      json.key("origin")
      json.string(kind)
      json.key("where")
      if kind == "default" { json.null() } else { json.string(words) }
      json.endObject()
    }
    json.endArray()
    return json.finish().text() + "\n"
  }

  private func origin(of index: Int) -> (kind: String, words: String) {
    switch given[index]?.origin {
    case .flag(let name): ("flag", name)
    case .variable(let name): ("environment", name)
    case .file(let path, let line): ("file", "\(path):\(line)")
    case nil: ("default", "default")
    }
  }
}

/// Whether a configuration file may have the text without quotes: digits with a point among them at most, and no zero before others.
private func isPlainNumber(_ text: String) -> Bool {
  let digits = text.utf8
  guard digits.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2e }) else { return false }
  return digits.count == 1 || digits.first != 0x30 || digits.contains(0x2e)
}

/// A text as a string of a configuration file. JSON's escapes mean the same there, where DEL needs one too.
private func quoted(_ text: String) -> String {
  var json = JSONWriter(ByteBuffer(capacity: text.utf8.count + 2))
  json.string(text)
  let written = json.finish().text()
  return written.utf8.contains(0x7f)
    ? written.unicodeScalars.reduce("") { $0 + ($1 == "\u{7f}" ? "\\u007f" : String($1)) } : written
}
