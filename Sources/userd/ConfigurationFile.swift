// The configuration file: found, read whole, and what its mistakes are called.

import Codecs
import Platform

/// A file of settings that could be read.
struct ConfigurationFile: Sendable {
  let path: String
  let document: TOMLDocument

  /// The file that `--config` names, else the variable, else the one in the usual place, if it is there.
  ///
  /// - Throws: exit code 66 if a named file is missing, 77 if one may not be read, 78 if it is no configuration.
  static func read(named flag: String?, variable: String?) throws(CommandError) -> ConfigurationFile? {
    let named = flag ?? variable
    let path = named ?? Configuration.defaultFile
    let name = flag != nil ? "--config" : variable != nil ? Configuration.fileVariable : "configuration"
    if named == nil, try !isThere(path) { return nil }
    let bytes = try readNamedFile(path, name, maxByteCount: TOMLDocument.maxByteCount)
    do throws(TOMLError) {
      return ConfigurationFile(path: path, document: try TOMLDocument(bytes.span))
    } catch { throw .failed("\(visible(path)):\(error.line): \(visible(error.problem))", .configuration) }
  }

  private static func isThere(_ path: String) throws(CommandError) -> Bool {
    do throws(Errno) {
      _ = try FileStatus(path: path)
      return true
    } catch {
      if error.kind == .missing { return false }
      throw .failed("cannot look at \(path): \(error)", error.kind == .denied ? .permission : .inputOutput)
    }
  }

  func unknownKey(_ entry: TOMLDocument.Entry) -> CommandError {
    let nearest = nearestName(to: entry.key, among: Setting.all.map(\.key))
    let isSecret = SuppliedSecrets.isMeant(by: entry.key)
    let hint =
      isSecret
      ? "; secrets come by variable, file or credential, never by this file"
      : nearest.map { " (did you mean \"\($0)\"?)" } ?? "; \"userd config keys\" lists them"
    return failure(entry, "unknown key \"\(visible(entry.key))\"\(hint)")
  }

  func wrongKind(_ entry: TOMLDocument.Entry, _ form: ValueForm) -> CommandError {
    failure(entry, "\(entry.key): \(entry.value.kindName) is not \(form.expected)")
  }

  func badValue(_ entry: TOMLDocument.Entry, _ text: String, _ form: ValueForm) -> CommandError {
    failure(entry, "\(entry.key): \"\(visible(text))\" is not \(form.expected)")
  }

  private func failure(_ entry: TOMLDocument.Entry, _ problem: String) -> CommandError {
    .failed("\(visible(path)):\(entry.line): \(problem)", .configuration)
  }
}

extension TOMLValue {
  /// The texts that flags would have for this value; nil if a value of this form is not written so.
  func texts(as form: ValueForm) -> [String]? {
    switch self {
    case .string(let text): [text]
    case .strings(let texts): form.isList ? texts : nil
    case .integer(let number): form.takesNumbers ? ["\(number)"] : nil
    case .fraction(let digits): form.takesFractions ? [digits] : nil
    case .boolean(let value): form.isBoolean ? ["\(value)"] : nil
    }
  }

  var kindName: String {
    switch self {
    case .string: "a text"
    case .strings: "an array"
    case .integer: "a bare number"
    case .fraction: "a fraction"
    case .boolean(let value): "\(value) without quotes"
    }
  }
}
