// How much guessing and flooding is borne.

import Repositories

/// The settings of `Throttle`. A number of 0 turns one policy off.
package struct ThrottleOptions: Sendable {
  /// Off is for benchmarks; wrong second factors are counted all the same.
  package var isEnabled = true
  package var registerPerHour = 10
  package var forgotPerHour = 3
  package var forgotClientPerHour = 20
  /// Failures of one address from one client that cost nothing.
  package var loginFree = 4
  /// The longest time for which one of them refuses, in seconds.
  package var loginMaxDelay = 900
  package var loginPerHour = 100
  package var loginIPPerHour = 60
  package var refreshPerMinute = 30
  /// Counters that are kept; with one more, the least harmful one goes.
  package var maxRowCount = 1_000_000

  package init() {}

  /// Stops the program if a value is outside its bounds, which the configuration has checked.
  func validate() {
    let counts = [registerPerHour, forgotPerHour, forgotClientPerHour, loginFree, loginPerHour, loginIPPerHour, refreshPerMinute]
    precondition(counts.allSatisfy { (0...Self.maxCount).contains($0) }, "throttle counts of \(counts)")
    precondition((0...86_400).contains(loginMaxDelay) && maxRowCount > 0, "a delay of \(loginMaxDelay) s, \(maxRowCount) rows")
  }

  /// Refreshes of a session in a minute; 0 is no limit.
  var refreshLimit: Int { isEnabled ? refreshPerMinute : 0 }

  /// What a limit may be at most.
  package static let maxCount = 10_000

  private static let hour: Int64 = 3_600_000

  /// How a policy counts; nil if it is off.
  func rule(of policy: ThrottlePolicy) -> ThrottleRule? {
    let rule: ThrottleRule =
      switch policy {
      case .loginPair: .backoff(free: loginMaxDelay == 0 ? 0 : loginFree, maxDelay: Int64(loginMaxDelay) * 1000)
      case .loginID: .window(limit: loginPerHour, milliseconds: Self.hour)
      case .loginIP, .loginNetwork: .window(limit: loginIPPerHour, milliseconds: Self.hour)
      case .mfaUser: .window(limit: 10, milliseconds: 900_000)
      case .register: .window(limit: registerPerHour, milliseconds: Self.hour)
      case .forgotAddress: .window(limit: forgotPerHour, milliseconds: Self.hour)
      case .forgotClient: .window(limit: forgotClientPerHour, milliseconds: Self.hour)
      }
    return rule.limit > 0 && (isEnabled || policy == .mfaUser) ? rule : nil
  }
}
