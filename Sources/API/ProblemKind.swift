// One kind of problem that a client can be answered with: its code, status and meaning.

import Codecs
package import HTTP

/// A row of the problem catalogue. Codes are a public promise: they are added, never renamed.
package struct ProblemKind: Sendable {
  package let code: StaticString
  package let status: Status
  /// A short sentence that is the same each time.
  package let title: StaticString
  /// What it means and what the client can do about it.
  package let explanation: StaticString

  init(_ status: Status, _ code: StaticString, _ title: StaticString, _ explanation: StaticString) {
    self.code = code
    self.status = status
    self.title = title
    self.explanation = explanation
  }

  /// This kind, happened.
  func problem(_ detail: String = "") -> Problem {
    Problem(status, code: code, title: title, detail: detail)
  }

  /// The kind with this code, if there is one.
  static func named(_ code: Span<UInt8>) -> ProblemKind? { all.first { code.equals($0.code) } }
}
