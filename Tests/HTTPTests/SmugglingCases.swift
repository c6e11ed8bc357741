// Requests hidden in requests: every way that is known to make two readers disagree (RFC 9112 §11.2), by family.

@testable import HTTP

struct SmugglingCase: Sendable {
  enum Family: CaseIterable, Sendable {
    /// One reader goes by Content-Length, the other by Transfer-Encoding.
    case lengthThenCoding, codingThenLength
    /// Both go by Transfer-Encoding, and one does not see it.
    case twoCodings
    /// Both go by Content-Length, and see different ones.
    case twoLengths
    case chunkSize, chunkEnd
    case fieldName, lineEnd, host, requestLine
    /// A body that one reader passes over because of the method or the path.
    case ignoredBody
  }

  let family: Family
  let rule: GrammarCase

  /// What an attacker wants to be run.
  static let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
}

/// A POST with these field lines and this behind them.
private func post(_ lines: String, _ rest: String = "0\r\n\r\n" + SmugglingCase.inner, version: String = "1.1") -> String {
  "POST / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n\r\n\(rest)"
}

private func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body + SmugglingCase.inner) }

extension GrammarCase {
  static let smuggling: [SmugglingCase] =
    lengthsAndCodings + codings + lengths + chunks + names + lineEnds + hosts + requestLines + ignoredBodies

  private static func refuse(
    _ family: SmugglingCase.Family, _ section: String, _ refusal: Refusal, _ texts: String...
  ) -> [SmugglingCase] {
    texts.map { SmugglingCase(family: family, rule: .closed(section, $0, .refused(refusal))) }
  }

  private static func refuse(
    _ family: SmugglingCase.Family, _ section: String, _ refusal: BodyRefusal, _ texts: String...
  ) -> [SmugglingCase] {
    texts.map { SmugglingCase(family: family, rule: .closed(section, chunked($0), .refused(refusal))) }
  }

  private static let lengthsAndCodings: [SmugglingCase] =
    refuse(
      .lengthThenCoding, "RFC 9112 §6.3", .lengthWithCoding, post("Content-Length: 41\r\nTransfer-Encoding: chunked"),
      post("Content-Length: 0\r\nTransfer-Encoding: chunked"), post("Content-Length: 5\r\nX: y\r\nTransfer-Encoding: chunked"),
      post("content-length:5\r\ntransfer-encoding:chunked"), post("Content-Length: 5\r\nTransfer-Encoding: \tCHUNKED\t"),
      post("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked"), post("Content-Length: 5\r\nTransfer-Encoding: x"),
      post("Content-Length: 5\r\nTransfer-Encoding:"),
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x"),
      post("Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"))
    + refuse(
      .codingThenLength, "RFC 9112 §6.3", .lengthWithCoding,
      post("Transfer-Encoding: chunked\r\nContent-Length: 4", "2a\r\n\(SmugglingCase.inner)\r\n0\r\n\r\n"),
      post("Transfer-Encoding: chunked\r\nContent-Length: 0"), post("Transfer-Encoding: identity\r\nContent-Length: 5"),
      post("Transfer-Encoding:\r\nContent-Length: 5"), post("TRANSFER-ENCODING: chunked\r\nCONTENT-LENGTH: 5"),
      post("Transfer-Encoding: xchunked\r\nContent-Length: 5"),
      post("Transfer-Encoding: chunked\r\nContent-Length: 5", version: "1.0"),
      post("Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 5"))
    + refuse(
      .codingThenLength, "RFC 9112 §6.2", .repeatedContentLength,
      post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 6"))

  private static let codings: [SmugglingCase] =
    refuse(
      .twoCodings, "RFC 9112 §6.1", .unknownTransferCoding, post("Transfer-Encoding: xchunked"),
      post("Transfer-Encoding: chunke"),
      post("Transfer-Encoding: identity"), post("Transfer-Encoding: \"chunked\""), post("Transfer-Encoding: chunked;q=1"),
      post("Transfer-Encoding: chunked chunked"), post("Transfer-Encoding: \u{a0}chunked"), post("Transfer-Encoding: 'chunked'"),
      post("Transfer-Encoding: identity, chunked"), post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
      post("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked"), post("Transfer-Encoding: x\r\nTransfer-Encoding: y"))
    + refuse(
      .twoCodings, "RFC 9112 §6.1", .badTransferCoding, post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow"), post("Transfer-Encoding: chunked, chunked"),
      post("Transfer-Encoding: chunked, identity"), post("Transfer-Encoding: , chunked"), post("Transfer-Encoding: chunked,"),
      post("Transfer-Encoding:\r\nTransfer-Encoding: chunked"))
    + refuse(
      .twoCodings, "RFC 9110 §5.5", .badFieldValue, post("Transfer-Encoding: \u{b}chunked"),
      post("Transfer-Encoding: chunked\u{c}"),
      post("Transfer-Encoding: \u{0}chunked"), post("Transfer-Encoding: chunked\u{7f}"))
    + refuse(
      .twoCodings, "RFC 9112 §5.2", .foldedLine, post("Transfer-Encoding:\r\n chunked"),
      post("X: y\r\n Transfer-Encoding: chunked"))
    + refuse(.twoCodings, "RFC 9112 §6.1", .codingInOldVersion, post("Transfer-Encoding: chunked", version: "1.0"))

  private static let lengths: [SmugglingCase] =
    refuse(
      .twoLengths, "RFC 9112 §6.3", .repeatedContentLength, post("Content-Length: 5\r\nContent-Length: 41"),
      post("Content-Length: 5\r\nContent-Length: 5"), post("Content-Length: 0\r\nX: y\r\ncontent-length: 5"))
    + refuse(
      .twoLengths, "RFC 9112 §6.2", .badContentLength, post("Content-Length: 5, 41"), post("Content-Length: 5,5"),
      post("Content-Length: +5"), post("Content-Length: -5"), post("Content-Length: 0x5"), post("Content-Length: 5 41"),
      post("Content-Length: 5;"), post("Content-Length: "), post("Content-Length: 5.0"), post("Content-Length: 1e1"),
      post("Content-Length: 1_0"), post("Content-Length: 18446744073709551621"), post("Content-Length: \u{665}"))
    + refuse(.twoLengths, "RFC 9112 §5.2", .foldedLine, post("Content-Length: 5\r\n 41"), post("Content-Length:\r\n\t5"))

  private static let chunks: [SmugglingCase] =
    refuse(
      .chunkSize, "RFC 9112 §7.1", .badChunkSize, "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n",
      "-5\r\nhello\r\n0\r\n\r\n",
      " 5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5_0\r\nhello\r\n0\r\n\r\n",
      "5,5\r\nhello\r\n0\r\n\r\n",
      "\r\n5\r\nhello\r\n0\r\n\r\n", "00000000000000005\r\nhello\r\n0\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n",
      "FFFFFFFFFFFFFFFF5\r\nhello\r\n", "5h\r\nhello\r\n0\r\n\r\n", "\u{ff15}\r\nhello\r\n0\r\n\r\n",
      "\"5\"\r\nhello\r\n0\r\n\r\n")
    + refuse(
      .chunkSize, "RFC 9112 §7.1", .bodyTooLarge(limit: ChunkCase.limit), "100000005\r\nhello\r\n0\r\n\r\n",
      "fffffffffffffffb\r\nhello\r\n")
    + refuse(
      .chunkSize, "RFC 9112 §7.1.1", .badChunkExtension, "5;\r\nhello\r\n0\r\n\r\n", "5;x\nhello\r\n0\r\n\r\n",
      "5;\nx\r\nhello\r\n0\r\n\r\n",
      "5; x=y\r\nhello\r\n0\r\n\r\n", "5;x=\"\r\nhello\r\n0\r\n\r\n", "5;x=\"\n\"\r\nhello\r\n0\r\n\r\n")
    + refuse(.chunkSize, "RFC 9112 §2.2", .badChunkLine, "5\rXhello\r\n0\r\n\r\n", "5;x\r\rhello\r\n0\r\n\r\n")
    + refuse(
      .chunkEnd, "RFC 9112 §7.1", .badChunkEnd, "5\r\nhelloX0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhelloXX0\r\n\r\n", "5\r\nhello \r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n")
    + refuse(.chunkEnd, "RFC 9112 §7.1", .badChunkSize, "5\r\nhello\r\n\r\n0\r\n\r\n", "0\n\n", "5\r\nhello\r\n0\n\r\n")
    + refuse(
      .chunkEnd, "RFC 9112 §7.1.2", .badTrailer, "0\r\n\n", "0\r\nX\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: y\r\n z\r\n\r\n", "0\r\nGET / HTTP/1.1\r\n\r\n", "0\r\nX: y\rZ: z\r\n\r\n", "0\r\n\rX\r\n\r\n",
      "0\r\nX: \u{0}\r\n\r\n")

  private static let names: [SmugglingCase] =
    refuse(
      .fieldName, "RFC 9112 §5.1", .badFieldName, post("Content-Length : 41"), post("Content-Length\t: 41"),
      post("Transfer-Encoding : chunked"),
      post("Transfer-Encoding\t: chunked"), post("Transfer-Encoding\u{0}: chunked"), post("Transfer-Encoding\u{b}: chunked"),
      post("\u{b}Transfer-Encoding: chunked"), post("\u{0}Content-Length: 41"), post("Content Length: 41"),
      post(": x\r\nContent-Length: 41"),
      post(":Transfer-Encoding: chunked"), post("\"Transfer-Encoding\": chunked"), post("(Transfer-Encoding): chunked"),
      post("[Content-Length]: 41"), post("Transfer-Encoding\u{a0}: chunked"), post("Tran\u{17f}fer-Encoding: chunked"),
      post("Content-Length;x: 41"), post("Content-Length=41"), post("Content-Length"), post("X\r\nContent-Length: 41"),
      post("Transfer-Encoding\r: chunked"), post("Transfer-Encoding\n: chunked"), post("\u{feff}Content-Length: 41"))
    + refuse(.fieldName, "RFC 9112 §5.2", .foldedLine, post(" Content-Length: 41"), post("\tTransfer-Encoding: chunked"))

  private static let lineEnds: [SmugglingCase] =
    refuse(
      .lineEnd, "RFC 9112 §2.2", .bareLineFeed, post("X: y\nTransfer-Encoding: chunked"), post("X: y\nContent-Length: 41"),
      post("X: y\n\r\n"), post("X: y\n\n\(SmugglingCase.inner)"), "GET / HTTP/1.1\r\nHost: a\n\n\(SmugglingCase.inner)")
    + refuse(
      .lineEnd, "RFC 9112 §2.2", .bareCarriageReturn, post("X: y\rTransfer-Encoding: chunked"), post("X: y\rContent-Length: 41"),
      post("X: y\r\r\nContent-Length: 41"), post("\rContent-Length: 41"), post("X: y\r\n\r\u{0}"),
      "GET / HTTP/1.1\rHost: a\r\r\(SmugglingCase.inner)",
      "\r\r\n\(SmugglingCase.inner)")
    + refuse(
      .lineEnd, "RFC 9112 §3", .badVersion, "GET / HTTP/1.1\nHost: a\n\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\n\r\(SmugglingCase.inner)")
    + refuse(
      .lineEnd, "RFC 9112 §5.1", .badFieldName, post("\nTransfer-Encoding: chunked"), post("X: y\r\n\n\(SmugglingCase.inner)"))
    + refuse(
      .lineEnd, "RFC 9110 §5.5", .badFieldValue, post("X: y\u{0}\r\nContent-Length: 41"), post("X: y\u{c}Content-Length: 41"),
      post("X: y\u{b}Content-Length: 41"))

  private static let hosts: [SmugglingCase] =
    refuse(
      .host, "RFC 9112 §3.2", .missingHost, "GET http://a/ HTTP/1.1\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n\(SmugglingCase.inner)")
    + refuse(
      .host, "RFC 9112 §3.2", .repeatedHost, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n\(SmugglingCase.inner)",
      "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\r\nHost: a\r\nhost:\r\n\r\n\(SmugglingCase.inner)")
    + refuse(
      .host, "RFC 9110 §7.2", .badHost, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n\(SmugglingCase.inner)", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n\(SmugglingCase.inner)",
      "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n\(SmugglingCase.inner)",
      "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n\(SmugglingCase.inner)")
    + refuse(
      .host, "RFC 9112 §3.2.2", .badTarget, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET http://a#@b/ HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET http://a\\@b/ HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET http://a:80:81/ HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET http:a HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)", "GET a.b HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET @a/ HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)")

  private static let requestLines: [SmugglingCase] =
    refuse(
      .requestLine, "RFC 9112 §3", .badVersion, "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET / GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET / HTTP/1.01\r\nHost: a\r\n\r\n\(SmugglingCase.inner)", "GET / \u{ff28}TTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)"
    )
    + refuse(
      .requestLine, "RFC 9112 §3", .badTarget, "GET /\r\n\(SmugglingCase.inner)", "GET  /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\u{b}HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)",
      "GET /\u{c2}\u{a0}HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)")
    + refuse(
      .requestLine, "RFC 9112 §2.2", .badMethod, "\r\n\r\n\(SmugglingCase.inner)", " \(SmugglingCase.inner)",
      "\u{0}\(SmugglingCase.inner)",
      "GET:/ HTTP/1.1\r\nHost: a\r\n\r\n\(SmugglingCase.inner)", "\u{feff}\(SmugglingCase.inner)")

  private static let ignoredBodies: [SmugglingCase] = {
    let inner = SmugglingCase.inner
    let length = "Host: a\r\nContent-Length: \(inner.utf8.count)\r\n\r\n\(inner)"
    let chunk = "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n\(String(inner.utf8.count, radix: 16))\r\n\(inner)\r\n0\r\n\r\n"
    let rules: [(String, WrittenAnswer)] = [
      ("GET /", .root), ("OPTIONS /", .rootOptions), ("OPTIONS *", .serverOptions),
      ("PUT /", .notAllowed("GET, HEAD, POST, OPTIONS")),
      ("POST /nothing", .notFound("/nothing")), ("BREW /", .unknownMethod()), ("DELETE /none", .bodiless("204 No Content")),
      ("GET /same", .bodiless("304 Not Modified", "ETag: \"r7\"")),
    ]
    return rules.flatMap { line, answer in
      [length, chunk].map {
        SmugglingCase(family: .ignoredBody, rule: .kept("RFC 9112 §6.3", "\(line) HTTP/1.1\r\n\($0)", answer))
      }
    }
  }()
}
