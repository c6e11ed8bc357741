// What a person is told: one message as a channel gets it, and its words.

package import Codecs

/// A message on its way out. It has a token in it, so it never prints.
package struct Message: Sendable {
  package enum Kind: String, Sendable {
    case reset
    case verifyEmail = "verify_email"
    case changeEmail = "change_email"
    case changeNotice = "change_notice"
  }

  /// The same at every attempt, so that whoever delivers can tell a repetition.
  package let id: UUID
  package let kind: Kind
  package let address: String
  /// The one-time token; nil in a notice.
  package let code: String?
  /// The page that takes it; nil if the server knows of none.
  package let link: String?
  /// Milliseconds since 1970; when the token is useless, and the message with it.
  package let expiresAt: Int64
  package let writtenAt: Int64

  package var subject: String {
    switch kind {
    case .reset: "Reset your password"
    case .verifyEmail: "Verify your e-mail address"
    case .changeEmail: "Verify your new e-mail address"
    case .changeNotice: "Your e-mail address is about to change"
    }
  }

  /// The words, without anything that somebody else chose: no name, no address, no link but the server's own.
  package var text: String {
    switch kind {
    case .reset:
      """
      Somebody asked for a new password for the account with this address.

      \(access)

      It works once, for 30 minutes, and only the newest one counts. If it was not
      you, do nothing: your password stays as it is.

      """
    case .verifyEmail:
      """
      Please show that this address is yours.

      \(access)

      It works once, for 24 hours. If you have no account here, do nothing.

      """
    case .changeEmail:
      """
      Somebody wants to use this address for their account. Please show that it is
      yours.

      \(access)

      It works once, for 24 hours. If it was not you, do nothing: nothing changes.

      """
    case .changeNotice:
      """
      Somebody who knows your password asked to give your account another address.
      It changes when they show that the new address is theirs.

      If it was not you, change your password now: that stops it.

      """
    }
  }

  private var access: String {
    guard let code else { return "" }
    guard let link else { return "Enter this code:\n\n  \(code)" }
    return "Open this page:\n\n  \(link)\n\nor enter this code:\n\n  \(code)"
  }
}

extension Message: CustomStringConvertible, CustomReflectable {
  package var description: String { "<message \(id)>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
