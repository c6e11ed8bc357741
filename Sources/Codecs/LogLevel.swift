// The words of the log: how much of it, and in which form.

/// How much a line matters; the configured level and everything before it is written.
package enum LogLevel: String, CaseIterable, Sendable {
  case error, warn, info, debug

  /// 0 for what matters most.
  package var rank: UInt8 {
    switch self {
    case .error: 0
    case .warn: 1
    case .info: 2
    case .debug: 3
    }
  }
}

/// One JSON object a line, or text for a person.
package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}
