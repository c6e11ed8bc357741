// From a whole request to its answer: handlers, pools, and answers that wait for the disk.

import Codecs
import Platform

extension ConnectionState {
  /// Answers `loop.request`, or hands it to a pool.
  mutating func answer(_ output: inout ByteBuffer, _ loop: inout LoopContext) {
    loop.response.reset()
    if loop.traces.isOn { loop.beginTrace() }
    if let problem = loop.judge(bodyByteCount: Int(loop.request.body.count)) {
      loop.response.become(problem, loop.request)
    } else if let route = loop.routeIndex(loop.request.exchange) {
      loop.request.source = peer
      loop.request.deadlineNanoseconds = loop.after(milliseconds: loop.limits.handlerTimeoutMilliseconds)
      loop.request.isServerDraining = loop.isDraining
      if !loop.admits(to: route) { return settle(path: nil, &output, &loop) }
      var executor = loop.server.routes[route].executor
      if executor == .loop, let pool = loop.runHandler(of: route) {
        executor = pool
        // What the handler had made, a producer with all that it holds on to among it, is made again.
        loop.response.reset()
      }
      if executor != .loop {
        if handOver(to: executor, route, loop: &loop) { return }
        loop.response.reset()
        loop.response.become(.overloaded, loop.request)
      }
    } else {
      loop.answerOptions()
    }
    settle(path: nil, &output, &loop)
  }

  private mutating func handOver(to executor: Route.Executor, _ route: Int, loop: inout LoopContext) -> Bool {
    lastTicket &+= 1
    loop.request.exchange.ticket = lastTicket
    guard let queued = loop.submit(to: executor, route: route, for: token) else { return false }
    job = queued
    phase = .working
    working = loop.request.exchange
    workingPath = loop.request.pathBytes
    deadline = loop.request.deadlineNanoseconds
    return true
  }

  /// Sends `loop.response` as the answer of `loop.request.exchange`, or holds it until the log is durable as far as it must be.
  ///
  /// - Parameter path: of the request; nil if `loop.request` still has it.
  mutating func settle(path: [UInt8]?, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    let position = loop.response.heldUntil
    if position > .zero, position > loop.server.durability.durablePosition {
      let path = path ?? loop.request.pathBytes
      if !loop.server.durability.hasFailed { return hold(until: position, path, &loop) }
      loop.response.become(.commitOutcomeUnknown, instance: path.span, requestID: loop.request.exchange.requestID)
    }
    let byteCount = loop.write(to: &output)
    if let source = loop.takeSource() {
      return stream(source, status: loop.response.status, subject: loop.response.subject, headByteCount: byteCount, loop)
    }
    loop.report(peer, byteCount: byteCount)
    resume(keepsAlive: loop.request.exchange.keepsAlive, loop)
  }

  private mutating func hold(until position: LogPosition, _ path: [UInt8], _ loop: inout LoopContext) {
    var bytes = ByteBuffer(capacity: 1024 + loop.response.body.count)
    _ = loop.write(to: &bytes)
    held = HeldAnswer(
      position: position, exchange: loop.request.exchange, status: loop.response.status, code: loop.response.code,
      subject: loop.response.subject, path: path, bytes: bytes, source: loop.takeSource())
    loop.noteHold()
    phase = .held
    deadline = .max
  }

  /// An answer is out: the next request, or the end.
  mutating func resume(keepsAlive: Bool, _ loop: borrowing LoopContext) {
    phase = keepsAlive ? .open : .finishing
    stage = .idle
    deadline = loop.after(milliseconds: loop.limits.idleTimeoutMilliseconds)
  }

  /// Sends or fails a held answer if its fate is known; false if it must wait on.
  mutating func release(_ output: inout ByteBuffer, _ loop: inout LoopContext) -> Bool {
    guard phase == .held, let answer = held.take() else { return false }
    if answer.position <= loop.server.durability.durablePosition {
      answer.bytes.withSpan { output.append($0) }
      loop.request.exchange = answer.exchange
      loop.noteRelease()
      if let source = answer.source {
        stream(source, status: answer.status, subject: answer.subject, headByteCount: answer.bytes.count, loop)
        return true
      }
      loop.report(peer, status: answer.status, code: answer.code, subject: answer.subject, byteCount: answer.bytes.count)
      resume(keepsAlive: answer.exchange.keepsAlive, loop)
      return true
    }
    if loop.server.durability.hasFailed {
      replaceAnswer(of: answer.exchange, by: .commitOutcomeUnknown, path: answer.path, &output, &loop)
      return true
    }
    held = consume answer
    return false
  }

  /// Takes a job back from its pool.
  mutating func complete(_ job: Job, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    // An answer that comes after its time-out finds another ticket here, or nothing that works.
    guard phase == .working, let working, working.ticket == job.request.exchange.ticket else { return }
    if let problem = job.problem { job.response.become(problem, job.request) }
    self.working = nil
    self.job = nil
    swap(&loop.response, &job.response)
    loop.request.exchange = working
    if loop.isDraining { loop.request.exchange.keepsAlive = false }
    settle(path: workingPath, &output, &loop)
  }

  /// The worker is late: the client gets an answer now, and the worker's will be dropped.
  mutating func giveUpWorking(_ output: inout ByteBuffer, _ loop: inout LoopContext) {
    guard let exchange = working.take() else { preconditionFailure("a worker has no request") }
    abandonWork()
    loop.traces.abandon(exchange.tracePlace)
    replaceAnswer(of: exchange, by: .handlerTimeout, path: workingPath, &output, &loop)
  }

  /// Nobody waits for the worker's answer any more: a request that it has not begun is not run at all.
  mutating func abandonWork() {
    job?.abandon()
    job = nil
  }

  /// The connection ends: what is noted of a request that will have no answer goes back.
  mutating func abandonTrace(_ loop: inout LoopContext) {
    if let working {
      loop.traces.abandon(working.tracePlace)
      loop.traces.discard(working.tracePlace)
    } else if let place = held?.exchange.tracePlace {
      loop.traces.discard(place)
    }
  }

  private mutating func replaceAnswer(
    of exchange: Exchange, by problem: Problem, path: [UInt8], _ output: inout ByteBuffer, _ loop: inout LoopContext
  ) {
    loop.request.exchange = exchange
    loop.response.reset()
    loop.response.become(problem, instance: path.span, requestID: exchange.requestID)
    settle(path: path, &output, &loop)
  }
}
