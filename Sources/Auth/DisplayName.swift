// Names that people and devices show, bounded and free of characters that deceive.

/// A person's name: 1-200 code points without control, bidirectional or zero-width characters. Stored as given.
package struct DisplayName: Hashable, Sendable {
  package let text: String

  package static let maxCount = 200

  package init(_ text: String, at pointer: String = "#/name") throws(FieldError) {
    var count = 0
    for scalar in text.unicodeScalars {
      count += 1
      guard count <= Self.maxCount else {
        throw FieldError(pointer, .tooLong, "use at most \(Self.maxCount) characters", max: Self.maxCount)
      }
      guard !Self.isRefused(scalar) else {
        throw FieldError(pointer, .invalidName, "control, direction and invisible characters are not allowed")
      }
    }
    guard count > 0 else { throw FieldError(pointer, .invalidName, "a name has at least 1 character", min: 1) }
    self.text = text
  }

  private static func isRefused(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7f: return false
    case 0x061C, 0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F:
      return true
    default: return scalar.properties.generalCategory == .control
    }
  }
}

/// What a client calls the device it runs on: at most 64 code points. Stored as given; whoever shows it escapes it.
package struct DeviceName: Hashable, Sendable {
  package let text: String

  package static let maxCount = 64

  package init(_ text: String, at pointer: String = "#/deviceName") throws(FieldError) {
    guard text.unicodeScalars.count <= Self.maxCount else {
      throw FieldError(pointer, .tooLong, "use at most \(Self.maxCount) characters", max: Self.maxCount)
    }
    self.text = text
  }
}
