// The forms that a configuration value can have, and how each is read from text.

/// How one kind of value is written: what a person reads about it, and the strict reading of it.
struct ValueForm<Value: Sendable>: Sendable {
  /// The kind in one word, for tables.
  let name: String
  /// Completes the sentence "... is not".
  let expected: String
  /// The value of a text, or nil if the text is none.
  let read: @Sendable (String) -> Value?
  /// A text that reads as the value.
  let write: @Sendable (Value) -> String
}

extension ValueForm where Value == Bool {
  static let boolean = ValueForm(
    name: "boolean", expected: "true or false",
    read: { text in
      switch text {
      case "true": true
      case "false": false
      default: nil
      }
    },
    write: { $0 ? "true" : "false" })
}

extension ValueForm where Value == Int {
  static func count(_ range: ClosedRange<Int>) -> ValueForm {
    ValueForm(
      name: "number", expected: "a number from \(range.lowerBound) to \(range.upperBound)",
      read: { text in
        guard let number = decimal(text), range.contains(number) else { return nil }
        return number
      },
      write: { "\($0)" })
  }

  /// Bytes, counted in K, M or G of 1,024; a bare number is bytes.
  static func size(_ range: ClosedRange<Int>) -> ValueForm {
    ValueForm(
      name: "size", expected: "a size from \(sizeText(range.lowerBound)) to \(sizeText(range.upperBound)), such as 64M",
      read: { text in
        let units = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = text.last.flatMap { units[String($0)] }
        guard let number = decimal(unit == nil ? text : String(text.dropLast())) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return !overflow && range.contains(bytes) ? bytes : nil
      },
      write: sizeText)
  }
}

extension ValueForm where Value == UInt32 {
  /// Permissions of a file in octal digits.
  static let permissions = ValueForm(
    name: "permissions", expected: "three octal digits such as 660",
    read: { text in
      guard text.utf8.count == 3, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x37 }) else { return nil }
      return UInt32(text, radix: 8)
    },
    write: { value in
      let digits = String(value, radix: 8)
      return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    })
}

extension ValueForm where Value == Duration {
  /// A whole number of ms, s, m, h or d; only 0 needs no unit.
  static func duration(_ range: ClosedRange<Int>) -> ValueForm {
    ValueForm(
      name: "duration",
      expected:
        "a duration from \(durationText(.seconds(range.lowerBound))) to \(durationText(.seconds(range.upperBound))), such as 10m",
      read: { text in
        if text == "0" { return range.contains(0) ? .zero : nil }
        let digits = text.prefix { $0 >= "0" && $0 <= "9" }
        let units = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let number = decimal(String(digits)), let unit = units[String(text.dropFirst(digits.count))] else { return nil }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, milliseconds >= range.lowerBound * 1000, milliseconds <= range.upperBound * 1000 else { return nil }
        return .milliseconds(milliseconds)
      },
      write: durationText)
  }
}

extension ValueForm where Value == Fraction {
  static let fraction = ValueForm(
    name: "fraction", expected: "a number from 0 to 1 with at most six decimals, such as 0.01",
    read: { Fraction($0) }, write: { $0.description })
}

extension ValueForm where Value == String {
  static func text(maxByteCount: Int) -> ValueForm {
    ValueForm(
      name: "text", expected: "a text of 1 to \(maxByteCount) visible ASCII characters",
      read: { text in
        let fits = !text.isEmpty && text.utf8.count <= maxByteCount
        return fits && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? text : nil
      },
      write: { $0 })
  }

  /// The path of a program, which is not looked up; an empty text is none.
  static let programPath = ValueForm(
    name: "path", expected: "an absolute path of at most 1,024 bytes",
    read: { text in text.isEmpty || (text.hasPrefix("/") && text.utf8.count <= 1024 && !text.utf8.contains(0)) ? text : nil },
    write: { $0.isEmpty ? "none" : $0 })

  /// The absolute path of a folder, which is not looked up; an empty text is none.
  static let folderPath = ValueForm(
    name: "path", expected: programPath.expected, read: programPath.read, write: programPath.write)

  static let path = ValueForm(
    name: "path", expected: "a path of 1 to 1,024 bytes",
    read: { text in !text.isEmpty && text.utf8.count <= 1024 ? text : nil },
    write: { $0 })
}

extension ValueForm {
  /// Something that may be left out: an empty text, or none given, is none.
  static func optional<Wrapped: CustomStringConvertible>(
    _ name: String, expected: String, _ read: @escaping @Sendable (String) -> Wrapped?
  ) -> ValueForm where Value == Wrapped? {
    ValueForm(
      name: name, expected: expected,
      read: { text in
        if text.isEmpty { return .some(nil) }
        guard let value = read(text) else { return nil }
        return .some(value)
      },
      write: { $0?.description ?? "none" })
  }
}

extension ValueForm where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  static var choice: ValueForm {
    let names = Value.allCases.map(\.rawValue)
    return ValueForm(
      name: names.joined(separator: "|"), expected: "one of \(names.joined(separator: ", "))",
      read: { Value(rawValue: $0) },
      write: { $0.rawValue })
  }
}

/// Digits only, no sign, and no more than fit.
func decimal(_ text: String) -> Int? {
  guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
  return Int(text)
}

private func sizeText(_ bytes: Int) -> String {
  for (unit, name) in [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")] where bytes != 0 && bytes % unit == 0 {
    return "\(bytes / unit)\(name)"
  }
  return "\(bytes)"
}

private func durationText(_ duration: Duration) -> String {
  let milliseconds = duration.milliseconds
  for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
  where milliseconds != 0 && milliseconds % unit == 0 {
    return "\(milliseconds / unit)\(name)"
  }
  return milliseconds == 0 ? "0" : "\(milliseconds)ms"
}

extension Duration {
  /// Whole milliseconds; the forms above allow nothing finer.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
  }

  /// Whole seconds.
  var seconds: Int { Int(components.seconds) }
}
