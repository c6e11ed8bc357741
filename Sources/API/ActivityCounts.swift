// How often logins and refreshes were tried and what became of them, and how often a rate was refused.

import Auth
import Synchronization

/// Counts since the start, each of a fixed set. Any thread may count; what is counted costs a transaction at least.
package final class ActivityCounts: Sendable {
  package enum Activity: Int, CaseIterable, Sendable {
    case login, refresh

    /// What can become of it.
    package var results: [Outcome] {
      switch self {
      case .login: [.success, .mfaRequired, .invalid, .mfaInvalid, .disabled, .throttled, .error]
      case .refresh: [.success, .invalid, .reused, .throttled, .error]
      }
    }
  }

  package enum Outcome: Int, CaseIterable, Sendable {
    case success, mfaRequired, invalid, mfaInvalid, disabled, reused, throttled
    /// It could not be judged: a form with mistakes, a full queue, a store that fails.
    case error

    package var name: StaticString {
      switch self {
      case .success: "success"
      case .mfaRequired: "mfa_required"
      case .invalid: "invalid_credentials"
      case .mfaInvalid: "mfa_invalid"
      case .disabled: "account_disabled"
      case .reused: "reused"
      case .throttled: "throttled"
      case .error: "error"
      }
    }
  }

  /// The policies whose refusals clients see, by the names that the contract gives them, but for `ip`, which is counted where it is judged.
  package static let policies = ["login-pair", "login-id", "login-ip", "mfa-user", "register", "refresh", "idempotency-key"]

  private struct Counts {
    var outcomes = InlineArray<16, UInt64>(repeating: 0)
    var refusals = InlineArray<7, UInt64>(repeating: 0)
  }

  private let counts = Mutex(Counts())

  package init() {}

  package func count(of activity: Activity, _ outcome: Outcome) -> UInt64 {
    counts.withLock { $0.outcomes[activity.rawValue * 8 + outcome.rawValue] }
  }

  /// How often the policy at an index of `policies` refused.
  package func refusals(_ policy: Int) -> UInt64 { counts.withLock { $0.refusals[policy] } }

  func note(_ activity: Activity, _ outcome: Outcome) {
    counts.withLock { $0.outcomes[activity.rawValue * 8 + outcome.rawValue] += 1 }
  }

  /// Counts how a try ended that was refused; one that is only run again elsewhere has not ended.
  func note(_ activity: Activity, refused error: AuthError) {
    switch error {
    case .wouldBlock: break
    case .mfaRequired: note(activity, .mfaRequired)
    case .mfaInvalid: note(activity, .mfaInvalid)
    case .invalidCredentials, .refreshInvalid, .sessionRevoked: note(activity, .invalid)
    case .accountDisabled: note(activity, .disabled)
    case .refreshReused: note(activity, .reused)
    case .loginThrottled, .rateLimited: note(activity, .throttled)
    case .invalid, .passwordRefused, .invalidToken, .tokenExpired, .reauthRequired, .forbidden, .registrationClosed,
      .passwordChangeRequired, .emailNotVerified, .notFound, .emailExists, .roleExists, .roleInUse, .lastAdmin,
      .tokenUsedOrExpired, .revisionMismatch, .preconditionRequired, .idempotencyKeyReused, .idempotencyInFlight,
      .backupInProgress, .answerTooLong,
      .invalidCursor, .rotationRefused, .abandoned, .tooMuchAtOnce, .overloaded, .readOnly, .commitOutcomeUnknown, .storageFull,
      .storageFailed:
      note(activity, .error)
    }
  }

  /// Counts a refusal that goes to a client, if it is that of a rate.
  func note(refusal error: AuthError) {
    guard case .loginThrottled(let refusal) = error else {
      if case .rateLimited(let refusal) = error { note(policy: refusal.policy) }
      return
    }
    note(policy: refusal.policy)
  }

  private func note(policy: String) {
    guard let index = Self.policies.firstIndex(of: policy) else { return }
    counts.withLock { $0.refusals[index] += 1 }
  }
}
