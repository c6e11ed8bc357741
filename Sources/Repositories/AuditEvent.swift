// What the audit trail can tell: kinds of events, who acted, and the few details. docs/records.md §9.

package import Codecs

/// A kind of security event. Values are stored on disk; never renumber, never use one again. Names are public: added, never changed.
package enum AuditEvent: UInt16, Sendable, CaseIterable {
  case userRegistered = 0x0101
  case userCreated = 0x0102
  case userUpdated = 0x0103
  case userDisabled = 0x0104
  case userEnabled = 0x0105
  case userUnlocked = 0x0106
  case userDeleted = 0x0107
  case userRestored = 0x0108
  case userErased = 0x0109
  case roleChanged = 0x010a
  /// The first administrator made an account with the setup token.
  case setupCompleted = 0x010b
  /// The owner of the folder took administration back.
  case accessRecovered = 0x010c

  case sessionBegun = 0x0201
  case sessionEnded = 0x0202
  /// All sessions of a user, or all but one.
  case sessionsEnded = 0x0203
  /// A refresh token was used again; the session has ended.
  case sessionReuseDetected = 0x0204
  case sessionReauthenticated = 0x0205
  /// Whoever has a session could not prove again who they are.
  case reauthFailed = 0x0206

  case loginFailed = 0x0301
  /// A failure was the one from which on a policy refuses.
  case loginThrottled = 0x0302
  /// The password was right and a second factor was asked for.
  case loginHalfway = 0x0303
  /// Somebody asked for more than their role allows.
  case accessDenied = 0x0304

  case passwordChanged = 0x0401
  case resetRequested = 0x0402
  case passwordReset = 0x0403
  /// An administrator made a reset link.
  case resetLinkMade = 0x0404

  case totpEnrolled = 0x0501
  case totpEnabled = 0x0502
  case totpDisabled = 0x0503
  case recoveryCodesReplaced = 0x0504
  case recoveryCodeUsed = 0x0505
  case codeFailed = 0x0506
  /// An administrator took the second factors off an account.
  case factorsReset = 0x0507

  case emailVerified = 0x0601
  case verificationRequested = 0x0602
  case emailChangeRequested = 0x0603
  case emailChanged = 0x0604

  case keysRotated = 0x0701

  /// A role was defined, given other permissions, or removed.
  case roleCreated = 0x0801
  case roleUpdated = 0x0802
  case roleDeleted = 0x0803

  case keyCreated = 0x0901
  case keyDeleted = 0x0902

  /// What clients and filters call it.
  package var name: StaticString {
    switch self {
    case .userRegistered: "user.registered"
    case .userCreated: "user.created"
    case .userUpdated: "user.updated"
    case .userDisabled: "user.disabled"
    case .userEnabled: "user.enabled"
    case .userUnlocked: "user.unlocked"
    case .userDeleted: "user.deleted"
    case .userRestored: "user.restored"
    case .userErased: "user.erased"
    case .roleChanged: "role.changed"
    case .setupCompleted: "setup.completed"
    case .accessRecovered: "access.recovered"
    case .sessionBegun: "session.begun"
    case .sessionEnded: "session.ended"
    case .sessionsEnded: "sessions.ended"
    case .sessionReuseDetected: "session.reuse_detected"
    case .sessionReauthenticated: "session.reauthenticated"
    case .reauthFailed: "reauth.failed"
    case .loginFailed: "login.failed"
    case .loginThrottled: "login.throttled"
    case .loginHalfway: "login.halfway"
    case .accessDenied: "access.denied"
    case .passwordChanged: "password.changed"
    case .resetRequested: "reset.requested"
    case .passwordReset: "password.reset"
    case .resetLinkMade: "reset_link.made"
    case .totpEnrolled: "totp.enrolled"
    case .totpEnabled: "totp.enabled"
    case .totpDisabled: "totp.disabled"
    case .recoveryCodesReplaced: "recovery_codes.replaced"
    case .recoveryCodeUsed: "recovery_code.used"
    case .codeFailed: "code.failed"
    case .factorsReset: "factors.reset"
    case .emailVerified: "email.verified"
    case .verificationRequested: "verification.requested"
    case .emailChangeRequested: "email.change_requested"
    case .emailChanged: "email.changed"
    case .keysRotated: "keys.rotated"
    case .roleCreated: "role.created"
    case .roleUpdated: "role.updated"
    case .roleDeleted: "role.deleted"
    case .keyCreated: "key.created"
    case .keyDeleted: "key.deleted"
    }
  }
}

/// Why something was refused. Values are stored on disk; never renumber.
package enum AuditReason: UInt8, Sendable, CaseIterable {
  case wrongPassword = 1
  case unknownAddress = 2
  /// The account has no password yet.
  case passwordMissing = 3
  case accountDisabled = 4
  case accountDeleted = 5
  case wrongCode = 6
  case usedCode = 7
  case permissionMissing = 8
  /// What was asked for changed while it was judged.
  case overtaken = 9
  case wrongToken = 10

  package var name: StaticString {
    switch self {
    case .wrongPassword: "wrong_password"
    case .unknownAddress: "unknown_address"
    case .passwordMissing: "password_missing"
    case .accountDisabled: "account_disabled"
    case .accountDeleted: "account_deleted"
    case .wrongCode: "wrong_code"
    case .usedCode: "used_code"
    case .permissionMissing: "permission_missing"
    case .overtaken: "overtaken"
    case .wrongToken: "wrong_token"
    }
  }
}

/// Who did it.
package enum AuditActor: Sendable, Equatable {
  /// Somebody who has not proved who they are.
  case nobody
  case user(UUID)
  /// The owner of the data folder: the command line, or the admin socket.
  case owner
  case key(UUID)
}

/// The few things that an event may say beside who, whom and where. No text of people's, ever.
package struct AuditDetails: Sendable {
  package var reason: AuditReason?
  /// The role that was given, or that it happened to.
  package var role: RoleName?
  /// How many: sessions ended, codes left.
  package var count: UInt32?
  /// The policy that refuses from now on.
  package var policy: ThrottlePolicy?
  /// The API key that it happened to.
  package var key: UUID?

  package init(
    reason: AuditReason? = nil, role: RoleName? = nil, count: UInt32? = nil, policy: ThrottlePolicy? = nil, key: UUID? = nil
  ) {
    self.key = key
    self.reason = reason
    self.role = role
    self.count = count
    self.policy = policy
  }

  package static let none = AuditDetails()
  package static func reason(_ reason: AuditReason) -> AuditDetails { AuditDetails(reason: reason) }
  package static func role(_ role: RoleName) -> AuditDetails { AuditDetails(role: role) }
  package static func count(_ count: Int) -> AuditDetails { AuditDetails(count: UInt32(clamping: count)) }
  package static func policy(_ policy: ThrottlePolicy) -> AuditDetails { AuditDetails(policy: policy) }
  package static func key(_ key: UUID) -> AuditDetails { AuditDetails(key: key) }
}
