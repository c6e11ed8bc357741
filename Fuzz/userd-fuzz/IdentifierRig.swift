// Identifiers: texts against splitting at the dashes, and sequences under a clock that jumps.

import Codecs
import TestSupport

let identifierRig = Rig(
  name: "uuid", purpose: "identifiers as text, and sequences under a clock that jumps",
  bug: "a sequence is started anew in the middle, as by a restart that forgot"
) { random, subject in
  let uuid = UUID(high: random.next(), low: random.next())
  var text = Array(uuid.description.utf8)
  guard plainParse(text) == uuid.description else { return "wrote \(shown(text))" }
  random.edit(&text, maxEdits: 2, alphabet: "0af9-AF{}g ")
  let parsed = UUID(text.span)
  if parsed?.description != plainParse(text) { return "read \(shown(text)) as \(String(describing: parsed))" }

  var sequence = UUIDv7Sequence()
  var last = UUID(high: 0, low: 0)
  var clock = Int64(random.number(0..<1 << 41))
  let restart = random.number(0..<40)
  for step in 0..<40 {
    if random.once(in: 3) { clock = max(0, clock + Int64(random.number(-3..<4))) }
    if subject == .broken, step == restart { sequence = UUIDv7Sequence() }
    let next = sequence.next(milliseconds: clock, random: InlineArray { _ in UInt8(truncatingIfNeeded: random.next()) })
    guard next > last, next.version == 7, let time = next.milliseconds, time >= clock else {
      return "\(next) came after \(last) at \(clock) ms"
    }
    last = next
  }
  return nil
}

/// The text itself if it is an identifier.
private func plainParse(_ bytes: [UInt8]) -> String? {
  let text = String(decoding: bytes, as: UTF8.self)
  let groups = text.split(separator: "-", omittingEmptySubsequences: false)
  guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12], groups.joined().allSatisfy({ "0123456789abcdef".contains($0) }) else {
    return nil
  }
  return text
}
