// A user as those may see it who may see it: no hash, no secret, no counter.

/// The public side of an account. Times are milliseconds since 1970, UTC.
package struct User: Sendable, Equatable {
  package let id: UserID
  package let email: String
  package let isEmailVerified: Bool
  package let name: String
  package let role: String
  package let status: Status
  /// Whether a code of an app is asked for after the password.
  package let hasSecondFactors: Bool
  package let recoveryCodesLeft: Int
  package let mustChangePassword: Bool
  package let createdAt: Int64
  package let updatedAt: Int64
  package let lastLoginAt: Int64?
  package let passwordChangedAt: Int64?
  package let revision: UInt64
  /// What belongs to the user, and what only those may change who may write users: JSON objects in compact form; empty if they have no members.
  package let metadata: [UInt8]
  package let appMetadata: [UInt8]

  package enum Status: String, Sendable, CaseIterable {
    case active, disabled, deleted
  }
}
