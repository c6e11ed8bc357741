// What is wrong with one member of a request's body, in the words of the public contract.

/// One entry of `errors` in a `validation_failed` problem document.
package struct FieldError: Error, Hashable, Sendable {
  /// Where the member is: a JSON pointer in URI form, such as `#/password`.
  package let pointer: String
  package let code: Code
  /// For people; it never repeats what was sent.
  package let detail: String
  /// The least number allowed, where that is what was missed.
  package let min: Int?
  /// The greatest number allowed, where that was passed.
  package let max: Int?

  package init(_ pointer: String, _ code: Code, _ detail: String, min: Int? = nil, max: Int? = nil) {
    self.pointer = pointer
    self.code = code
    self.detail = detail
    self.min = min
    self.max = max
  }

  /// The stable codes of single fields.
  package enum Code: String, Hashable, Sendable, CaseIterable {
    case required
    case unknownField = "unknown_field"
    case invalidType = "invalid_type"
    case invalidValue = "invalid_value"
    case tooLong = "too_long"
    case invalidEmail = "invalid_email"
    case invalidName = "invalid_name"
    case passwordTooShort = "password_too_short"
    case passwordTooLong = "password_too_long"
    case passwordBlocklisted = "password_blocklisted"
    case passwordContainsContext = "password_contains_context"
  }
}
