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
    var bytes: [UInt8] = []
    var count = 0
    for scalar in text._nfc {
      count += 1
      bytes.append(contentsOf: UTF8.encode(scalar)!)
    }
    self.count = count
    secret = SecretBytes(copying: bytes.span)
    for index in bytes.indices { bytes[index] = 0 }
  }
}

/// Which passwords may be set. Applied when a password is set, never at login.
package struct PasswordPolicy: Sendable {
  package let minCount: Int
  package static let maxCount = 256
  private static let minContextCount = 4

  package init(minCount: Int = 8) {
    precondition(minCount >= 1 && minCount <= Self.maxCount, "the least password length is \(minCount)")
    self.minCount = minCount
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
