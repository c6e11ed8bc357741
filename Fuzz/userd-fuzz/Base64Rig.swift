// Base 64: nearly right texts against bits written out as a string of digits.

import Codecs
import PlainReaders
import TestSupport

let base64Rig = Rig(
  name: "base64url", purpose: "canonical base 64 against arithmetic on a string of bits",
  bug: "unused bits in the last digit are let through"
) { random, subject in
  let bytes = random.bytes(random.pick([0, 1, 2, 3, 4, 5, 16, 31, 32, 64]))
  let text = Array(Base64URL.encodedString(bytes.span).utf8)
  guard PlainBase64.decode(text) == bytes else { return "wrote \(shown(text)) for \(bytes)" }

  var edited = text
  random.edit(&edited, maxEdits: 2, alphabet: "ABCgwQ019-_+/= .")
  let expected = PlainBase64.decode(edited)
  var given = edited
  if subject == .broken, let last = given.last, let value = PlainBase64.digits.firstIndex(of: last), given.count % 4 > 1 {
    given[given.count - 1] = PlainBase64.digits[value & (given.count % 4 == 2 ? ~15 : ~3)]
  }
  if Base64URL.decode(given.span) != expected { return "decoded \(shown(edited)) otherwise than \(String(describing: expected))" }
  var room = [UInt8](repeating: 0, count: random.number(0..<70))
  var span = room.mutableSpan
  let count = Base64URL.decode(given.span, into: &span)
  let fits = expected.map { $0.count <= room.count } ?? false
  return (count != nil) == fits && (!fits || Array(room.prefix(count ?? 0)) == expected)
    ? nil : "decoded \(shown(edited)) into \(room.count) bytes wrongly"
}
