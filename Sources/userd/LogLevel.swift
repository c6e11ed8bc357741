// The words of the log: how much, in which form, and what a line may carry.

/// How much a line matters; the configured level and everything before it is written.
enum LogLevel: String, CaseIterable, Sendable {
  case error, warn, info, debug

  /// 0 for what matters most.
  var rank: UInt8 {
    switch self {
    case .error: 0
    case .warn: 1
    case .info: 2
    case .debug: 3
    }
  }
}

/// One JSON object a line, or text for a person.
enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}

/// A named value beside the message of a line. Never a password, token, code or e-mail address.
enum LogField: Sendable {
  case text(StaticString, String)
  case number(StaticString, Int)
}
