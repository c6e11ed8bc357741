// A login whose password was right and whose second factor is still to come.

/// What somebody gets who has shown the first factor of two.
package struct PendingLogin: Equatable, Sendable {
  /// Stands for the password in the second step; single use.
  package let token: String
  /// What the account can show next.
  package let methods: [SecondFactorMethod]
  /// Seconds.
  package let expiresIn: Int

  package init(token: String, methods: [SecondFactorMethod], expiresIn: Int) {
    self.token = token
    self.methods = methods
    self.expiresIn = expiresIn
  }
}

/// What a second factor can be, in the words of the public contract.
package enum SecondFactorMethod: String, Sendable {
  /// A code of an authenticator app.
  case totp
  case recoveryCode = "recovery_code"
}

// Who has the token has half of a login: it never prints.
extension PendingLogin: CustomStringConvertible, CustomReflectable {
  package var description: String { "<pending login>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
