// The members of accounts in bodies: one list for each verb, whether it comes alone or in a batch.

import Auth
import Codecs
import HTTP

extension BodyMembers {
  /// What a new account may have.
  static let ofNewAccount: [StaticString] = [
    "email", "name", "role", "password", "passwordHash", "emailVerified", "mustChangePassword", "metadata", "appMetadata",
    "sendReset",
  ]
  /// What of an account can be changed.
  static let ofAccountEdit: [StaticString] = [
    "email", "name", "role", "emailVerified", "mustChangePassword", "metadata", "appMetadata",
  ]

  var accountForm: AccountForm {
    AccountForm(
      email: text("email"), name: text("name"), role: text("role"), password: text("password"),
      passwordHash: text("passwordHash"), emailVerified: flag("emailVerified"), mustChangePassword: flag("mustChangePassword"),
      metadata: object("metadata"), appMetadata: object("appMetadata"), sendReset: flag("sendReset"), complaints: complaints)
  }

  var accountEditForm: AccountEditForm {
    AccountEditForm(
      email: text("email"), name: text("name"), role: text("role"), emailVerified: flag("emailVerified"),
      mustChangePassword: flag("mustChangePassword"), metadata: object("metadata"), appMetadata: object("appMetadata"),
      complaints: complaints)
  }
}
