// The types that members, parameters and headers of the contract can have.

/// A type as JSON Schema and TypeScript know it, with its bounds and an example.
struct Shape: Sendable {
  enum Kind: UInt8, Sendable {
    case text, integer, boolean
    /// An object without a fixed form.
    case free
    /// The schema that `of` names.
    case named
    /// One of the words that `of` holds, with spaces between them.
    case words
  }

  var kind: Kind
  var of: StaticString = ""
  /// A format of JSON Schema, or empty.
  var format: StaticString = ""
  /// A regular expression without characters that JSON escapes, or empty.
  var pattern: StaticString = ""
  /// Bounds: characters of a text, the value of an integer. The upper one is none if it is 0.
  var min = 0
  var max = 0
  var isNullable = false
  var isList = false
  /// How many elements a list has at most; 0 for any number.
  var listMax = 0
  /// Whether it is an object with values of this type under names of any kind.
  var isMap = false
  /// The content of a text or the digits of a number; words, lists and objects have examples of their own.
  var example: StaticString = ""

  static let flag = Shape(kind: .boolean)
  static let free = Shape(kind: .free)
  static let id = Shape(kind: .text, format: "uuid", example: "0198f3c0-5d2e-7a41-9c35-6f0a1b2c3d4e")
  static let time = Shape(kind: .text, format: "date-time", example: "2026-05-01T10:00:00.000Z")
  static let email = Shape(kind: .text, format: "email", min: 1, max: 254, example: "ann@example.org")
  static let personName = Shape(kind: .text, min: 1, max: 200, example: "Ann")
  /// A password that is to be set.
  static let newPassword = Shape(kind: .text, format: "password", min: 8, max: 256, example: "seven quiet green herons")
  /// A password that is to be shown.
  static let password = Shape(kind: .text, format: "password", example: "seven quiet green herons")
  static let deviceName = Shape(kind: .text, max: 64, example: "kiosk-3")
  static let roleName = Shape(kind: .text, pattern: "^[a-z][a-z0-9_-]{0,63}$", example: "support")
  static let refreshToken = Shape(kind: .text, example: "urt1_AbCdEfGhIjKlMnOpQrStUvWxYz")
  static let apiKeySecret = Shape(
    kind: .text, pattern: "^uk1_[A-Za-z0-9_-]{64}$",
    example: "uk1_AZjzwAAAcACAAAAAAAAAAUkZ1rWJx8pLd3vQ5mT0yHc7sNfXaBgKeRoUiPlOmEwD")
  static let oneTimeToken = Shape(kind: .text, example: "upr1_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")
  static let code = Shape(kind: .text, example: "123456")
  static let revision = Shape(kind: .integer, min: 1, example: "7")
  static let seconds = Shape(kind: .integer, min: 0, example: "600")
  static let count = Shape(kind: .integer, min: 0, example: "3")
  /// A number that came as text because it may have more than 53 bits.
  static let number = Shape(kind: .text, pattern: "^[0-9]{1,20}$", example: "17")
  static let backupName = Shape(kind: .text, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,195}[.]udb$", example: "sunday.udb")
  static let network = Shape(kind: .text, example: "203.0.113.0/24")

  /// Text of some length, 0 for any.
  static func text(_ example: StaticString, max: Int = 0) -> Shape { Shape(kind: .text, max: max, example: example) }

  /// One of these words.
  static func words(_ words: StaticString) -> Shape { Shape(kind: .words, of: words) }

  /// The object, or the set of words, that the contract calls so.
  static func named(_ name: StaticString) -> Shape { Shape(kind: .named, of: name) }

  /// Any number of them, or `max` at most.
  func list(max: Int = 0) -> Shape {
    var list = self
    list.isList = true
    list.listMax = max
    return list
  }

  /// An object with such values, by name.
  var map: Shape {
    var map = self
    map.isMap = true
    return map
  }

  /// Or null.
  var orNull: Shape {
    var nullable = self
    nullable.isNullable = true
    return nullable
  }
}
