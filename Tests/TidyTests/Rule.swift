// What a rule of the house is: a sentence, and a way to find where it is broken.

import Testing

struct Violation: CustomStringConvertible {
  let path: String
  let line: Int
  let what: String

  var description: String { "\(path):\(line): \(what)" }
}

struct Rule: Sendable, CustomTestStringConvertible {
  /// A sentence that is true of a tidy house.
  let sentence: String
  let check: @Sendable (House) -> [Violation]

  var testDescription: String { sentence }

  /// A rule that looks at one file at a time.
  init(
    _ sentence: String, of applies: @escaping @Sendable (HouseFile) -> Bool,
    check: @escaping @Sendable (HouseFile) -> [(line: Int, what: String)]
  ) {
    self.sentence = sentence
    self.check = { house in
      house.files.filter(applies).flatMap { file in check(file).map { Violation(path: file.path, line: $0.line, what: $0.what) } }
    }
  }

  /// A rule that needs the whole house.
  init(_ sentence: String, check: @escaping @Sendable (House) -> [Violation]) {
    self.sentence = sentence
    self.check = check
  }

  static let all = importRules + codeRules + fileRules + documentRules
}
