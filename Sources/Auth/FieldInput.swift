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

/// A member that should be an integer, as the decoder found it.
package enum NumberInput: Sendable {
  case absent
  /// Present, but of another kind, with a fraction or an exponent, or beyond 64 bits.
  case otherType
  case number(Int64)
}

/// A member that should be an array, as the decoder found it; its elements should be text.
package enum ListInput: Sendable {
  case absent
  /// Present, but no array.
  case otherType
  case elements([FieldInput])

  /// Elements that the decoder looks at: one more than any list may have shows that there are too many.
  package static let maxCount = 65
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

  /// The value of a number that may be left out, within bounds; nil if it was, or if there was a complaint.
  mutating func accept(_ input: NumberInput, within bounds: ClosedRange<Int>, at pointer: String) -> Int? {
    switch input {
    case .absent: return nil
    case .otherType: complaints.append(FieldError(pointer, .invalidType, "this member must be an integer"))
    case .number(let number):
      if let value = Int(exactly: number), bounds.contains(value) { return value }
      complaints.append(
        FieldError(
          pointer, .invalidValue, "use \(bounds.lowerBound) to \(bounds.upperBound)", min: bounds.lowerBound,
          max: bounds.upperBound
        ))
    }
    return nil
  }

  /// Permissions by their names; nil if there was a complaint. A permission that comes twice counts once.
  mutating func requirePermissions(_ input: ListInput, at pointer: String) -> PermissionSet? {
    switch input {
    case .absent: complaints.append(FieldError(pointer, .required, "this member is required"))
    case .otherType: complaints.append(FieldError(pointer, .invalidType, "this member must be an array of strings"))
    case .elements(let elements):
      guard elements.count < ListInput.maxCount else {
        let limit = ListInput.maxCount - 1
        complaints.append(FieldError(pointer, .tooLong, "use at most \(limit) elements", max: limit))
        return nil
      }
      var set = PermissionSet.none
      let before = complaints.count
      for (index, element) in elements.enumerated() {
        let permission = accept(element, at: "\(pointer)/\(index)") { (text) throws(FieldError) in
          guard let permission = Permission(rawValue: text) else {
            throw FieldError("\(pointer)/\(index)", .invalidValue, "there is no such permission")
          }
          return permission
        }
        if let permission { set.insert(permission) }
      }
      return complaints.count == before ? set : nil
    }
    return nil
  }

  mutating func complain(_ error: FieldError) { complaints.append(error) }

  /// Throws all complaints together, if there are any.
  func conclude() throws(AuthError) {
    if !complaints.isEmpty { throw .invalid(complaints) }
  }
}
