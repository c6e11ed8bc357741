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
}

extension TableTag: CustomStringConvertible {
  package var description: String {
    switch self {
    case .settings: "settings"
    case .users: "users"
    case .usersByEmail: "users by e-mail"
    case .usersByRole: "users by role"
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
    }
  }
}
