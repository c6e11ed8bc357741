// Holds a JSON value against the schema that the contract gives for it.

import Auth
import Codecs

@testable import API

extension Schema {
  /// What of the value is not as the schema says; nil if all is. Members that the schema does not have are wrong too.
  func fault(in value: JSONValue, at path: String = "#") -> String? {
    guard value.kind == .object else { return "\(path) is no object" }
    for member in members {
      guard let found = value[member.name] else {
        if member.isRequired { return "\(path)/\(member.name) is missing" }
        continue
      }
      if let fault = member.shape.fault(in: found, at: "\(path)/\(member.name)") { return fault }
    }
    // The contract leaves these open: figures by name.
    if ["CompactionFigures", "ScrubFigures", "BackupFigures", "HealthCheck"].contains("\(name)") { return nil }
    for found in value.members where !members.contains(where: { "\($0.name)" == found.name }) {
      return "\(path)/\(found.name) is not in \(name)"
    }
    return nil
  }
}

extension Shape {
  func fault(in value: JSONValue, at path: String) -> String? {
    var element = self
    element.isList = false
    element.isMap = false
    if isMap {
      guard value.kind == .object else { return "\(path) is no object" }
      for member in value.members {
        if let fault = element.fault(in: member.value, at: "\(path)/\(member.name)") { return fault }
      }
      return nil
    }
    if isList {
      guard value.kind == .array else { return "\(path) is no list" }
      for item in value.elements { if let fault = element.fault(in: item, at: "\(path)/-") { return fault } }
      return nil
    }
    if value.isNull { return isNullable ? nil : "\(path) is null" }
    switch kind {
    case .text:
      guard let text = value.string else { return "\(path) is no text" }
      let count = text.unicodeScalars.count
      return count < min || (max > 0 && count > max) ? "\(path) has \(count) characters" : nil
    case .integer:
      guard let number = value.integer else { return "\(path) is no integer" }
      return number < min || (max > 0 && number > max) ? "\(path) is \(number)" : nil
    case .boolean: return value.boolean == nil ? "\(path) is neither true nor false" : nil
    case .free: return value.kind == .object ? nil : "\(path) is no object"
    case .words:
      guard let word = value.string, API.words(of).contains(word) else { return "\(path) is none of \(of)" }
      return nil
    case .named:
      if let schema = Schema.all.first(where: { "\($0.name)" == "\(of)" }) { return schema.fault(in: value, at: path) }
      let known = "\(of)" == "Permission" ? Permission.allCases.map(\.rawValue) : ProblemKind.all.map { "\($0.code)" }
      return known.contains(value.string ?? "") ? nil : "\(path) is no \(of)"
    }
  }
}
