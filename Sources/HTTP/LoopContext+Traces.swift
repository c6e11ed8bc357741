// The trace of the request that a loop looks at: found in its head, begun, noted and ended.

import Codecs
import Platform

extension LoopContext {
  /// Takes over the trace that the request says it belongs to. What is not well-formed, or comes twice, is none.
  mutating func findTrace() {
    request.exchange.trace = TraceContext()
    request.exchange.tracePlace = -1
    guard request.head.lineCount(.traceparent) == 1 else { return }
    if let given = request.withHeader(.traceparent, { TraceContext($0) }) ?? nil { request.exchange.trace = given }
  }

  /// Decides whether the request is traced, where anything is: as its caller says, or by lot if it has none.
  mutating func beginTrace() {
    let isContinued = request.exchange.trace.isPresent
    guard isContinued ? request.exchange.trace.isSampled : traces.chooses() else { return }
    // One that finds no room has no span, and its line in the log names none.
    let place = traces.open()
    guard place >= 0 else { return }
    request.exchange.tracePlace = place
    if !isContinued {
      request.exchange.trace.high = requestIDs.takeNumber()
      request.exchange.trace.low = requestIDs.takeNumber()
      request.exchange.trace.isSampled = true
    }
    request.exchange.trace.spanID = requestIDs.takeNumber()
    let traced = traces[place]
    traced.context = request.exchange.trace
    if isContinued && request.head.lineCount(.tracestate) > 0 { readState(into: traced) }
  }

  // Several lines are one list. If it cannot be read, the trace goes on without it.                   (Trace Context §3.3)
  private func readState(into traced: TracedRequest) {
    var memberCount = 0
    for index in request.head.fields.indices where request.head.fields[index].name == .tracestate {
      let range = request.head.fields[index].value.range(from: request.base)
      let isGood = request.bytes.withSpan { bytes in
        TraceState.append(bytes.extracting(range), to: &traced.state, memberCount: &memberCount)
      }
      if !isGood { return traced.state.removeAll(keepingCapacity: true) }
    }
  }

  /// Runs the handler of a traced request on this thread.
  mutating func runTraced(_ run: (inout LoopContext) -> Route.Executor?) -> Route.Executor? {
    guard let notes = traces.notes else { return run(&self) }
    let traced = traces[request.exchange.tracePlace]
    let start = notes.now
    notes.work(for: traced.sheet)
    let executor = run(&self)
    notes.work(for: nil)
    traced.sheet.add(.handler, from: start, to: notes.now)
    return executor
  }

  /// What goes to a worker with the request.
  var queuedTrace: (request: TracedRequest, notes: SpanNotes)? {
    guard request.exchange.tracePlace >= 0, let notes = traces.notes else { return nil }
    let traced = traces[request.exchange.tracePlace]
    traced.queuedNanoseconds = notes.now
    return (traced, notes)
  }

  /// The answer waits for the disk from now on.
  func noteHold() {
    guard request.exchange.tracePlace >= 0, let notes = traces.notes else { return }
    traces[request.exchange.tracePlace].queuedNanoseconds = notes.now
  }

  /// It waits no longer.
  func noteRelease() {
    guard request.exchange.tracePlace >= 0, let notes = traces.notes else { return }
    let traced = traces[request.exchange.tracePlace]
    traced.sheet.add(.syncWait, from: traced.queuedNanoseconds, to: notes.now)
  }

  /// The request is answered.
  mutating func finishTrace(status: Status, code: StaticString?, byteCount: Int, isCut: Bool) {
    let place = request.exchange.tracePlace
    request.exchange.tracePlace = -1
    let traced = traces[place]
    let endpoint = request.exchange.endpoint
    traced.startNanoseconds = request.exchange.startNanoseconds
    traced.endNanoseconds = traces.notes?.now ?? now
    traced.method = request.exchange.method
    traced.route = endpoint < 0 ? nil : server.router[endpoint: endpoint].pattern
    traced.status = status
    traced.code = code
    traced.byteCount = byteCount
    traced.requestID = request.exchange.requestID
    traced.isCut = isCut
    traces.finish(place)
  }
}
