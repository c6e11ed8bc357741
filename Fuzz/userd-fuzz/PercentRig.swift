// Percent-encoding: nearly right texts against splitting at the percent signs.

import Codecs
import TestSupport

let percentRig = Rig(
  name: "percent", purpose: "percent-encoding against splitting at the percent signs",
  bug: "what was decoded is decoded again"
) { random, subject in
  // Half of the time text that looks encoded once more after it was decoded.
  let bytes =
    random.once(in: 2)
    ? random.bytes(random.number(0..<20)) : (0..<random.number(0..<8)).map { _ in random.pick(Array("%25aB/".utf8)) }
  var text = Array(PercentEncoding.encodedString(bytes.span).utf8)
  guard plainDecode(text) == bytes else { return "wrote \(shown(text)) for \(bytes)" }
  random.edit(&text, maxEdits: 3, alphabet: "%%%0245aAfF+gG /")
  let expected = plainDecode(text)
  var decoded = PercentEncoding.decode(text.span)
  if subject == .broken, let once = decoded, let twice = PercentEncoding.decode(once.span) { decoded = twice }
  if decoded != expected {
    return "decoded \(shown(text)) as \(String(describing: decoded)), not \(String(describing: expected))"
  }
  let form = PercentEncoding.decodeForm(text.span)
  let spaced = plainDecode(text.flatMap { $0 == UInt8(ascii: "+") ? Array("%20".utf8) : [$0] })
  return form == spaced ? nil : "decoded the form \(shown(text)) as \(String(describing: form))"
}

private func plainDecode(_ text: [UInt8]) -> [UInt8]? {
  let parts = text.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
  guard text.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
  var bytes = Array(parts[0])
  for part in parts.dropFirst() {
    let digits = String(decoding: part.prefix(2), as: UTF8.self)
    guard part.count >= 2, digits.allSatisfy(\.isHexDigit), let byte = UInt8(digits, radix: 16) else { return nil }
    bytes += [byte] + part.dropFirst(2)
  }
  return bytes
}
