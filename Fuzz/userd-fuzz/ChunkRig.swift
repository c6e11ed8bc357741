// Chunked bodies: nearly right ones, cut anywhere, against a reader that looks for line ends.

import HTTP
import PlainReaders
import TestSupport

let chunkRig = Rig(
  name: "chunks", purpose: "the chunked decoder against looking for line ends, and against itself in pieces and on every prefix",
  bug: "white space at the end of a line is dropped"
) { random, subject in
  var limits = HTTPLimits()
  var maxByteCount = 1000
  if random.once(in: 3) {
    limits.maxHeaderByteCount = random.number(2..<60)
    limits.maxFieldCount = random.number(0..<4)
    maxByteCount = random.number(0..<40)
  }
  var bytes = random.chunkedBody()
  if random.once(in: 2) { random.edit(&bytes, maxEdits: 2, alphabet: " \t\r\n;=\"\\:0129afAF+-x") }
  bytes += Array("GET /".utf8).prefix(random.number(0..<6))

  var given = bytes
  if subject == .broken {
    given = bytes.indices.filter { place in
      let isSpace = bytes[place] == 0x20 || bytes[place] == 0x09
      return !(isSpace && place + 1 < bytes.count && bytes[place + 1] == 0x0d)
    }.map { bytes[$0] }
  }
  func read(_ pieces: [ArraySlice<UInt8>]) -> ChunkReading {
    ChunkReading(ChunkedDecoder(maxBodyByteCount: maxByteCount, limits: limits), pieces)
  }
  let answer = read([given[...]])
  let plain = PlainChunks.read(bytes, maxByteCount: maxByteCount, limits)
  switch (answer, plain) {
  case (.whole(let body, let end), .whole(let expected, let expectedEnd)):
    // The planted bug makes the bytes fewer.
    let isSameEnd = end == expectedEnd || subject == .broken
    if body != expected || !isSameEnd { return "read \(shown(bytes)) as \(shown(body)), not \(shown(expected))" }
  case (.refused, .refused), (.refused, .short), (.short, .short): break
  default: return "said \(answer) to \(shown(bytes)), the plain reader \(plain)"
  }
  let cut = random.number(0..<given.count + 1)
  let later = random.number(cut..<given.count + 1)
  if read([given[..<cut], given[cut..<later], given[later...]]) != answer {
    return "said another thing than \(answer) to \(shown(given)) cut at \(cut) and \(later)"
  }
  for length in 0..<given.count {
    let early = read([given[..<length]])
    if early != .short && early != answer { return "said \(early) to \(length) bytes of \(shown(given)), and \(answer) to all" }
  }
  return nil
}

extension SeededGenerator {
  /// A body that is right, or wrong in few of the ways that were thought of.
  fileprivate mutating func chunkedBody() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<number(0..<4) {
      let data = once(in: 2) ? self.bytes(number(1..<30)) : Array(pick(["0\r\n\r\n", "\r\n", "5\r\nabcde\r\n", "a"]).utf8)
      bytes += Array((size(data.count) + extensions() + "\r\n").utf8) + data + Array((once(in: 20) ? "\n" : "\r\n").utf8)
    }
    bytes += Array((String(repeating: "0", count: number(1..<4)) + extensions() + "\r\n").utf8)
    for _ in 0..<(once(in: 3) ? number(0..<4) : 0) {
      bytes += Array(
        (once(in: 10) ? pick([" X: y", "X : y", "X", ": y", "X:\u{1}"]) : pick(["X: y", "Y:", "Z:\t\u{e9} "])).utf8)
      bytes += [0x0d, 0x0a]
    }
    return bytes + [0x0d, 0x0a]
  }

  private mutating func size(_ count: Int) -> String {
    let digits = String(count, radix: 16, uppercase: once(in: 2))
    switch number(0..<20) {
    case 0: return String(repeating: "0", count: 16 - digits.utf8.count + number(0..<2)) + digits
    case 1: return pick(["+", "-", " ", "0x", "f"]) + digits
    case 2: return digits + pick([" ", "\t", "h", "0"])
    default: return digits
    }
  }

  private mutating func extensions() -> String {
    if !once(in: 4) { return "" }
    return once(in: 8)
      ? pick([";", "; x", ";x=", ";x=\"", ";x y", ";x=y;", ";=y"]) : pick([";x", ";x=y", ";x=\"a;\\\" b\"", ";x;y=\"\";z=1"])
  }
}
