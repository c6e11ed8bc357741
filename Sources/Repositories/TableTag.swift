// The first byte of every key: which table or index an entry belongs to. docs/records.md §1.

/// Values are stored on disk; never renumber, never use one again.
package enum TableTag: UInt8, Sendable, CaseIterable {
  /// Facts about the store itself, by a one-byte name.
  case settings = 0x01
  /// Users by identifier.
  case users = 0x10
  /// Index: lower-case e-mail address to user.
  case usersByEmail = 0x11
  /// Sessions by identifier.
  case sessions = 0x20
  /// Index: user and session.
  case sessionsByUser = 0x21
}

extension TableTag: CustomStringConvertible {
  package var description: String {
    switch self {
    case .settings: "settings"
    case .users: "users"
    case .usersByEmail: "users by e-mail"
    case .sessions: "sessions"
    case .sessionsByUser: "sessions by user"
    }
  }
}
