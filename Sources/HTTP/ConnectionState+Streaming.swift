// An answer whose body is made while it is sent: one piece is asked for when the one before has left.

import Codecs
import Platform

/// What is remembered of a streamed answer until its last byte.
struct StreamedAnswer: Sendable {
  let body: StreamedBody
  let exchange: Exchange
  let status: Status
  let subject: (high: UInt64, low: UInt64)?
  /// Head and pieces so far.
  var byteCount: Int
  /// Whether a worker makes a piece now.
  var isWithWorker = false
  /// When it is given up to wait for room in the pool; 0 while it does not.
  var starvationEnd: UInt64 = 0

  /// HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
  var isChunked: Bool { exchange.minorVersion > 0 }
}

extension ConnectionState {
  /// How long a connection waits before it asks a full pool again.
  private static var starvationMilliseconds: Int { 20 }

  /// The head is in the output: the body follows, piece by piece.
  mutating func stream(
    _ source: BodySource, status: Status, subject: (high: UInt64, low: UInt64)?, headByteCount: Int, _ loop: borrowing LoopContext
  ) {
    phase = .streaming
    stage = .idle
    deadline = loop.after(milliseconds: loop.limits.handlerTimeoutMilliseconds)
    streamed = StreamedAnswer(
      body: loop.body(from: source, for: token), exchange: loop.request.exchange, status: status, subject: subject,
      byteCount: headByteCount)
  }

  /// Asks for the next piece, if none is on its way. All output has been sent.
  mutating func pull(_ output: inout ByteBuffer, _ loop: inout LoopContext) -> Step {
    guard phase == .streaming, let answer = streamed, !answer.isWithWorker else { return .wait }
    if answer.body.executor == .loop {
      answer.body.makePiece()
      if case .failed(let problem) = answer.body.outcome, problem.worker != nil {
        answer.body.executor = .diskPool
      } else {
        return takePiece(&output, &loop)
      }
    }
    if loop.submit(answer.body) {
      streamed?.isWithWorker = true
      streamed?.starvationEnd = 0
      deadline = loop.after(milliseconds: loop.limits.handlerTimeoutMilliseconds)
      return .wait
    }
    // The answer has begun, so no 503 can tell of the full pool: it is asked again, for as long as a request may wait for its answer.
    if answer.starvationEnd == 0 {
      streamed?.starvationEnd = loop.after(milliseconds: loop.limits.handlerTimeoutMilliseconds)
    } else if loop.now >= answer.starvationEnd {
      return .close
    }
    deadline = loop.after(milliseconds: Self.starvationMilliseconds)
    return .wait
  }

  /// Takes a piece from the worker that made it.
  mutating func complete(_ body: StreamedBody, _ output: inout ByteBuffer, _ loop: inout LoopContext) -> Step {
    guard phase == .streaming, let answer = streamed, answer.body === body else { return .wait }
    streamed?.isWithWorker = false
    return takePiece(&output, &loop)
  }

  // chunk = chunk-size CRLF chunk-data CRLF; a size of 0 is the end, so an empty piece is none       (RFC 9112 §7.1)
  private mutating func takePiece(_ output: inout ByteBuffer, _ loop: inout LoopContext) -> Step {
    guard let answer = streamed else { preconditionFailure("a piece of no body") }
    switch answer.body.outcome {
    case .failed(let problem):
      loop.noticeFailure(of: answer.exchange, problem)
      return .close
    case .made(let step):
      let start = output.count
      let count = answer.body.piece.count
      if answer.isChunked && count > 0 {
        Self.append(chunkSize: count, to: &output)
        output.append("\r\n")
      }
      answer.body.piece.withSpan { output.append($0) }
      if answer.isChunked {
        if count > 0 { output.append("\r\n") }
        if step == .last { output.append("0\r\n\r\n") }
      }
      streamed?.byteCount += output.count - start
      deadline = loop.after(milliseconds: loop.limits.handlerTimeoutMilliseconds)
      if step == .last { endStream(&loop) }
      return .again
    }
  }

  // chunk-size = 1*HEXDIG
  private static func append(chunkSize count: Int, to output: inout ByteBuffer) {
    var shift = (Int.bitWidth - 1 - count.leadingZeroBitCount) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: count >> shift) & 0xf
      output.append(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &+ digit &- 10)
      shift -= 4
    }
  }

  private mutating func endStream(_ loop: inout LoopContext) {
    guard let answer = streamed.take() else { preconditionFailure("a body ends twice") }
    loop.request.exchange = answer.exchange
    loop.report(peer, status: answer.status, code: nil, subject: answer.subject, byteCount: answer.byteCount)
    resume(keepsAlive: answer.exchange.keepsAlive && !loop.isDraining, loop)
  }

  /// The connection ends inside a body. True if only a reset tells the peer so, because the end of the connection would be that of the body.
  mutating func cutStream(_ loop: inout LoopContext) -> Bool {
    guard let answer = streamed.take() else { return false }
    answer.body.abandon()
    phase = .closed
    loop.request.exchange = answer.exchange
    loop.report(
      peer, status: answer.status, code: nil, subject: answer.subject, byteCount: answer.byteCount, isCut: true)
    return !answer.isChunked
  }
}

extension LoopContext {
  /// Tells what stopped a body midway, which its client is not told.
  fileprivate func noticeFailure(of exchange: Exchange, _ problem: Problem) {
    guard let notice = server.notice else { return }
    let route = exchange.endpoint < 0 ? nil : server.router[endpoint: exchange.endpoint].pattern
    notice(.bodyFailed(route: route, code: problem.code, detail: problem.detail, exchange.requestID))
  }
}
