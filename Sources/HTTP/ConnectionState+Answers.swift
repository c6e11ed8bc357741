// From a whole request to its answer: handlers, pools, and answers that wait for the disk.

import Codecs
import Platform

extension ConnectionState {
  /// Makes the answer to `loop.request`, or hands the request to a pool.
  mutating func answer(_ exchange: Exchange, _ output: inout ByteBuffer, _ loop: LoopContext) {
    loop.response.reset()
    if let problem = loop.judgeRequest(exchange) {
      loop.become(problem, exchange)
    } else if let route = loop.route(of: exchange) {
      loop.prepareRequest(exchange, peer)
      let executor = loop.server.routes[route].executor
      var isWouldBlock = false
      if executor == .loop {
        do throws(Problem) {
          try loop.server.routes[route].handler(loop.request, &loop.response)
        } catch {
          isWouldBlock = error.isWouldBlock
          if !isWouldBlock { loop.become(error, exchange) }
        }
      }
      if executor != .loop || isWouldBlock {
        var exchange = exchange
        exchange.ticket = lastTicket &+ 1
        if loop.submit(exchange, to: isWouldBlock ? .diskPool : executor, route: route, for: token) {
          phase = .working
          lastTicket = exchange.ticket
          working = exchange
          workingPath = loop.request.withPath { path in path.indices.map { path[$0] } }
          deadline = loop.request.deadlineNanoseconds
          return
        }
        loop.response.reset()
        loop.become(.overloaded, exchange)
      }
    } else {
      loop.answerOptions(exchange)
    }
    loop.request.withPath { path in settle(&loop.response, exchange, path, &output, loop) }
  }

  /// Sends an answer, or holds it until the log is durable as far as it must be.
  mutating func settle(
    _ response: inout Response, _ exchange: Exchange, _ path: Span<UInt8>, _ output: inout ByteBuffer, _ loop: LoopContext
  ) {
    let position = response.heldUntil
    if position > .zero, position > loop.server.durability.durablePosition {
      if loop.server.durability.hasFailed {
        response.become(.commitOutcomeUnknown, instance: path, requestID: exchange.requestID)
      } else {
        var bytes = ByteBuffer(capacity: 1024 + response.body.count)
        _ = loop.write(response, for: exchange, to: &bytes)
        held = HeldAnswer(
          position: position, exchange: exchange, status: response.status, code: response.code, subject: response.subject,
          path: path.indices.map { path[$0] }, bytes: bytes)
        phase = .held
        deadline = .max
        return
      }
    }
    let byteCount = loop.write(response, for: exchange, to: &output)
    loop.report(
      exchange, peer, status: response.status, code: response.code, subject: response.subject, byteCount: byteCount)
    resume(exchange, loop)
  }

  /// An answer is out: the next request, or the end.
  mutating func resume(_ exchange: Exchange, _ loop: LoopContext) {
    phase = exchange.keepsAlive ? .open : .finishing
    stage = .idle
    deadline = loop.after(milliseconds: loop.limits.idleTimeoutMilliseconds)
  }

  /// Sends or fails a held answer if its fate is known; false if it must wait on.
  mutating func release(_ output: inout ByteBuffer, _ loop: LoopContext) -> Bool {
    guard phase == .held, let answer = held.take() else { return false }
    if answer.position <= loop.server.durability.durablePosition {
      answer.bytes.withSpan { output.append($0) }
      loop.report(
        answer.exchange, peer, status: answer.status, code: answer.code, subject: answer.subject, byteCount: answer.bytes.count)
      resume(answer.exchange, loop)
      return true
    }
    if loop.server.durability.hasFailed {
      loop.response.reset()
      settle(&loop.response, asFailed: answer, &output, loop)
      return true
    }
    held = consume answer
    return false
  }

  private mutating func settle(
    _ response: inout Response, asFailed answer: borrowing HeldAnswer, _ output: inout ByteBuffer, _ loop: LoopContext
  ) {
    response.become(.commitOutcomeUnknown, instance: answer.path.span, requestID: answer.exchange.requestID)
    settle(&response, answer.exchange, answer.path.span, &output, loop)
  }

  /// Takes a job back from its pool.
  mutating func complete(_ job: Job, _ output: inout ByteBuffer, _ loop: LoopContext) {
    // An answer that comes after its time-out finds another ticket here, or nothing that works.
    guard phase == .working, working?.ticket == job.exchange.ticket else { return }
    if let problem = job.problem {
      if problem.isWouldBlock && job.executor != .diskPool {
        if loop.resubmit(job) { return }
      }
      job.request.withPath { path in
        job.response.become(problem, instance: path, requestID: job.exchange.requestID)
      }
    }
    working = nil
    var exchange = job.exchange
    if loop.isDraining { exchange.keepsAlive = false }
    job.request.withPath { path in settle(&job.response, exchange, path, &output, loop) }
  }
}
