// How long sessions and tokens live, who issues them, and who may register.

/// The settings of `SessionService`. Times are seconds.
package struct SessionOptions: Sendable {
  package var issuer = "userd"
  package var audience = "userd"
  package var registration = Registration.open
  package var passwordPolicy = PasswordPolicy()
  /// The life of an access token: 60-3600.
  package var accessLifetime = 600
  /// How long a session lives without a refresh.
  package var refreshIdle = 14 * 86_400
  /// How long a session lives at all.
  package var refreshAbsolute = 30 * 86_400
  /// How long after a rotation the token before it still gets the new one; 0 turns that off.
  package var refreshGrace = 10
  /// How long after a login, or after proving it again, verbs that ask for a recent login are open.
  package var recentLogin = 600
  /// Whether a session of an unverified address may do nothing but verify it.
  package var requiresVerifiedEmail = false
  /// Sessions that a user may have; with one more, the one idle longest ends.
  package var maxSessions = 100
  package var throttle = ThrottleOptions()

  package init() {}

  package enum Registration: Sendable {
    case open, closed
  }

  package static let accessLifetimes = 60...3600
  /// How often the current token is given out again within the grace.
  static let maxReplays: UInt8 = 3

  /// Stops the program if a value is outside its bounds, which the configuration has checked.
  func validate() {
    precondition(Self.accessLifetimes.contains(accessLifetime), "an access lifetime of \(accessLifetime) s")
    precondition(
      refreshIdle > 0 && refreshAbsolute > 0 && refreshAbsolute < 1 << 40,
      "session lifetimes of \(refreshIdle) and \(refreshAbsolute) s")
    precondition(refreshGrace >= 0 && maxSessions > 0, "a grace of \(refreshGrace) s, \(maxSessions) sessions")
    precondition(recentLogin > 0 && recentLogin < 1 << 40, "a login is recent for \(recentLogin) s")
  }
}
