// The durable policies against guessing and flooding. docs/records.md §10.

/// What a row of the throttle counts. Values are stored on disk; never renumber, never use one again. Names are public.
package enum ThrottlePolicy: UInt8, Sendable, CaseIterable {
  case loginPair = 1
  case loginID = 2
  case loginIP = 3
  /// The IPv6 /48 around a client.
  case loginNetwork = 4
  case mfaUser = 5
  case register = 6
  case forgotAddress = 7
  case forgotClient = 8

  package var name: StaticString {
    switch self {
    case .loginPair: "login-pair"
    case .loginID: "login-id"
    case .loginIP, .loginNetwork: "login-ip"
    case .mfaUser: "mfa-user"
    case .register: "register"
    case .forgotAddress: "forgot-address"
    case .forgotClient: "forgot-client"
    }
  }
}
