// Passwords on their way to the hash: normalised, counted, judged when set, never kept.

// Unicode normalisation is in the standard library but not public; without Foundation this is the only door to it, and it is opened in this
// file alone (docs/decisions/0003-unicode-normalisation.md).
@_spi(_Unicode) import Swift

import Crypto

/// A password in Normalization Form C, as UTF-8 that is zeroed when the last owner goes.
struct Password: Sendable {
  let secret: SecretBytes
  /// Code points after normalisation.
  let count: Int

  /// Any text at all: a login does not judge a password, it compares it.
  init(_ text: String) {
    var bytes = Self.normalized(text)
    // Each code point has one byte that does not go on with the one before.
    count = bytes.count { $0 & 0xc0 != 0x80 }
    secret = SecretBytes(moving: &bytes)
  }

  /// The bytes that are hashed for a text.
  static func normalized(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text._nfc { bytes.append(contentsOf: UTF8.encode(scalar)!) }
    return bytes
  }
}

/// Which passwords may be set. Applied when a password is set, never at login.
package struct PasswordPolicy: Sendable {
  package let minCount: Int
  /// Refused besides the common ones.
  private let refused: PasswordList?
  package static let maxCount = 256
  /// What NIST SP 800-63B-4 section 3.1.1.2 asks for where the password is the only factor.
  package static let minSingleFactorCount = 15
  private static let minContextCount = 4

  package init(minCount: Int = 8, refused: PasswordList? = nil) {
    precondition(minCount >= 1 && minCount <= Self.maxCount, "the least password length is \(minCount)")
    self.minCount = minCount
    self.refused = refused
  }

  /// Judges `text` as the new password of the person with this address and name, as far as those are known.
  func accept(
    _ text: String, email: EmailAddress?, name: DisplayName?, at pointer: String = "#/password"
  ) throws(FieldError) -> Password {
    let password = Password(text)
    guard password.count >= minCount else {
      throw FieldError(pointer, .passwordTooShort, "use at least \(minCount) characters", min: minCount)
    }
    guard password.count <= Self.maxCount else {
      throw FieldError(pointer, .passwordTooLong, "use at most \(Self.maxCount) characters", max: Self.maxCount)
    }
    var context = ["userd"]
    if let email { context.append(String(email.localPart)) }
    if let name { context.append(name.text) }
    for word in context where leansOn(word, text) {
      throw FieldError(pointer, .passwordContainsContext, "too short without your name, your address or the name of this service")
    }
    guard !password.secret.withSpan({ PasswordBlocklist.contains($0) }) else {
      throw FieldError(pointer, .passwordBlocklisted, "one of the most common passwords, or close to one")
    }
    if let refused, refused.contains(password) {
      throw FieldError(pointer, .passwordBlocklisted, "on this server's own list of refused passwords")
    }
    return password
  }

  /// Whether `text` contains `word`, ignoring ASCII case, and is too short once every occurrence is taken out.
  private func leansOn(_ word: String, _ text: String) -> Bool {
    let word = word._nfc.map(Self.folded)
    guard word.count >= Self.minContextCount else { return false }
    let text = text._nfc.map(Self.folded)
    var left = text.count
    var index = 0
    while index + word.count <= text.count {
      if text[index..<(index + word.count)].elementsEqual(word) {
        left -= word.count
        index += word.count
      } else {
        index += 1
      }
    }
    return left < text.count && left < minCount
  }

  private static func folded(_ scalar: Unicode.Scalar) -> UInt32 {
    scalar.value >= 0x41 && scalar.value <= 0x5a ? scalar.value | 0x20 : scalar.value
  }
}
