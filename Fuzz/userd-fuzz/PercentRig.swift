// Percent-encoding: nearly right texts against splitting at the percent signs.

import Codecs
import PlainReaders
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
  guard PlainPercent.decode(text) == bytes else { return "wrote \(shown(text)) for \(bytes)" }
  random.edit(&text, maxEdits: 3, alphabet: "%%%0245aAfF+gG /")
  let expected = PlainPercent.decode(text)
  var decoded = PercentEncoding.decode(text.span)
  if subject == .broken, let once = decoded, let twice = PercentEncoding.decode(once.span) { decoded = twice }
  if decoded != expected {
    return "decoded \(shown(text)) as \(String(describing: decoded)), not \(String(describing: expected))"
  }
  let form = PercentEncoding.decodeForm(text.span)
  let spaced = PlainPercent.decode(text.flatMap { $0 == UInt8(ascii: "+") ? Array("%20".utf8) : [$0] })
  return form == spaced ? nil : "decoded the form \(shown(text)) as \(String(describing: form))"
}
