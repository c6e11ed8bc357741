// The forms that a configuration value can have, and how each is read from text.

import Auth
import Codecs
import HTTP
import Platform
import Storage

/// How one kind of value is written. It is data, so that a row of the settings table costs no code; every text is read strictly.
enum ValueForm: Sendable {
  case boolean
  case number(_ least: Int, _ most: Int)
  /// From 0 to 1.
  case fraction
  /// Bytes, counted in K, M or G of 1,024; a bare number is bytes.
  case size(_ least: Int, _ most: Int)
  /// A whole number of ms, s, m, h or d between so many seconds; only 0 needs no unit.
  case duration(_ least: Int, _ most: Int)
  /// Permissions of a file in octal digits.
  case permissions
  case text(maxByteCount: Int)
  /// One of the names between the bars.
  case choice(String)
  case path
  /// The absolute path of a file, program or folder, which is not looked up; an empty text is none.
  case optionalPath
  /// Lists: the flag repeats, the variable has commas between the values, the file has an array.
  case listenAddresses, networks, webOrigins
  /// What may be left out: an empty text is none.
  case localURL(example: String)
  case mailAddress, linkTemplate, schedule
}

extension ValueForm {
  /// The kind in a word or two, for tables.
  var name: String {
    switch self {
    case .boolean: "boolean"
    case .number: "number"
    case .fraction: "fraction"
    case .size: "size"
    case .duration: "duration"
    case .permissions: "permissions"
    case .text: "text"
    case .choice(let names): names
    case .path, .optionalPath: "path"
    case .listenAddresses: "address list"
    case .networks: "network list"
    case .webOrigins: "origin list"
    case .localURL, .linkTemplate: "URL"
    case .mailAddress: "address"
    case .schedule: "schedule"
    }
  }

  /// Completes the sentence "... is not".
  var expected: String {
    switch self {
    case .boolean: "true or false"
    case .number(let least, let most): "a number from \(least) to \(most)"
    case .fraction: "a number from 0 to 1 with at most six decimals, such as 0.01"
    case .size(let least, let most): "a size from \(sizeText(least)) to \(sizeText(most)), such as 64M"
    case .duration(let least, let most):
      "a duration from \(durationText(least * 1000)) to \(durationText(most * 1000)), such as 10m"
    case .permissions: "three octal digits such as 660"
    case .text(let maxByteCount): "a text of 1 to \(maxByteCount) visible ASCII characters"
    case .choice(let names): "one of " + names.split(separator: "|").joined(separator: ", ")
    case .path: "a path of 1 to 1,024 bytes"
    case .optionalPath: "an absolute path of at most 1,024 bytes"
    case .listenAddresses: "host:port, [v6]:port or unix:/path, the host being an IP address or localhost"
    case .networks: "an IP address or a block such as 10.0.0.0/8 or 2001:db8::/32, with no bit set beyond its length"
    case .webOrigins: "an origin as browsers write it, such as https://app.example.org or http://localhost:3000"
    case .localURL(let example): "an http URL of a loopback or private address, such as \(example)"
    case .mailAddress: "an address such as accounts@example.org or Accounts <accounts@example.org>"
    case .schedule: "a time of UTC such as daily 03:15 or weekly sun 03:15, or every 6h (10m to 31d)"
    case .linkTemplate: "a URL with {token} in it, such as https://app.example.org/reset?token={token}"
    }
  }

  /// Whether every given value counts; else the last one does.
  var isList: Bool {
    switch self {
    case .listenAddresses, .networks, .webOrigins: true
    case .boolean, .number, .fraction, .size, .duration, .permissions, .text, .choice, .path, .optionalPath, .localURL,
      .mailAddress, .linkTemplate, .schedule:
      false
    }
  }

  var isBoolean: Bool { if case .boolean = self { true } else { false } }

  /// Whether a file may have a number without quotes. Permissions stand in quotes, for their digits are octal.
  var takesNumbers: Bool {
    switch self {
    case .number, .fraction, .size, .duration: true
    case .boolean, .permissions, .text, .choice, .path, .optionalPath, .listenAddresses, .networks, .webOrigins, .localURL,
      .mailAddress, .linkTemplate, .schedule:
      false
    }
  }

  /// Whether a file may have a fraction without quotes.
  var takesFractions: Bool { if case .fraction = self { true } else { false } }

  /// Whether a text is one value of this form.
  func accepts(_ text: String) -> Bool {
    switch self {
    case .boolean: text == "true" || text == "false"
    case .number, .size, .duration, .permissions: number(text) != nil
    case .fraction: Fraction(text) != nil
    case .text(let maxByteCount):
      !text.isEmpty && text.utf8.count <= maxByteCount && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    case .choice(let names): names.split(separator: "|").contains { $0 == text }
    case .path: !text.isEmpty && text.utf8.count <= 1024 && !text.utf8.contains(0)
    case .optionalPath:
      text.isEmpty || (text.hasPrefix("/") && text.utf8.count <= 1024 && !text.utf8.contains(0))
    case .listenAddresses: ListenAddress(text: text) != nil
    case .networks: AddressPrefix(text) != nil
    case .webOrigins: WebOrigin(text) != nil
    case .localURL: text.isEmpty || LocalEndpoint(text) != nil
    case .mailAddress: text.isEmpty || MailAddress(text) != nil
    case .linkTemplate: text.isEmpty || LinkTemplate(text) != nil
    case .schedule: text.isEmpty || BackupSchedule(text) != nil
    }
  }

  /// The number that a text stands for: bytes of a size, milliseconds of a duration; nil if it is none, or out of bounds.
  func number(_ text: String) -> Int? {
    switch self {
    case .number(let least, let most): bounded(decimal(text), least, most)
    case .size(let least, let most): bounded(byteCount(text), least, most)
    case .duration(let least, let most): bounded(milliseconds(text), least * 1000, most * 1000)
    case .permissions:
      text.utf8.count == 3 && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x37 } ? Int(text, radix: 8) : nil
    case .boolean, .fraction, .text, .choice, .path, .optionalPath, .listenAddresses, .networks, .webOrigins, .localURL,
      .mailAddress, .linkTemplate, .schedule:
      nil
    }
  }
}

private func bounded(_ number: Int?, _ least: Int, _ most: Int) -> Int? {
  guard let number, number >= least, number <= most else { return nil }
  return number
}

/// Digits only, no sign, and no more than fit.
func decimal(_ text: String) -> Int? {
  guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
  return Int(text)
}

private func byteCount(_ text: String) -> Int? {
  let shift: Int
  switch text.utf8.last {
  case UInt8(ascii: "K"): shift = 10
  case UInt8(ascii: "M"): shift = 20
  case UInt8(ascii: "G"): shift = 30
  default: return decimal(text)
  }
  guard let number = decimal(String(text.dropLast())), number <= Int.max >> shift else { return nil }
  return number << shift
}

private func milliseconds(_ text: String) -> Int? {
  if text == "0" { return 0 }
  let digits = text.prefix { $0 >= "0" && $0 <= "9" }
  guard let number = decimal(String(digits)) else { return nil }
  let unit: Int
  switch text.dropFirst(digits.count) {
  case "ms": unit = 1
  case "s": unit = 1000
  case "m": unit = 60_000
  case "h": unit = 3_600_000
  case "d": unit = 86_400_000
  default: return nil
  }
  let (product, overflow) = number.multipliedReportingOverflow(by: unit)
  return overflow ? nil : product
}

/// Bytes as a person would write them.
func sizeText(_ bytes: Int) -> String {
  for (shift, name) in [(30, "G"), (20, "M"), (10, "K")] where bytes != 0 && bytes & (1 << shift - 1) == 0 {
    return "\(bytes >> shift)\(name)"
  }
  return "\(bytes)"
}

private func durationText(_ milliseconds: Int) -> String {
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

extension ListenAddress {
  /// Reads `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080` or `unix:/run/userd.sock`. Port 0 lets the kernel choose one.
  init?(text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      if path.isEmpty || path.utf8.count > 1024 || path.utf8.contains(0) { return nil }
      self = .unix(path: path)
      return
    }
    let named = "localhost:"
    let numbers = text.hasPrefix(named) ? "127.0.0.1:" + text.dropFirst(named.count) : text
    guard let address = SocketAddress(numbers) else { return nil }
    self = .internet(address)
  }
}
