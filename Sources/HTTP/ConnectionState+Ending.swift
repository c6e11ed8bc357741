// How a connection ends: refusals, time-outs, lingering, going down.

import Codecs

extension ConnectionState {
  /// Answers what could not be understood, and ends the connection.
  mutating func refuse(_ problem: Problem, _ output: inout ByteBuffer, _ loop: LoopContext) {
    var exchange = Exchange()
    exchange.startNanoseconds = loop.now
    exchange.requestID = loop.makeRequestID()
    finish(problem, exchange, instance: [], &output, loop)
  }

  /// Answers a request whose head was understood but whose body will not be read, and ends the connection.
  mutating func refuse(
    _ problem: Problem, _ exchange: Exchange, _ input: borrowing ByteBuffer, _ start: Int, _ output: inout ByteBuffer,
    _ loop: LoopContext
  ) {
    let path = loop.request.head.path.range(from: start)
    let bytes = input.withSpan { span in path.map { span[$0] } }
    finish(problem, exchange, instance: bytes, &output, loop)
  }

  private mutating func finish(
    _ problem: Problem, _ exchange: Exchange, instance: [UInt8], _ output: inout ByteBuffer, _ loop: LoopContext
  ) {
    var exchange = exchange
    exchange.keepsAlive = false
    loop.response.reset()
    loop.response.become(problem, instance: instance.span, requestID: exchange.requestID)
    settle(&loop.response, exchange, instance.span, &output, loop)
  }

  /// The peer sends no more.
  mutating func inputEnded() { hasInputEnded = true }

  /// All output is with the kernel. True if the owner now ends its direction of the connection.
  ///
  /// Closing with unread input would reset the connection, and the peer might lose the answer. So we end our direction and read a while.
  mutating func outputSent(_ loop: LoopContext) -> Bool {
    guard phase == .finishing else { return false }
    phase = hasInputEnded ? .closed : .lingering
    deadline = loop.after(milliseconds: loop.limits.lingerTimeoutMilliseconds)
    return true
  }

  /// Input that came after the last answer.
  mutating func discard(_ byteCount: Int, _ loop: LoopContext) -> Step {
    discardedByteCount += byteCount
    if discardedByteCount >= loop.limits.maxDiscardedByteCount || hasInputEnded { phase = .closed }
    return phase == .closed ? .close : .wait
  }

  /// The deadline has passed.
  mutating func expire(_ output: inout ByteBuffer, _ loop: LoopContext) -> Step {
    switch phase {
    case .open:
      switch stage {
      case .fresh, .idle:
        phase = .closed
        return .close
      case .head: refuse(.requestTimeout("the header section was not complete in time"), &output, loop)
      case .body: refuse(.requestTimeout("the body was not complete in time"), &output, loop)
      }
    case .working:
      guard let exchange = working.take() else { preconditionFailure("a worker has no request") }
      let path = workingPath
      loop.response.reset()
      loop.response.become(.handlerTimeout, instance: path.span, requestID: exchange.requestID)
      settle(&loop.response, exchange, path.span, &output, loop)
    case .held, .finishing: deadline = .max
    case .lingering, .closed:
      phase = .closed
      return .close
    }
    return .again
  }
}
