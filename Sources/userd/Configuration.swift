// What a run is told: a text for each key of the settings table, and a typed property for each key.

import Auth
import Codecs
import HTTP
import Platform

/// Every setting of this build. The texts were found good when they came in, so that reading a value cannot fail.
struct Configuration: Sendable {
  /// In the order of `Setting.all`; nil where the default counts.
  private(set) var given: [GivenSetting?]
  /// The file that was read; nil if there was none.
  var file: String?
  private let processorCount: Int
  private let isTerminal: Bool

  /// All defaults.
  ///
  /// - Parameters:
  ///   - processorCount: the processors that this process may use.
  ///   - isTerminal: whether a person reads standard output.
  init(processorCount: Int, isTerminal: Bool) {
    given = Array(repeating: nil, count: Setting.all.count)
    self.processorCount = processorCount
    self.isTerminal = isTerminal
  }

  /// Puts the texts of one key in; returns the first that is none of its form.
  mutating func put(_ texts: [String], at index: Int, from origin: SettingOrigin) -> String? {
    let setting = Setting.all[index]
    var texts = texts
    if setting.form.isList {
      // An empty list is written as one empty text where flags and variables have no other way.
      if setting.fallback == "none", texts == [""] { texts = [] }
      if setting.fallback != "none", texts.isEmpty { return "" }
    } else {
      guard let last = texts.last else { return "" }
      texts = [last]
    }
    for text in texts where !setting.form.accepts(text) { return text }
    given[index] = GivenSetting(texts: texts, origin: origin)
    return nil
  }

  /// What counts for a setting, as texts of its form: one, or as many as its list has.
  func texts(of index: Int) -> [String] {
    if let given = given[index] { return given.texts }
    let setting = Setting.all[index]
    switch setting.key {
    case "threads", "hash.workers": return ["\(min(64, processorCount))"]
    case "store.cache": return [sizeText(max(16 << 20, min(256 << 20, physicalMemoryByteCount() / 4)))]
    case "log.format": return [isTerminal ? "text" : "json"]
    default:
      if setting.fallback != "none" || setting.key == "delivery.channel" { return [setting.fallback] }
      return setting.form.isList ? [] : [""]
    }
  }
}

/// The texts of a setting that somebody gave.
struct GivenSetting: Sendable {
  let texts: [String]
  let origin: SettingOrigin
}

/// Who gave a setting.
enum SettingOrigin: Sendable {
  case flag(String)
  case variable(String)
  case file(String, line: Int)
}

extension Configuration {
  private func index(of key: String) -> Int {
    guard let index = Setting.all.firstIndex(where: { $0.key == key }) else { preconditionFailure("no setting \(key)") }
    return index
  }

  func isGiven(_ key: String) -> Bool { given[index(of: key)] != nil }

  func texts(_ key: String) -> [String] { texts(of: index(of: key)) }

  func text(_ key: String) -> String { texts(key).last ?? "" }

  /// A number, bytes of a size, or milliseconds of a duration.
  func number(_ key: String) -> Int {
    let index = index(of: key)
    guard let text = texts(of: index).last, let number = Setting.all[index].form.number(text) else {
      preconditionFailure("\(key) is no number")
    }
    return number
  }

  func duration(_ key: String) -> Duration { .milliseconds(number(key)) }

  func flag(_ key: String) -> Bool { text(key) == "true" }

  /// The case that a text names. The form of the key lists the same names.
  func choice<Choice: RawRepresentable<String>>(_ key: String) -> Choice {
    guard let choice = Choice(rawValue: text(key)) else { preconditionFailure("\(key) names no case") }
    return choice
  }

  /// A text with a meaning of its own; nil for none.
  func value<Value>(_ key: String, _ read: (String) -> Value?) -> Value? {
    let text = text(key)
    return text.isEmpty ? nil : read(text)
  }

  func values<Value>(_ key: String, _ read: (String) -> Value?) -> [Value] { texts(key).compactMap(read) }
}

/// Whose advice on passwords is followed.
enum PasswordProfile: String, CaseIterable, Sendable {
  case standard = "default"
  /// NIST SP 800-63B, revision 4.
  case nist = "nist-r4"
}

/// Who may make an account for themselves.
enum RegistrationPolicy: String, CaseIterable, Sendable {
  case open, closed
}
