// Settings the plain way: texts that are values of a form and texts that are not, and who is heard when several speak.

import Codecs
import TestSupport

/// Who said what about a setting, and what comes of it.
struct PlainSettings {
  /// A text, and whether it is a value of its form.
  struct Word {
    let text: String
    let isGood: Bool
  }

  /// What one origin says of one setting.
  struct Saying {
    let index: Int
    /// Flags in their order, elements of an array, the pieces between commas; one for what is no list.
    var words: [Word]
    /// The kind of value that the file has may be wrong for the form.
    var isRightKind = true
    /// The line of a file.
    var line = 0
  }

  /// What is heard in the end of one setting.
  struct Heard: Equatable {
    let texts: [String]
    let origin: String
  }

  enum Outcome {
    /// For each setting that somebody gave.
    case settled([Int: Heard])
    /// The exit code, and what the message names.
    case refused(ExitCode, naming: String)
  }

  var file: [Saying] = []
  var variables: [Saying] = []
  var flags: [Saying] = []
  var hasUnknownFlag = false
  var hasUnknownVariable = false
  /// At the end of the file.
  var hasUnknownKey = false

  /// What the environment has of it, and a name that is not ours.
  var environment: [(name: String, value: String)] {
    variables.map { (Setting.all[$0.index].variable, $0.words.map(\.text).joined(separator: ",")) }
      + (hasUnknownVariable ? [("USERD_NOPE", "1")] : []) + [("USER", "nobody")]
  }

  /// Names first, then the file, in its own order; the environment over it, flags over both, each in the order of the table.
  func outcome(path: String) -> Outcome {
    var heard: [Int: Heard] = [:]
    if hasUnknownFlag { return .refused(.usage, naming: "--nope") }
    if hasUnknownVariable { return .refused(.configuration, naming: "USERD_NOPE") }
    for saying in file {
      let setting = Setting.all[saying.index]
      guard saying.isRightKind, let texts = texts(of: saying) else { return .refused(.configuration, naming: setting.key) }
      heard[saying.index] = Heard(texts: texts, origin: "\(path):\(saying.line)")
    }
    if hasUnknownKey { return .refused(.configuration, naming: "nope") }
    for saying in variables.sorted(by: { $0.index < $1.index }) {
      let name = Setting.all[saying.index].variable
      guard let texts = texts(of: saying) else { return .refused(.configuration, naming: name) }
      heard[saying.index] = Heard(texts: texts, origin: name)
    }
    for saying in flags.sorted(by: { $0.index < $1.index }) {
      let name = "--\(Setting.all[saying.index].shownFlag)"
      guard let texts = texts(of: saying) else { return .refused(.usage, naming: name) }
      heard[saying.index] = Heard(texts: texts, origin: name)
    }
    return .settled(heard)
  }

  /// What a saying comes to; nil if it is not to be taken. Of what is no list the last one counts, and it alone.
  private func texts(of saying: Saying) -> [String]? {
    let setting = Setting.all[saying.index]
    guard setting.form.isList else { return saying.words.last.flatMap { $0.isGood ? [$0.text] : nil } }
    if saying.words.map(\.text) == [""], setting.fallback == "none" { return [] }
    if saying.words.isEmpty { return setting.fallback == "none" ? [] : nil }
    return saying.words.allSatisfy(\.isGood) ? saying.words.map(\.text) : nil
  }
}

extension SeededGenerator {
  /// A text for a form, most often at one of its edges.
  mutating func word(of form: ValueForm, isGood: Bool) -> PlainSettings.Word {
    let (good, bad) = examples(of: form)
    return PlainSettings.Word(text: pick(isGood ? good : bad), isGood: isGood)
  }

  private func long(_ count: Int, _ start: String = "") -> String {
    start + String(repeating: "a", count: count - start.utf8.count)
  }

  private func examples(of form: ValueForm) -> (good: [String], bad: [String]) {
    switch form {
    case .boolean: return (["true", "false"], ["True", "", "1", "yes", " true", "false\n"])
    case .number(let least, let most):
      return (
        ["\(least)", "\(most)", "\((least + most) / 2)", "0\(most)"],
        [
          "\(least - 1)", "\(most + 1)", "+\(most)", " \(most)", "\(most) ", "\(most).0", "0x\(most)", "", "99999999999999999999",
          "\u{661}",
        ]
      )
    case .fraction:
      return (
        ["0", "1", "0.5", "1.000000", "0.000001", "1.0"],
        ["1.000001", "2", ".5", "0.", "0.0000001", "-0", "1e0", "0,5", "", "00", "0x1"]
      )
    case .size(let least, let most):
      return (
        ["\(least)", "\(most)", "\((least + 1023) >> 10)K", "\(most >> 10)K"],
        [
          "\(least - 1)", "\(most + 1)", "\((most >> 10) + 1)K", "\(most >> 10)k", "\(most >> 10) K", "K", "\(most >> 10)KB",
          "-1K", "", "1.5K", "9223372036854775807G",
        ]
      )
    case .duration(let least, let most):
      let nothing = ["1", "1sec", "1 s", "-1s", "s", "", "1S", "0.5h", "9223372036854775807d", "\(most)"]
      return (
        ["\(least)s", "\(most)s", "\(least * 1000)ms", "\(most * 1000)ms"] + (least == 0 ? ["0", "0s", "1ms"] : []),
        ["\(most + 1)s", "\(most * 1000 + 1)ms"] + (least > 0 ? ["\(least * 1000 - 1)ms", "0", "0s"] : []) + nothing
      )
    case .permissions: return (["600", "000", "777"], ["0600", "800", "66", "6a0", "", "-60"])
    case .text(let count): return (["a", "~!\"#", long(count)], ["", "a b", "\u{e9}", long(count + 1), "a\u{0}", "a\n"])
    case .choice(let names):
      return (
        names.split(separator: "|").map(String.init), ["", names + "|", names.uppercased(), "\(names.prefix { $0 != "|" }) "]
      )
    case .path: return (["/a", "./db", "\u{e9}", long(1024)], ["", long(1025), "a\u{0}b"])
    case .optionalPath: return (["", "/a", long(1024, "/")], ["a", "./a", long(1025, "/"), "/\u{0}"])
    case .listenAddresses:
      return (
        ["127.0.0.1:0", "localhost:65535", "[::1]:8080", "0.0.0.0:1", "unix:/a", "unix:a"],
        [
          "127.0.0.1", "127.0.0.1:65536", "unix:", "1.2.3:1", "::1:80", "[::1]", "a.example:80", "256.0.0.1:1", ":80",
          "127.0.0.1:-1",
        ]
      )
    case .networks:
      return (
        ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", "0.0.0.0/0"],
        ["10.0.0.1/8", "10.0.0.0/33", "2001:db8::1/32", "::/129", "10.0.0/8", "a", "10.0.0.0/", "/8"]
      )
    case .webOrigins:
      return (
        ["https://a.example", "http://localhost:3000", "http://[::1]:1"],
        [
          "https://a.example/", "*", "null", "https://", "a.example", "https://a.example/b", "https://u@a.example",
          "https://a.example?x",
        ]
      )
    case .localURL:
      return (
        ["", "http://127.0.0.1:9000/x", "http://localhost", "http://10.1.2.3/a?b", "http://[::1]:1"],
        [
          "https://127.0.0.1/", "http://8.8.8.8/", "http://a.example/", "a", "http://", "http://u@10.0.0.1/",
          "http://127.0.0.1:0/", "http://10.0.0.1/#a",
        ]
      )
    case .mailAddress:
      return (
        ["", "a@b.example", "A B <a@b.example>"],
        ["a", "@b", "a@", "<a@b>", "a@b\n", "A <a@b.example", "a b@c", "\u{e9}@b.example"]
      )
    case .linkTemplate:
      return (
        ["", "https://a/{token}", "app://x?t={token}#y"],
        ["https://a/", "{token}", "https://a/{token}{token}", "https://a/{tok}", "https://a/ {token}", "HTTPS://a/{token}"]
      )
    case .schedule:
      return (
        ["", "daily 03:15", "weekly sun 23:59", "every 10m", "every 31d"],
        ["daily 24:00", "daily 3:15", "every 9m", "every 32d", "hourly", "weekly 03:15", "daily  03:15"]
      )
    }
  }
}
