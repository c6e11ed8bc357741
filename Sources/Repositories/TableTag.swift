// The first byte of every key: which table or index an entry belongs to. docs/records.md §1.

/// Values are stored on disk; never renumber, never use one again.
package enum TableTag: UInt8, Sendable, CaseIterable {
  /// Facts about the store itself, by a one-byte name.
  case settings = 0x01
  /// Users by identifier.
  case users = 0x10
  /// Index: lower-case e-mail address to user.
  case usersByEmail = 0x11
  /// Index: role and user.
  case usersByRole = 0x12
  /// Index: name in lower case and user.
  case usersByName = 0x13
  /// Index: status and user, of users who are not active.
  case usersByStatus = 0x14
  /// What a user proves a login with besides the password, by user.
  case secondFactors = 0x18
  /// Networks from which a user logged in, by user and network.
  case knownDevices = 0x19
  /// Sessions by identifier.
  case sessions = 0x20
  /// Index: user and session.
  case sessionsByUser = 0x21
  /// One-time tokens by digest.
  case oneTimeTokens = 0x30
  /// Index: user, purpose and digest.
  case oneTimeTokensByUser = 0x31
  /// Messages to people that wait for delivery.
  case outbox = 0x38
  /// Audit records by sequence number.
  case audit = 0x40
  /// Throttle counters by what they count.
  case throttleCounters = 0x48
  /// Index: end and throttle counter.
  case throttleCountersByEnd = 0x49
  /// Roles by name.
  case roles = 0x50
  /// API keys by identifier.
  case apiKeys = 0x51
  /// Index: who made an API key, and the key.
  case apiKeysByCreator = 0x52
  /// Answers that a repeated request gets again, by a digest of what was asked.
  case idempotentAnswers = 0x58
  /// Index: end and idempotent answer.
  case idempotentAnswersByEnd = 0x59
}

extension TableTag: CustomStringConvertible {
  package var description: String {
    switch self {
    case .settings: "settings"
    case .users: "users"
    case .usersByEmail: "users by e-mail"
    case .usersByRole: "users by role"
    case .usersByName: "users by name"
    case .usersByStatus: "users by status"
    case .secondFactors: "second factors"
    case .knownDevices: "known devices"
    case .sessions: "sessions"
    case .sessionsByUser: "sessions by user"
    case .oneTimeTokens: "one-time tokens"
    case .oneTimeTokensByUser: "one-time tokens by user"
    case .outbox: "outbox"
    case .audit: "audit"
    case .throttleCounters: "throttle counters"
    case .throttleCountersByEnd: "throttle counters by end"
    case .roles: "roles"
    case .apiKeys: "API keys"
    case .apiKeysByCreator: "API keys by creator"
    case .idempotentAnswers: "idempotent answers"
    case .idempotentAnswersByEnd: "idempotent answers by end"
    }
  }
}
