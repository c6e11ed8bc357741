// Which requests are traced, what is noted of them, and that memory for it is bounded.

import Codecs
@testable import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
private let parent = "00f067aa0ba902b7"

@Suite struct TracingTests {
  /// A conversation in which as many requests are chosen as said; what its access entries told of traces.
  @discardableResult
  private func converse(
    millionths: Int, _ body: (Conversation, Tracing) throws -> Void
  ) throws -> [TraceContext] {
    let seen = Mutex<[TraceContext]>([])
    let tracing = Tracing(notes: try SpanNotes(clock: SystemClock()), millionths: millionths)
    let conversation = try Conversation(
      access: { entry in
        let trace = entry.trace
        seen.withLock { $0.append(trace) }
      }, configure: { $0.tracing = tracing })
    try body(conversation, tracing)
    return seen.withLock { $0 }
  }

  private func get(_ headers: String = "", _ line: String = "GET / HTTP/1.1") -> String {
    "\(line)\r\nHost: a\r\n\(headers)\r\n"
  }

  private func kinds(_ request: TracedRequest) -> [SpanTime.Kind] { (0..<request.sheet.count).map { request.sheet[$0].kind } }

  @Test func `the caller's flag decides, and the access entry names the same trace and span`() throws {
    let seen = try converse(millionths: 0) { conversation, tracing in
      conversation.receive(get("traceparent: 00-\(trace)-\(parent)-01\r\ntracestate: a=1\r\nTraceState: b=2\r\n"))
      conversation.receive(get("traceparent: 00-\(trace)-\(parent)-00\r\n"))
      conversation.receive(get())
      let finished = tracing.takeFinished(maxCount: 10)
      #expect(finished.count == 1)
      let request = try #require(finished.first)
      #expect(request.context.parentID == 0x00f0_67aa_0ba9_02b7 && request.context.isNoted)
      #expect(String(decoding: request.state, as: UTF8.self) == "a=1,b=2")
      let route = try #require(request.route)
      #expect(request.method == .get && request.status == .ok && "\(route)" == "/")
      #expect(kinds(request) == [.handler])
      tracing.giveBack(finished)
      #expect(tracing.droppedCount == 0)
    }
    #expect(seen.count == 3)
    #expect(seen.map(\.isPresent) == [true, true, false] && seen.map(\.isNoted) == [true, false, false])
  }

  @Test func `without a collector a trace is known to the log and nothing is noted`() throws {
    let seen = Mutex<[TraceContext]>([])
    let conversation = try Conversation(access: { entry in
      let trace = entry.trace
      seen.withLock { $0.append(trace) }
    })
    conversation.receive(get("traceparent: 00-\(trace)-\(parent)-01\r\n"))
    #expect(seen.withLock { $0.map(\.isPresent) } == [true])
    #expect(seen.withLock { $0.map(\.isNoted) } == [false])
  }

  @Test func `a header that comes twice or is not well-formed begins a trace of our own`() throws {
    try converse(millionths: 1_000_000) { conversation, tracing in
      let line = "traceparent: 00-\(trace)-\(parent)-00\r\n"
      conversation.receive(get(line + line))
      conversation.receive(get("traceparent: 00-\(trace)-\(parent)-1\r\ntracestate: a=1\r\n"))
      conversation.receive(get("traceparent: 00-\(trace)-\(parent)-01\r\ntracestate: a=1,=\r\n"))
      let finished = tracing.takeFinished(maxCount: 10)
      #expect(finished.map(\.context.parentID) == [0, 0, 0x00f0_67aa_0ba9_02b7])
      let areWhole = finished.allSatisfy { $0.context.isPresent && $0.context.isNoted && $0.state.isEmpty }
      #expect(areWhole)
    }
  }

  @Test func `about as many are chosen by lot as was asked for, none of none and each of all`() throws {
    for (millionths, range) in [(0, 0...0), (100_000, 50...160), (1_000_000, 1000...1000)] {
      try converse(millionths: millionths) { conversation, tracing in
        var count = 0
        for _ in 0..<10 {
          for _ in 0..<100 { conversation.receive(get()) }
          let finished = tracing.takeFinished(maxCount: 1000)
          count += finished.count
          tracing.giveBack(finished)
        }
        #expect(range.contains(count), "\(count) of 1000 at \(millionths) millionths")
      }
    }
  }

  @Test func `what nobody fetches has a bound, is dropped and is counted, and every request is answered`() throws {
    let seen = try converse(millionths: 1_000_000) { conversation, tracing in
      let count = Tracing.maxCountPerLoop + 44
      for _ in 0..<count { conversation.receive(get()) }
      let answers = try conversation.answers()
      #expect(answers.count == count)
      #expect(tracing.droppedCount == 44)
      let finished = tracing.takeFinished(maxCount: 10_000)
      #expect(finished.count == Tracing.maxCountPerLoop)
      tracing.giveBack(finished)
      conversation.receive(get())
      #expect(tracing.takeFinished(maxCount: 10).count == 1)
    }
    // The log once named spans that nobody had noted.
    let unnoted = seen.filter { !$0.isNoted }
    #expect(seen.count == Tracing.maxCountPerLoop + 45 && unnoted.count == 44)
    #expect(unnoted.allSatisfy { !$0.isPresent })
  }

  @Test func `a caller's trace that finds no room is in the log without a span`() throws {
    let seen = try converse(millionths: 1_000_000) { conversation, tracing in
      for _ in 0..<Tracing.maxCountPerLoop { conversation.receive(get()) }
      conversation.receive(get("traceparent: 00-\(trace)-\(parent)-01\r\n"))
      #expect(tracing.droppedCount == 1)
    }
    #expect(seen.last?.isPresent == true && seen.last?.isNoted == false)
  }

  @Test func `an answer that waited for the disk says so`() throws {
    try converse(millionths: 1_000_000) { conversation, tracing in
      conversation.receive(get("", "POST /hold/5 HTTP/1.1"))
      #expect(tracing.takeFinished(maxCount: 10).isEmpty)
      conversation.durability.advance(to: LogPosition(batch: 5))
      #expect(conversation.release())
      let noted = tracing.takeFinished(maxCount: 10).map(kinds)
      #expect(noted == [[.handler, .syncWait]])
    }
  }

  @Test func `a connection that ends with its answer still to come gives its place back`() throws {
    try converse(millionths: 1_000_000) { conversation, tracing in
      for round in 1...(2 * Tracing.maxCountPerLoop) {
        conversation.receive(get("", "POST /hold/5 HTTP/1.1"))
        conversation.abandonTrace()
        conversation.restart()
        #expect(tracing.droppedCount == round)
      }
      conversation.receive(get())
      #expect(tracing.takeFinished(maxCount: 10).count == 1)
    }
  }

  @Test func `a worker's request tells how long it waited, and what was noted on the worker's thread`() throws {
    let notes = try SpanNotes(clock: SystemClock())
    let tracing = Tracing(notes: notes, millionths: 1_000_000)
    let route = Route(.get, "/work", on: .hashPool) { _, response in
      let start = notes.begin()
      #expect(start > 0)
      notes.end(.hash, since: start)
      response.text("done")
    }
    let plain = Route(.get, "/plain") { _, response in
      notes.end(.hash, since: notes.begin())
      response.text("done")
    }
    try withServer([route, plain], configure: { $0.tracing = tracing }) { server in
      for path in ["/work", "/plain"] {
        let client = try Client(server)
        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        _ = try client.readToEnd()
      }
    }
    let finished = tracing.takeFinished(maxCount: 10)
    let noted = finished.map(kinds)
    #expect(noted == [[.queue, .hash, .handler], [.hash, .handler]])
    for request in finished {
      for index in 0..<request.sheet.count {
        #expect(request.startNanoseconds <= request.sheet[index].start && request.sheet[index].end <= request.endNanoseconds)
      }
    }
    #expect(notes.begin() == 0)
  }

  @Test func `a late worker cannot write on a sheet that is in use again`() throws {
    try converse(millionths: 1_000_000) { conversation, tracing in
      conversation.receive(get("Content-Length: 0\r\n", "POST /hash HTTP/1.1"))
      #expect(conversation.phase == .working)
      let late = try #require(conversation.server.hashPool.takeNext())
      #expect(conversation.wait(milliseconds: 60_000) != nil)
      let finished = tracing.takeFinished(maxCount: 10)
      #expect(finished.map(\.status.code) == [503])
      late.run(now: 1)
      #expect(finished.map(\.sheet.count) == [0])
      tracing.giveBack(finished)
    }
  }

  @Test func `a busy loop does not keep the traces of another waiting`() throws {
    let tracing = Tracing(notes: try SpanNotes(clock: SystemClock()), millionths: 1_000_000)
    let busy = tracing.makeDesk(), calm = tracing.makeDesk()
    let waiting = try #require(calm.takeUnused())
    _ = calm.finish(waiting)
    for _ in 0..<100 { _ = busy.finish(try #require(busy.takeUnused())) }
    let taken = tracing.takeFinished(maxCount: 8) + tracing.takeFinished(maxCount: 8)
    #expect(taken.contains { $0 === waiting })
  }

  @Test func `a request whose time ended in the queue tells how long it was there`() throws {
    try converse(millionths: 1_000_000) { conversation, tracing in
      conversation.receive(get("Content-Length: 0\r\n", "POST /hash HTTP/1.1"))
      let job = try #require(conversation.server.hashPool.takeNext())
      job.run(now: .max)
      conversation.runJobs()
      let finished = tracing.takeFinished(maxCount: 10)
      #expect(finished.map(\.status.code) == [503])
      let noted = finished.map(kinds)
      #expect(noted == [[.handler, .queue]] || noted == [[.queue]])
      tracing.giveBack(finished)
    }
  }

  @Test func `a sheet keeps twelve times of what is within and has room for what is around it, and counts the others`() {
    let sheet = SpanSheet()
    for index in 0..<20 { sheet.add(index % 2 == 0 ? .hash : .transaction, from: UInt64(index), to: UInt64(index) + 1) }
    #expect(sheet.count == 12 && sheet.lostCount == 8 && sheet[11].start == 11)
    for kind: SpanTime.Kind in [.handler, .queue, .handler, .syncWait] { sheet.add(kind, from: 1, to: 2) }
    #expect(sheet.count == SpanSheet.maxCount && sheet.lostCount == 8 && sheet[15].kind == .syncWait)
    sheet.add(.handler, from: 1, to: 2)
    #expect(sheet.count == SpanSheet.maxCount && sheet.lostCount == 9)
    sheet.removeAll()
    #expect(sheet.count == 0 && sheet.lostCount == 0)
  }
}
