// What a member of a request's body held before anyone judged it, and the judge that collects every complaint.

/// A member that should be text, as the decoder found it.
package enum FieldInput: Sendable {
  case absent
  /// Present, but a number, a boolean, null, an array or an object.
  case otherType
  case text(String)

  package var isAbsent: Bool {
    switch self {
    case .absent: true
    case .otherType, .text: false
    }
  }
}

/// A member that should be `true` or `false`, as the decoder found it.
package enum FlagInput: Sendable {
  case absent
  /// Present, but a string, a number, null, an array or an object.
  case otherType
  case flag(Bool)
}

/// Judges the fields of one request all at once: every value is tried, every complaint is kept.
struct FieldJudge {
  private(set) var complaints: [FieldError]

  /// - Parameter complaints: what the decoder found already, such as unknown members.
  init(_ complaints: [FieldError]) { self.complaints = complaints }

  /// The value that `make` builds from a member that must be there; nil if there was a complaint.
  mutating func require<Value>(
    _ input: FieldInput, at pointer: String, _ make: (String) throws(FieldError) -> Value
  ) -> Value? {
    if input.isAbsent {
      complaints.append(FieldError(pointer, .required, "this member is required"))
      return nil
    }
    return accept(input, at: pointer, make)
  }

  /// The value that `make` builds from a member that may be left out; nil if it was, or if there was a complaint.
  mutating func accept<Value>(
    _ input: FieldInput, at pointer: String, _ make: (String) throws(FieldError) -> Value
  ) -> Value? {
    switch input {
    case .absent: return nil
    case .otherType:
      complaints.append(FieldError(pointer, .invalidType, "this member must be a string"))
      return nil
    case .text(let text):
      do throws(FieldError) {
        return try make(text)
      } catch {
        complaints.append(error)
        return nil
      }
    }
  }

  /// The value of a flag that may be left out; nil if it was, or if there was a complaint.
  mutating func accept(_ input: FlagInput, at pointer: String) -> Bool? {
    switch input {
    case .absent: return nil
    case .otherType:
      complaints.append(FieldError(pointer, .invalidType, "this member must be true or false"))
      return nil
    case .flag(let value): return value
    }
  }

  mutating func complain(_ error: FieldError) { complaints.append(error) }

  /// Throws all complaints together, if there are any.
  func conclude() throws(AuthError) {
    if !complaints.isEmpty { throw .invalid(complaints) }
  }
}
