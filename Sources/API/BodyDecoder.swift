// Reads the JSON object in a request's body, member by member, and collects what does not belong there.

import Auth
import Codecs
import HTTP

/// The members of a body, found by name.
struct BodyMembers: ~Copyable {
  /// How many complaints about unknown members are listed; a hostile body has more.
  static let maxComplaintCount = 20

  private let root: JSONValue?
  /// Unknown members, in the order of the text.
  let complaints: [Auth.FieldError]

  /// Whether a request may come without a body.
  enum Presence { case required, optional }

  /// Parses the body and compares its members with the ones that the endpoint knows.
  ///
  /// - Throws: 400 `malformed_json`; 422 `validation_failed` if the body is JSON but no object.
  init(_ request: borrowing Request, _ presence: Presence = .required, knows names: [StaticString]) throws(Problem) {
    let document = try request.withBody { body throws(Problem) -> JSONDocument? in
      if body.isEmpty, presence == .optional { return nil }
      do throws(JSONError) {
        return try JSONDocument(body)
      } catch {
        throw ProblemKind.malformedJson.problem(body.isEmpty ? "a body is required" : error.description)
      }
    }
    if let document, document.root.kind != .object {
      throw .invalid([Auth.FieldError("#", .invalidType, "the body must be a JSON object")])
    }
    self.init(of: document?.root, knows: names)
  }

  /// The members of an object, or of nothing; pointers begin at the object.
  init(of object: JSONValue?, knows names: [StaticString]) {
    var unknown: [Auth.FieldError] = []
    if let object {
      for member in object.members where unknown.count < Self.maxComplaintCount {
        if names.contains(where: { member.name.utf8.span.equals($0) }) { continue }
        unknown.append(Auth.FieldError(pointer(to: member.name), .unknownField, "this member is unknown here"))
      }
    }
    root = object
    complaints = unknown
  }

  /// A member that should be text. `null` is another type.
  func text(_ name: StaticString) -> FieldInput {
    guard let value = root?[name] else { return .absent }
    guard let text = value.string else { return .otherType }
    return .text(text)
  }

  /// A member that should be an integer. `null` is another type.
  func number(_ name: StaticString) -> NumberInput {
    guard let value = root?[name] else { return .absent }
    guard let number = value.integer else { return .otherType }
    return .number(number)
  }

  /// A member that should be an array of text. `null` is another type.
  func list(_ name: StaticString) -> ListInput {
    guard let value = root?[name] else { return .absent }
    guard value.kind == .array else { return .otherType }
    return .elements(value.elements.prefix(ListInput.maxCount).map { $0.string.map { .text($0) } ?? .otherType })
  }

  /// A member that should be `true` or `false`. `null` is another type.
  func flag(_ name: StaticString) -> FlagInput {
    guard let value = root?[name] else { return .absent }
    guard let flag = value.boolean else { return .otherType }
    return .flag(flag)
  }

  /// A member that should be an object, or `null` where that removes it.
  func object(_ name: StaticString) -> ObjectInput {
    guard let value = root?[name] else { return .absent }
    switch value.kind {
    case .object: return .object(value)
    case .null: return .null
    case .array, .string, .number, .boolean: return .otherType
    }
  }

  /// A member as it is; nil if it is not there.
  subscript(_ name: StaticString) -> JSONValue? { root?[name] }
}

/// The JSON pointer of a member of the outermost object as a URI fragment (RFC 6901 sections 3 and 6), cut to a bounded length.
func pointer(to name: String) -> String {
  var escaped = ""
  for (count, scalar) in name.unicodeScalars.enumerated() {
    if count == 64 { break }
    switch scalar {
    case "~": escaped += "~0"
    case "/": escaped += "~1"
    default: escaped.unicodeScalars.append(scalar)
    }
  }
  return "#/" + PercentEncoding.encodedString(escaped.utf8.span)
}
