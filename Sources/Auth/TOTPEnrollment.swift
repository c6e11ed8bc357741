// What a person needs to set up an authenticator app: the secret as text, and the URI behind the square picture.

import Codecs
import Crypto

/// The secret of one account on its way to an app (github.com/google/google-authenticator/wiki/Key-Uri-Format).
struct TOTPEnrollment: Sendable {
  /// Base 32 without padding.
  let secretText: String
  /// `otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=ISSUER&algorithm=SHA1&digits=6&period=30`.
  let uri: String

  /// - Parameters:
  ///   - issuer: shown above the code. The label separates it from the account by a colon, so it keeps none of its own.
  ///   - account: the address, which tells several accounts apart.
  init(secret: SecretBytes, issuer: String, account: EmailAddress) {
    let text = secret.withSpan { Base32.encodedString($0) }
    let name = PercentEncoding.encodedString(String(issuer.map { $0 == ":" ? " " : $0 }).utf8.span)
    let label = "\(name):\(PercentEncoding.encodedString(account.text.utf8.span))"
    secretText = text
    uri =
      "otpauth://totp/\(label)?secret=\(text)&issuer=\(name)&algorithm=SHA1&digits=\(TOTP.digitCount)&period=\(TOTP.stepSeconds)"
  }
}

// Who has the secret has the codes: it never prints.
extension TOTPEnrollment: CustomStringConvertible, CustomReflectable {
  var description: String { "<one-time code secret>" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
