// Stored password hashes: nearly right texts of every form against a reader that takes them apart at the dollar signs.

import Crypto
import TestSupport

let passwordHashRig = Rig(
  name: "phc", purpose: "password hashes of all forms against splitting at the dollar signs",
  bug: "a number may begin with a zero"
) { random, subject in
  var text = Array(drawHash(&random).utf8)
  guard PlainHash.accepts(text) else { return "the plain reader refuses \(shown(text))" }
  if !random.once(in: 4) { random.edit(&text, maxEdits: 2, alphabet: "$$,=0123456789mtplnri.+/aA=") }
  var given = text
  if subject == .broken, let place = given.indices.dropFirst().first(where: { isLooseZero(given, at: $0) }) {
    given.remove(at: place)
  }
  let expected = PlainHash.accepts(text)
  do throws(CryptoError) {
    let written = try PasswordHash(parsing: given.span).text
    if !expected { return "took \(shown(text))" }
    return Array(written.utf8) == text ? nil : "took \(shown(text)), and writes it as \"\(written)\""
  } catch {
    return expected ? "refused \(shown(text)): \(error)" : nil
  }
}

/// A zero before another digit, at the begin of a number behind `=`.
private func isLooseZero(_ text: [UInt8], at place: Int) -> Bool {
  text[place] == UInt8(ascii: "0") && text[place - 1] == UInt8(ascii: "=") && place + 1 < text.count
    && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[place + 1])
}

/// A right text of some form, mostly near the limits.
private func drawHash(_ random: inout SeededGenerator) -> String {
  let salt = random.bytes(random.pick([8, 16, 16, 64])), tag = random.bytes(random.pick([16, 20, 32, 33, 64]))
  let rounds = random.pick([1, 9, 1000, 600_000])
  let letters = String(decoding: (0..<random.number(1..<20)).map { _ in random.pick(Array("aZ09".utf8)) }, as: UTF8.self)
  func digits(_ bytes: [UInt8], _ alphabet: String) -> String { PlainHash.digits(of: bytes, alphabet) }
  let standard = "\(digits(salt, PlainHash.standard))$\(digits(tag, PlainHash.standard))"
  let dotted = "\(digits(salt, PlainHash.dotted))$\(digits(tag, PlainHash.dotted))"
  let plain = digits(tag, PlainHash.standard)
  let padded = plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
  switch random.number(0..<8) {
  case 0: return "$argon2id$v=19$m=\(random.pick([8, 19456, 4_194_304])),t=\(random.pick([1, 2, 1024])),p=1$\(standard)"
  case 1: return "$argon2i$v=19$m=512,t=3,p=\(random.pick([1, 4, 64]))$\(standard)"
  case 2: return "$scrypt$ln=\(random.number(1..<18)),r=8,p=\(random.pick([1, 16]))$\(standard)"
  case 3: return "scrypt$\(1 << random.number(1..<18))$\(letters)$8$\(random.pick([1, 5]))$\(padded)"
  case 4: return "$pbkdf2-\(random.pick(["sha1", "sha256", "sha512"]))$i=\(rounds / 4 + 1),l=\(tag.count)$\(standard)"
  case 5: return "$\(random.pick(["pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"]))$\(rounds / 4 + 1)$\(dotted)"
  case 6: return "pbkdf2_\(random.pick(["sha1", "sha256"]))$\(rounds / 4 + 1)$\(letters)$\(padded)"
  default:
    let ends = digits(random.bytes(16), PlainHash.bcrypt) + digits(random.bytes(23), PlainHash.bcrypt)
    return "$2\(random.pick(["a", "b", "y"]))$\(random.pick(["04", "10", "12", "14"]))$\(ends)"
  }
}

/// The grammar once more, without a thought for speed.
private enum PlainHash {
  private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
  static let standard = letters + "+/", dotted = letters + "./"
  static let bcrypt = "./" + letters

  static func accepts(_ text: [UInt8]) -> Bool {
    guard text.count <= 256, text.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return false }
    let fields = String(decoding: text, as: UTF8.self).split(separator: "$", omittingEmptySubsequences: false).map(String.init)
    switch fields.first {
    case "": return fields.count > 1 && acceptsModular(fields[1], Array(fields.dropFirst(2)))
    case "scrypt":
      guard fields.count == 6, let count = number(fields[1]), let size = number(fields[3]), let lanes = number(fields[4]) else {
        return false
      }
      let logCount = (1...24).first { 1 << $0 == count }
      return logCount != nil && isScrypt(logCount ?? 0, size, lanes) && isSalt(fields[2]) && isTag(paddedBytes(fields[5])) != nil
    case "pbkdf2_sha1", "pbkdf2_sha256":
      guard fields.count == 4, let rounds = number(fields[1]), isSalt(fields[2]), let size = isTag(paddedBytes(fields[3])) else {
        return false
      }
      return isPBKDF2(fields[0] == "pbkdf2_sha1" ? 20 : 32, rounds, size)
    default: return false
    }
  }

  private static func acceptsModular(_ name: String, _ fields: [String]) -> Bool {
    let digestSizes = ["pbkdf2": 20, "pbkdf2-sha1": 20, "pbkdf2-sha256": 32, "pbkdf2-sha512": 64]
    switch name {
    case "argon2id", "argon2i":
      guard fields.count == 4, fields[0] == "v=19", let numbers = numbers(fields[1], ["m", "t", "p"]),
        let salt = bytes(fields[2], standard), isTag(bytes(fields[3], standard)) != nil
      else { return false }
      return (8...64).contains(salt) && (1...64).contains(numbers[2]) && (1...1024).contains(numbers[1])
        && (8 * numbers[2]...4_194_304).contains(numbers[0])
    case "scrypt":
      guard fields.count == 3, let numbers = numbers(fields[0], ["ln", "r", "p"]), let salt = bytes(fields[1], standard),
        isTag(bytes(fields[2], standard)) != nil
      else { return false }
      return (1...64).contains(salt) && isScrypt(numbers[0], numbers[1], numbers[2])
    case "2a", "2b", "2y":
      guard fields.count == 2, ["04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14"].contains(fields[0]),
        fields[1].utf8.count == 53
      else { return false }
      return bytes(String(fields[1].prefix(22)), bcrypt) == 16 && bytes(String(fields[1].suffix(31)), bcrypt) == 23
    default:
      guard let digestSize = digestSizes[name], fields.count == 3 else { return false }
      let isPHC = name == "pbkdf2-sha1" || (name != "pbkdf2" && fields[0].hasPrefix("i"))
      let alphabet = isPHC ? standard : dotted
      guard let salt = bytes(fields[1], alphabet), (1...64).contains(salt), let tag = isTag(bytes(fields[2], alphabet)) else {
        return false
      }
      if isPHC {
        guard let numbers = numbers(fields[0], ["i", "l"]) else { return false }
        return numbers[1] == tag && isPBKDF2(digestSize, numbers[0], tag)
      }
      return number(fields[0]).map { isPBKDF2(digestSize, $0, tag) } ?? false
    }
  }

  private static func isScrypt(_ logCount: Int, _ size: Int, _ lanes: Int) -> Bool {
    (1...24).contains(logCount) && (1...32).contains(size) && (1...16).contains(lanes) && size << logCount <= 8 * 4_194_304 + 7
  }

  private static func isPBKDF2(_ digestSize: Int, _ rounds: Int, _ tag: Int) -> Bool {
    (1...(2_000_000 / ((tag + digestSize - 1) / digestSize))).contains(rounds)
  }

  private static func isSalt(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count) && text.allSatisfy { letters.contains($0) }
  }

  /// The count, if a tag may have it.
  private static func isTag(_ count: Int?) -> Int? { count.flatMap { (16...64).contains($0) ? $0 : nil } }

  private static func number(_ text: String) -> Int? {
    guard let number = Int(text), number >= 0, "\(number)" == text, text.utf8.count <= 10 else { return nil }
    return number
  }

  /// Exactly these names, each with `=` and a number, in this order.
  private static func numbers(_ text: String, _ names: [String]) -> [Int]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == names.count else { return nil }
    var numbers: [Int] = []
    for (part, name) in zip(parts, names) {
      guard part.hasPrefix(name + "="), let number = number(String(part.dropFirst(name.count + 1))) else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// How many bytes a text stands for; nil if it is not the one spelling of any.
  private static func bytes(_ text: String, _ alphabet: String) -> Int? {
    let digits = Array(alphabet)
    var bits = ""
    for character in text {
      guard let value = digits.firstIndex(of: character) else { return nil }
      let binary = String(value, radix: 2)
      bits += String(repeating: "0", count: 6 - binary.count) + binary
    }
    let rest = bits.count % 8
    return rest < 6 && bits.suffix(rest).allSatisfy { $0 == "0" } ? bits.count / 8 : nil
  }

  private static func paddedBytes(_ text: String) -> Int? {
    let plain = text.prefix { $0 != "=" }
    guard text.utf8.count % 4 == 0, text.utf8.count - plain.utf8.count < 4, text.dropFirst(plain.count).allSatisfy({ $0 == "=" })
    else {
      return nil
    }
    return bytes(String(plain), standard)
  }

  static func digits(of bytes: [UInt8], _ alphabet: String) -> String {
    let digits = Array(alphabet)
    var bits = bytes.map { byte in
      let binary = String(byte, radix: 2)
      return String(repeating: "0", count: 8 - binary.count) + binary
    }.joined()
    while bits.count % 6 != 0 { bits += "0" }
    var text = ""
    while !bits.isEmpty {
      text.append(digits[Int(bits.prefix(6), radix: 2) ?? 0])
      bits.removeFirst(6)
    }
    return text
  }
}
