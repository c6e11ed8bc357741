// How a connection ends: refusals, time-outs, lingering.

import Codecs

extension ConnectionState {
  /// Answers what could not be understood, and ends the connection.
  mutating func refuse(_ problem: Problem, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    loop.beginUnknownExchange(peer)
    loop.response.reset()
    loop.response.become(problem, instance: Span(), requestID: loop.request.exchange.requestID)
    settle(path: [], &output, &loop)
  }

  /// Answers `loop.request`, whose body will not be read, and ends the connection.
  mutating func refuseBody(_ problem: Problem, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    loop.request.exchange.keepsAlive = false
    loop.response.reset()
    loop.response.become(problem, loop.request)
    settle(path: nil, &output, &loop)
  }

  /// The peer sends no more.
  mutating func inputEnded() { hasInputEnded = true }

  /// All output is with the kernel. True if the owner now ends its direction of the connection.
  ///
  /// Closing with unread input would reset the connection, and the peer might lose the answer. So we end our direction and read
  /// a while.
  mutating func outputSent(lingerUntil lingerDeadline: UInt64) -> Bool {
    guard phase == .finishing else { return false }
    phase = hasInputEnded ? .closed : .lingering
    deadline = lingerDeadline
    return true
  }

  /// Input that came after the last answer.
  mutating func discard(_ byteCount: Int, of maxByteCount: Int) -> Step {
    discardedByteCount += byteCount
    if discardedByteCount >= maxByteCount || hasInputEnded { phase = .closed }
    return phase == .closed ? .close : .wait
  }

  /// The deadline has passed.
  mutating func expire(_ output: inout ByteBuffer, _ loop: inout LoopContext) -> Step {
    switch phase {
    case .open:
      switch stage {
      case .fresh, .idle:
        phase = .closed
        return .close
      case .head: refuse(.requestTimeout("the header section was not complete in time"), &output, &loop)
      case .body: refuse(.requestTimeout("the body was not complete in time"), &output, &loop)
      }
    case .working: giveUpWorking(&output, &loop)
    case .streaming:
      // A worker that is late cuts its answer; one that waits for room in the pool asks again.
      if streamed?.isWithWorker ?? true { return .close }
    case .held, .finishing: deadline = .max
    case .lingering, .closed:
      phase = .closed
      return .close
    }
    return .again
  }
}
