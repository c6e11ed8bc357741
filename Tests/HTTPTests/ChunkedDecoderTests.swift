// The chunked coding as a pure state machine: every judgement, every limit, and that no cut of the bytes changes anything.

import Codecs
@testable import HTTP
import Testing

/// What comes of bytes that arrive in these pieces, and how many of them belong to the body; nil is "not whole".
private func decode(
  _ pieces: [ArraySlice<UInt8>], maxBodyByteCount: Int = ChunkCase.limit, limits: HTTPLimits = HTTPLimits()
) -> (judgement: ChunkCase.Judgement?, taken: Int) {
  var decoder = ChunkedDecoder(maxBodyByteCount: maxBodyByteCount, limits: limits)
  var body: [UInt8] = []
  var taken = 0
  for piece in pieces {
    let bytes = Array(piece)
    var index = 0
    reading: while true {
      do throws(BodyRefusal) {
        switch try decoder.next(bytes.span, &index) {
        case .data(let range): body += bytes[range]
        case .more: break reading
        case .end: return (.accepted(body), taken + index)
        }
      } catch {
        return (.refused(error), taken + index)
      }
    }
    taken += index
  }
  return (nil, taken)
}

private func decode(_ text: String, maxBodyByteCount: Int = ChunkCase.limit, limits: HTTPLimits = HTTPLimits())
  -> ChunkCase.Judgement?
{ decode([Array(text.utf8)[...]], maxBodyByteCount: maxBodyByteCount, limits: limits).judgement }

@Suite struct ChunkedDecoderTests {
  @Test(arguments: ChunkCase.accepted) func `a good body is accepted, every beginning of it is incomplete, and no cut matters`(
    _ given: ChunkCase
  ) {
    let bytes = given.bytes
    #expect(decode([bytes[...]]) == (given.judgement, bytes.count))
    for cut in 0..<bytes.count {
      #expect(decode([bytes[..<cut]]) == (nil, cut), "after \(cut) bytes")
      #expect(decode([bytes[..<cut], bytes[cut...]]) == (given.judgement, bytes.count), "cut at \(cut)")
    }
    #expect(decode(bytes.indices.map { bytes[$0...$0] }) == (given.judgement, bytes.count), "byte by byte")
    #expect(decode([(bytes + bytes)[...]]) == (given.judgement, bytes.count), "with another one behind it")
    #expect(decode([(bytes + [0, 13, 10, 255])[...]]) == (given.judgement, bytes.count), "with noise behind it")
  }

  @Test(arguments: ChunkCase.refused) func `a bad body is refused at the same byte for the same reason wherever it is cut`(
    _ given: ChunkCase
  ) {
    let bytes = given.bytes
    let whole = decode([bytes[...]])
    #expect(whole.judgement == given.judgement)
    #expect(whole.taken < bytes.count)
    for cut in 0..<bytes.count {
      let early = decode([bytes[..<cut]])
      #expect(early == (cut <= whole.taken ? (nil, cut) : whole), "after \(cut) bytes")
      #expect(decode([bytes[..<cut], bytes[cut...]]) == whole, "cut at \(cut)")
    }
    #expect(decode(bytes.indices.map { bytes[$0...$0] }) == whole, "byte by byte")
  }

  @Test func `the tables are as large as they should be`() {
    #expect(ChunkCase.accepted.count > 20)
    #expect(ChunkCase.refused.count > 120)
  }

  @Test func `the limit counts the bytes of the body and nothing else`() {
    let ones = String(repeating: "1;x\r\na\r\n", count: 50)
    #expect(decode(ones + "0\r\n\r\n", maxBodyByteCount: 50) == .accepted([UInt8](repeating: 97, count: 50)))
    #expect(decode(ones + "0\r\n\r\n", maxBodyByteCount: 49) == .refused(.bodyTooLarge(limit: 49)))
    #expect(decode("0\r\n\r\n", maxBodyByteCount: 0) == .accepted([]))
    #expect(decode("1\r\n", maxBodyByteCount: 0) == .refused(.bodyTooLarge(limit: 0)))
    #expect(decode("190\r\n") == nil)
    #expect(decode("191\r\n") == .refused(.bodyTooLarge(limit: 400)))
  }

  @Test func `extensions of 4,096 bytes in all pass and one more is refused`() {
    // The carriage return of each line counts with what is before it.
    func body(_ extra: Int) -> String {
      "1;\(String(repeating: "x", count: 2046))\r\na\r\n0;\(String(repeating: "y", count: 2048 + extra))\r\n\r\n"
    }
    #expect(decode(body(0)) == .accepted([97]))
    #expect(decode(body(1)) == .refused(.extensionsTooLong))
    #expect(decode("1;" + String(repeating: "x", count: 5000)) == .refused(.extensionsTooLong))
    #expect(decode("1;x=\"" + String(repeating: "\\\"", count: 3000)) == .refused(.extensionsTooLong))
  }

  @Test func `a trailer section of 16,384 bytes passes and one more is refused`() {
    func body(_ byteCount: Int) -> String { "0\r\nX: \(String(repeating: "v", count: byteCount - 7))\r\n\r\n" }
    #expect(decode(body(16_384)) == .accepted([]))
    #expect(decode(body(16_385)) == .refused(.trailersTooLarge))
    #expect(decode("0\r\n" + String(repeating: "n", count: 17_000)) == .refused(.trailersTooLarge))
  }

  @Test func `100 trailer fields pass and one more is refused`() {
    let lines = String(repeating: "X: y\r\n", count: 100)
    #expect(decode("0\r\n\(lines)\r\n") == .accepted([]))
    #expect(decode("0\r\n\(lines)X: y\r\n\r\n") == .refused(.tooManyTrailers))
    var limits = HTTPLimits()
    limits.maxFieldCount = 0
    #expect(decode("0\r\n\r\n", limits: limits) == .accepted([]))
    #expect(decode("0\r\nX", limits: limits) == .refused(.tooManyTrailers))
  }
}
