// The chunked body of a request: decoded where it lies, so that what arrived is never held twice.

import Codecs

/// A chunked body on its way in. Its bytes move down behind the head of their request, over the sizes and line ends between them, and
/// what is waiting is never more than head and body.
struct ChunkedBody: Sendable {
  let headByteCount: Int
  private var decoder: ChunkedDecoder
  /// From the first byte of the request to behind the last that was looked at.
  private(set) var rawByteCount: Int
  private(set) var refusal: BodyRefusal?

  init(headByteCount: Int, _ decoder: ChunkedDecoder) {
    self.headByteCount = headByteCount
    self.decoder = decoder
    rawByteCount = headByteCount
  }

  var byteCount: Int { decoder.bodyByteCount }

  /// How much the body may still grow.
  var remainingByteCount: Int { decoder.remainingBodyByteCount }

  /// Decodes what there is of the request that begins at `base`; true once the body is whole or refused.
  mutating func decode(_ bytes: inout ByteBuffer, from base: Int) -> Bool {
    var index = base &+ rawByteCount
    while true {
      let end = base &+ headByteCount &+ decoder.bodyByteCount
      let part: ChunkedDecoder.Part
      do throws(BodyRefusal) {
        part = try bytes.withSpan { span throws(BodyRefusal) in try decoder.next(span, &index) }
      } catch {
        refusal = error
        return true
      }
      switch part {
      case .data(let range): bytes.move(range, to: end)
      case .more:
        bytes.truncate(to: end)
        rawByteCount = end &- base
        return false
      case .end:
        rawByteCount = index &- base
        return true
      }
    }
  }
}

extension ConnectionState {
  /// Goes on with a chunked body; true once there is something to answer.
  mutating func decodeChunks(_ loop: inout LoopContext) -> Bool {
    if chunks?.decode(&loop.request.bytes, from: loop.request.base) ?? true { return true }
    wantedByteCount = loop.request.bytes.count &- loop.request.base &+ 1
    return false
  }

  /// The head in `loop.request.head` announces chunks: answers the request if the last of them is there.
  mutating func takeChunked(_ available: Int, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    let headByteCount = loop.request.head.byteCount
    if chunks == nil {
      if loop.request.head.expectsContinue, available == headByteCount {
        // Whoever asks before it sends a body has one.
        if let problem = loop.judge(bodyByteCount: 1) { return refuseBody(problem, &output, &loop) }
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
      }
      let decoder = ChunkedDecoder(maxBodyByteCount: loop.maxBodyByteCount, limits: loop.limits)
      chunks = ChunkedBody(headByteCount: headByteCount, decoder)
      if !decodeChunks(&loop) { return enter(.body, loop) }
    }
    guard let body = chunks.take() else { preconditionFailure("a chunked body is nowhere") }
    if let refusal = body.refusal { return refuseBody(refusal.problem(loop.limits), &output, &loop) }
    take(bodyByteCount: body.byteCount, rawByteCount: body.rawByteCount, available, &output, &loop)
  }
}
