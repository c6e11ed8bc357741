// Chunked bodies, good and bad, as tables: bytes in, body or refusal out.

@testable import HTTP

struct ChunkCase: CustomStringConvertible, Sendable {
  enum Judgement: Equatable { case accepted([UInt8]), refused(BodyRefusal) }
  let bytes: [UInt8]
  let judgement: Judgement

  var description: String { String(decoding: bytes.prefix(120), as: UTF8.self).debugDescription }

  private static func accept(_ body: String, _ text: String) -> ChunkCase {
    ChunkCase(bytes: Array(text.utf8), judgement: .accepted(Array(body.utf8)))
  }

  private static func refuse(_ refusal: BodyRefusal, _ texts: String...) -> [ChunkCase] {
    texts.map { ChunkCase(bytes: Array($0.utf8), judgement: .refused(refusal)) }
  }

  // RFC 9112 §7.1
  static let accepted: [ChunkCase] = [
    accept("", "0\r\n\r\n"), accept("", "00\r\n\r\n"), accept("", "0000000000000000\r\n\r\n"),
    accept("a", "1\r\na\r\n0\r\n\r\n"), accept("abcde", "5\r\nabcde\r\n0\r\n\r\n"),
    accept("abc", "1\r\na\r\n2\r\nbc\r\n000\r\n\r\n"),
    accept("abcde", "0000000000000005\r\nabcde\r\n0\r\n\r\n"),
    accept("0123456789", "a\r\n0123456789\r\n0\r\n\r\n"), accept("0123456789", "A\r\n0123456789\r\n0\r\n\r\n"),
    accept("0123456789abcdef", "10\r\n0123456789abcdef\r\n0\r\n\r\n"),
    accept(String(repeating: "x", count: 175), "aF\r\n\(String(repeating: "x", count: 175))\r\n0\r\n\r\n"),
    // The data may look like anything, the end of a body and another request included.
    accept("\r\n", "2\r\n\r\n\r\n0\r\n\r\n"), accept("0\r\n\r\n", "5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
    accept("GET / HTTP/1.1\r\n\r\n", "12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n"),
    accept("\u{0}\u{7f}\u{e9}", "4\r\n\u{0}\u{7f}\u{e9}\r\n0\r\n\r\n"),
    // Extensions (§7.1.1)
    accept("a", "1;x\r\na\r\n0\r\n\r\n"), accept("a", "1;x=y\r\na\r\n0;z\r\n\r\n"),
    accept("a", "1;x;y=z;!#$%&'*+-.^_`|~=1\r\na\r\n0\r\n\r\n"),
    accept("a", "1;x=\"\"\r\na\r\n0\r\n\r\n"), accept("a", "1;x=\"a b\t;=\u{e9}\"\r\na\r\n0\r\n\r\n"),
    accept("a", "1;x=\"\\\"\\\\\\;\";y\r\na\r\n0\r\n\r\n"), accept("a", "1;5\r\na\r\n0\r\n\r\n"),
    // Trailers (§7.1.2); whatever they are called, nobody looks at them.
    accept("a", "1\r\na\r\n0\r\nX: y\r\n\r\n"), accept("", "0\r\nX:\r\nY:\t z \r\n\r\n"),
    accept("", "0\r\nX: \u{e9}:;\"\r\n\r\n"),
    accept("", "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\n\r\n"),
  ]

  static let refused: [ChunkCase] =
    refuse(
      .badChunkSize, "\r\n", "\n", " 0\r\n\r\n", "\t0\r\n\r\n", "+0\r\n\r\n", "-0\r\n\r\n", "-1\r\na\r\n", "+1\r\na\r\n", "x\r\n",
      "0x0\r\n\r\n", "0x1\r\na\r\n", "0X1\r\n", "g\r\n", "G\r\n", "1_0\r\n", "1,0\r\n", "1.0\r\n", "1h\r\n", "\"1\"\r\n",
      "1 \r\na\r\n",
      "1\t\r\na\r\n", "1 ;x\r\na\r\n", "1 2\r\n", "1\u{0}\r\n", "\u{0}1\r\n", "1\u{b}\r\n", "1\u{c}\r\n", "1\n", "0\n\r\n",
      "\u{ff11}\r\n",
      "\u{661}\r\n", ";x\r\n", "=\r\n", "/\r\n", ":\r\n", "@\r\n", "`\r\n", "1\r\na\r\n\r\n", "1\r\na\r\n 0\r\n\r\n",
      "1\r\na\r\nGET / HTTP/1.1",
      "00000000000000000\r\n", "00000000000000001\r\na\r\n", "10000000000000000\r\n", "100000000000000001\r\na\r\n")
    + refuse(.badChunkLine, "0\r\r\n", "0\r0", "1\ra", "1;x\ra", "0\r\u{0}\n", "1\r;x\r\na", "0;x=\"\"\r ")
    + refuse(
      .badChunkExtension, "1;\r\n", "1;;x\r\n", "1; x\r\n", "1;\tx\r\n", "1;x \r\n", "1;x =y\r\n", "1;x= y\r\n", "1;x=y \r\n",
      "1;x=\r\n",
      "1;=y\r\n", "1;x=;y\r\n", "1;x==y\r\n", "1;x=y=z\r\n", "1;x=y\"z\"\r\n", "1;x=\"y\"z\r\n", "1;x=\"y\" \r\n", "1;x=\"y\r\n",
      "1;x=\"y\n\"",
      "1;x=\"\\\r\n", "1;x=\"\u{0}\"", "1;x=\"\u{7f}\"", "1;x=\"\\\u{1}\"", "1;x\n", "1;\n", "1;x=y\na\r\n", "1;x\u{0}\r\n",
      "1;\u{e9}\r\n",
      "1;x,y\r\n", "1;(x)\r\n", "1;x=y\u{e9}\r\n", "0;\r\n\r\n", "0;x y\r\n\r\n")
    + refuse(
      .badChunkEnd, "1\r\nab", "1\r\na0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1\r\na\r0\r\n", "1\r\na\rb", "2\r\nabc", "1\r\na\u{0}\n",
      "1\r\na \r\n",
      "1\r\n\r\n\r\n", "1\r\na\r\r\n", "1\r\na;")
    + refuse(
      .badTrailer, "0\r\n\n", "0\r\nX\r\n\r\n", "0\r\n: y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\n\tX: y\r\n", "0\r\nX : y\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: y\r\n z\r\n\r\n", "0\r\nX: y\rz", "0\r\nX: \u{0}\r\n", "0\r\nX: \u{7f}\r\n", "0\r\nX: \u{1b}\r\n", "0\r\n\rX",
      "0\r\n\r\r\n",
      "0\r\nX: y\r\n\n", "0\r\n\u{e9}: y\r\n", "0\r\nGET / HTTP/1.1\r\n", "0\r\n\u{0}", "0\r\nX,Y: z\r\n", "0\r\nX\n",
      "0\r\nX: y\r\n\r ")
    + refuse(
      .bodyTooLarge(limit: ChunkCase.limit), "191\r\n", "ffffffffffffffff\r\n", "FFFFFFFFFFFFFFFF;x\r\n", "8000000000000000\r\n",
      "7fffffffffffffff\r\n", "1\r\na\r\n190\r\n", "3\r\nabc\r\nfffffffffffffffd\r\n", "3\r\nabc\r\n7ffffffffffffffd\r\n")

  /// For the bodies of these cases.
  static let limit = 400
}
