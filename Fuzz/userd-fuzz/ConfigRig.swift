// Settings from everywhere: the same keys in a file, in the environment and on the command line, good texts and bad ones, against a plain model.

import Codecs
import Platform
import TestSupport

let configRig = Rig(
  name: "config", purpose: "settings from file, environment and command line against a plain model of who counts",
  bug: "the file counts more than the environment", smokeEventCount: 2000,
  moreBugs: ["the first of a flag that comes twice counts", "a file that is named twice is read where the variable says"]
) { random, subject in
  var settings = random.settings()
  let words = random.commandLine(of: settings)
  let bytes = random.file(of: &settings)
  do throws(Errno) {
    try place(bytes, at: Desk.path)
    try place([], at: Desk.emptyPath)
  } catch { return "no place for a file: \(error)" }
  var environment = random.shuffled(settings.environment)
  // Who names the file: the flag counts more than the variable.
  let namer = random.number(0..<3)
  var line = ["serve"] + words
  if namer > 0 { line += ["--config=\(Desk.path)"] }
  if namer != 1 { environment.append((Configuration.fileVariable, namer == 0 ? Desk.path : Desk.emptyPath)) }
  if subject == .broken {
    environment.removeAll { variable in settings.file.contains { Setting.all[$0.index].variable == variable.name } }
  }
  if subject == .otherwiseBroken(1), namer == 2 { line.removeLast() }

  var configuration = Configuration(processorCount: 2, isTerminal: false)
  let expected = settings.outcome(path: Desk.path)
  do throws(CommandError) {
    guard case .run(var invocation) = try parseCommandLine(line) else { return "\(line) asks for help" }
    if subject == .otherwiseBroken(0) { for (key, texts) in invocation.settings { invocation.settings[key] = [texts[0]] } }
    try configuration.apply(flags: invocation.settings, environment: environment, file: invocation.values[Flag.config.name])
  } catch {
    guard case .refused(let code, let name) = expected else {
      return "refused \(line), \(environment), \(shown(bytes)): \(error)"
    }
    return error.exitCode == code && "\(error)".utf8.count < 2048 && names("\(error)", name)
      ? nil : "\(error.exitCode) for \(line), \(environment), \(shown(bytes)): \(error); \(code) and \(name) are right"
  }
  guard case .settled(let heard) = expected else { return "took \(line), \(environment), \(shown(bytes)); \(expected) is right" }
  for index in Setting.all.indices {
    let found = configuration.given[index].map { PlainSettings.Heard(texts: $0.texts, origin: text(of: $0.origin)) }
    if found != heard[index] {
      return
        "\(Setting.all[index].key) is \(found.map { "\($0)" } ?? "as ever"), not \(heard[index].map { "\($0)" } ?? "as ever"), by "
        + "\(line), \(environment), \(shown(bytes))"
    }
    if let found, configuration.texts(of: index) != found.texts {
      return "\(Setting.all[index].key) has other texts than it was given"
    }
  }
  return nil
}

/// Where the files lie that settings come from.
private enum Desk {
  static let folder = TemporaryFolder("config")
  static var path: String { folder.path + "/a.toml" }
  static var emptyPath: String { folder.path + "/b.toml" }
}

private func place(_ bytes: [UInt8], at path: String) throws(Errno) {
  let file = try File(path, .createOrOpen)
  try file.setSize(0)
  var count = 0
  while count < bytes.count { count += try file.write(bytes.span.extracting(count...), at: count) }
}

private func text(of origin: SettingOrigin) -> String {
  switch origin {
  case .flag(let name), .variable(let name): name
  case .file(let path, let line): "\(path):\(line)"
  }
}

private func names(_ message: String, _ name: String) -> Bool {
  let (message, name) = (Array(message.utf8), Array(name.utf8))
  return message.indices.contains { message[$0...].starts(with: name) }
}

extension Verb {
  /// What the parser knows here: a verb with all settings, and some beside it.
  static let all = [verb("serve", Setting.all), verb("version", []), verb("config show", Setting.all)]

  private static func verb(_ words: String, _ settings: [Setting]) -> Verb {
    Verb(words: words.split(separator: " ").map(String.init), summary: "", details: [], flags: [.json], settings: settings) {
      _, _ in .success
    }
  }
}

extension SeededGenerator {
  mutating func shuffled<Element>(_ elements: [Element]) -> [Element] { elements.shuffled(using: &self) }

  /// A few settings, each from one place or several; now and then a text that is none of its form.
  fileprivate mutating func settings() -> PlainSettings {
    var settings = PlainSettings()
    let badShare = pick([0, 0, 20])
    func isGood(_ random: inout SeededGenerator) -> Bool { random.number(0..<100) >= badShare }
    let count = number(0..<7)
    for index in shuffled(Array(Setting.all.indices)).prefix(count) {
      let form = Setting.all[index].form
      if once(in: 2) {
        var saying = PlainSettings.Saying(index: index, words: words(form, isGood, fewest: 0))
        if !form.isList { saying.words = [saying.words[0]] }
        saying.isRightKind = badShare == 0 || !once(in: 20)
        settings.file.append(saying)
      }
      if once(in: 2) {
        // No comma can be in a value of a list; what is no list has one text.
        var words = words(form, isGood, fewest: 1)
        if !form.isList { words = [words[0]] }
        settings.variables.append(PlainSettings.Saying(index: index, words: words))
      }
      if once(in: 2) { settings.flags.append(PlainSettings.Saying(index: index, words: words(form, isGood, fewest: 1))) }
    }
    // Tables may not be opened twice.
    func table(_ saying: PlainSettings.Saying) -> String { Setting.all[saying.index].table }
    let tables = settings.file.map(table)
    settings.file = tables.indices.sorted { (tables.firstIndex(of: tables[$0])!, $0) < (tables.firstIndex(of: tables[$1])!, $1) }
      .map { settings.file[$0] }
    settings.file = settings.file.filter { table($0).isEmpty } + settings.file.filter { !table($0).isEmpty }
    if badShare > 0 {
      settings.hasUnknownFlag = once(in: 20)
      settings.hasUnknownVariable = once(in: 20)
      settings.hasUnknownKey = once(in: 20)
    }
    return settings
  }

  private mutating func words(
    _ form: ValueForm, _ isGood: (inout SeededGenerator) -> Bool, fewest: Int
  ) -> [PlainSettings.Word] {
    if form.isList && once(in: 8) { return fewest == 0 ? [] : [PlainSettings.Word(text: "", isGood: false)] }
    return (0..<pick([1, 1, 2, 3])).map { _ in word(of: form, isGood: isGood(&self)) }
  }

  /// The flags in any order but that of their own repetitions, in both spellings and by both names.
  fileprivate mutating func commandLine(of settings: PlainSettings) -> [String] {
    var rows = settings.flags.map { saying in (setting: Setting.all[saying.index], texts: saying.words.map(\.text)[...]) }
    var line: [String] = []
    while !rows.isEmpty {
      let place = number(0..<rows.count)
      guard let text = rows[place].texts.popFirst() else {
        rows.remove(at: place)
        continue
      }
      let setting = rows[place].setting
      let name = "--" + (once(in: 2) ? setting.flag : setting.shownFlag)
      // A word that looks like a flag is none's value.
      if text.hasPrefix("--") || once(in: 2) { line.append("\(name)=\(text)") } else { line += [name, text] }
      if once(in: 20) { line.append("--json") }
    }
    if settings.hasUnknownFlag { line.append("--nope") }
    return line
  }

  /// The file; the lines of its sayings are noted.
  fileprivate mutating func file(of settings: inout PlainSettings) -> [UInt8] {
    var lines: [String] = []
    var table = ""
    for place in settings.file.indices {
      let saying = settings.file[place], setting = Setting.all[saying.index]
      if setting.table != table {
        table = setting.table
        lines.append("[\(table)]")
      }
      if once(in: 4) { lines.append("# \(setting.key) = 1") }
      lines.append("\(setting.name) = \(spelling(of: saying, setting.form))")
      settings.file[place].line = lines.count
    }
    if settings.hasUnknownKey { lines.append("nope = 1") }
    return Array(lines.map { $0 + "\n" }.joined().utf8)
  }

  private mutating func spelling(of saying: PlainSettings.Saying, _ form: ValueForm) -> String {
    if !saying.isRightKind { return form.isBoolean ? "1" : "true" }
    let texts = saying.words.map(\.text)
    if form.isList && !(texts.count == 1 && once(in: 2)) { return spelled(.strings(texts)) }
    let text = texts[0], digits = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    if form.takesNumbers, digits, let number = Int(text), "\(number)" == text, once(in: 2) { return text }
    if form.takesFractions, ["0.5", "1.000000", "0.000001", "1.000001"].contains(text), once(in: 2) { return text }
    if form.isBoolean, saying.words[0].isGood, once(in: 2) { return text }
    return spelled(.string(text))
  }
}

extension Setting {
  fileprivate var table: String { key.contains(".") ? String(key.prefix { $0 != "." }) : "" }
  fileprivate var name: String { table.isEmpty ? key : String(key.dropFirst(table.count + 1)) }
}
