// Why a body in the chunked coding was not accepted, and what is answered.

/// The first fault in the framing of a body. After any of them the connection closes: where the next request begins is not certain.
package enum BodyRefusal: Error, Equatable, Sendable {
  case badChunkSize, badChunkLine, badChunkExtension, extensionsTooLong, badChunkEnd
  case badTrailer, tooManyTrailers, trailersTooLarge
  case bodyTooLarge(limit: Int)

  func problem(_ limits: HTTPLimits) -> Problem {
    switch self {
    case .badChunkSize: malformed("a chunk size is not 1 to \(ChunkedDecoder.maxSizeDigitCount) hexadecimal digits")
    case .badChunkLine: malformed("the line of a chunk size does not end in CR LF")
    case .badChunkExtension: malformed("a chunk extension is not a name with or without a value")
    case .extensionsTooLong: malformed("the chunk extensions are longer than \(ChunkedDecoder.maxExtensionByteCount) bytes")
    case .badChunkEnd: malformed("a chunk is longer than its size")
    case .badTrailer: malformed("a trailer field line is not a name, a colon and a value")
    case .tooManyTrailers: tooLarge("there are more than \(limits.maxFieldCount) trailer fields")
    case .trailersTooLarge: tooLarge("the trailer section is larger than \(limits.maxHeaderByteCount) bytes")
    case .bodyTooLarge(let limit): .bodyTooLarge(limit: limit)
    }
  }

  private func malformed(_ detail: String) -> Problem {
    Problem(.badRequest, code: "malformed_request", title: "The request is malformed", detail: detail)
  }

  private func tooLarge(_ detail: String) -> Problem {
    Problem(.headersTooLarge, code: "headers_too_large", title: "The header section is too large", detail: detail)
  }
}
