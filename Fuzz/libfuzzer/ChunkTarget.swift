// Chunked bodies: the decoder against the plain reader, in pieces, on every beginning, and on what it read cut into other chunks.

import HTTP
import PlainReaders

/// Bytes behind a head, decoded twice: with the limits that the server has, and with such as short inputs reach.
@Sendable func judgeChunks(_ bytes: [UInt8]) -> String? {
  var small = HTTPLimits()
  small.maxHeaderByteCount = 20
  small.maxFieldCount = 2
  return judgeChunks(bytes, HTTPLimits(), maxByteCount: 65_536) ?? judgeChunks(bytes, small, maxByteCount: 12)
}

private func judgeChunks(_ bytes: [UInt8], _ limits: HTTPLimits, maxByteCount: Int) -> String? {
  func read(_ pieces: [ArraySlice<UInt8>]) -> ChunkReading {
    ChunkReading(ChunkedDecoder(maxBodyByteCount: maxByteCount, limits: limits), pieces)
  }
  let answer = read([bytes[...]])
  let plain = PlainChunks.read(bytes, maxByteCount: maxByteCount, limits)
  switch (answer, plain) {
  case (.whole, .whole): if answer != plain { return "\(bytes.shown) is \(answer), not \(plain)" }
  case (.refused, .refused), (.refused, .short), (.short, .short): break
  default: return "\(answer) to \(bytes.shown), the plain reader says \(plain)"
  }
  for cut in bytes.cuts {
    if read([bytes[..<cut], bytes[cut...]]) != answer { return "another thing than \(answer) to \(bytes.shown) cut at \(cut)" }
    let early = read([bytes[..<cut]])
    if early != .short && early != answer { return "\(early) to \(cut) bytes of \(bytes.shown), \(answer) to all" }
  }
  if bytes.count <= 512, read(bytes.indices.map { bytes[$0...$0] }) != answer {
    return "another thing to \(bytes.shown) byte by byte"
  }
  guard case .whole(let body, let end) = answer else { return nil }
  if read([bytes[..<end]]) != answer { return "what follows changes \(bytes.shown)" }
  let size = bytes.count % 5 + 1
  let written =
    stride(from: 0, to: body.count, by: size).flatMap { start in
      let chunk = body[start..<min(body.count, start + size)]
      return Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
    } + Array("0\r\n\r\n".utf8)
  return read([written[...]]) == .whole(body, end: written.count)
    ? nil : "the body of \(bytes.shown) does not come back in chunks of \(size)"
}
