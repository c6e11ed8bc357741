// A connection without a socket: bytes go in by hand, a clock is turned by hand, and what would be sent is kept.

import Codecs
@testable import HTTP
import Platform
import TestSupport

/// One connection, driven by a test.
final class Conversation {
  let durability = DurabilitySignal()
  let clock = ManualClock(milliseconds: 1_777_636_801_000)
  let server: ServerState
  private var loop: LoopContext
  private let peer: PeerState
  let mailbox: Mailbox
  private(set) var state: ConnectionState
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  /// What was sent between two turns.
  private var left: [UInt8] = []
  /// How many times the machine asked to come back.
  private(set) var againCount = 0

  init(
    _ routes: [Route] = Conversation.routes, limits: HTTPLimits = HTTPLimits(), peer: PeerState = PeerState(),
    access: AccessHook? = nil, notice: NoticeHook? = nil, configure: (inout ServerOptions) -> Void = { _ in }
  ) throws {
    var options = ServerOptions(listeners: [])
    options.limits = limits
    options.hashPool = PoolOptions(workerCount: 1, maxQueuedCount: 1)
    options.diskPool = PoolOptions(workerCount: 1, maxQueuedCount: 1)
    configure(&options)
    // Random bytes that are always the same, so that answers can be compared.
    let random = RandomSource { bytes in for index in bytes.indices { bytes[index] = 7 } }
    server = try ServerState(
      options: options, routes: routes, durability: durability, clock: clock, random: random, access: access, notice: notice)
    mailbox = try Mailbox()
    self.peer = peer
    loop = try LoopContext(server, mailbox: mailbox)
    state = ConnectionState(token: ConnectionToken(slot: 0, generation: 0), peer: peer, loop)
  }

  var phase: ConnectionState.Phase { state.phase }
  var isIdle: Bool { state.isIdle }
  var deadline: UInt64 { state.deadline }
  /// Input that belongs to a request not yet answered.
  var waitingByteCount: Int { input.count }

  /// Begins a new connection, as if the one before had ended.
  func restart() {
    state = ConnectionState(token: ConnectionToken(slot: 0, generation: 0), peer: peer, loop)
    input.removeAll()
    output.removeAll()
    left = []
    againCount = 0
  }

  /// What the owner of the socket does about traces when the connection ends.
  func abandonTrace() { state.abandonTrace(&loop) }

  func receive(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { input.append(byte) }
    proceed()
  }

  func receive(_ text: String) { receive(Array(text.utf8)) }

  func endInput() {
    state.inputEnded()
    proceed()
  }

  func proceed() {
    while true {
      var consumed = 0
      let step = state.advance(&input, &consumed, &output, &loop)
      input.removeFirst(consumed)
      if step != .again { return }
      againCount += 1
      // The owner of the socket sends what there is before it comes back.
      left += output.bytes()
      output.removeAll()
    }
  }

  /// Lets time pass and looks at the deadline as the owner of the socket does.
  func wait(milliseconds: Int) -> ConnectionState.Step? {
    clock.advance(milliseconds: Int64(milliseconds))
    loop.refresh()
    guard state.deadline <= loop.now else { return nil }
    return state.expire(&output, &loop)
  }

  /// All of the last answer is with the kernel; true if our direction ends now.
  func outputSent() -> Bool { state.outputSent(lingerUntil: clock.monotonicNanoseconds() + 1_000_000_000) }

  /// Input that came after it.
  func discard(_ byteCount: Int, of maxByteCount: Int) -> ConnectionState.Step { state.discard(byteCount, of: maxByteCount) }

  func release() -> Bool {
    let isReleased = state.release(&output, &loop)
    if isReleased { proceed() }
    return isReleased
  }

  private func runPools() {
    for pool in [server.hashPool, server.diskPool] {
      while let work = pool.takeNext() { work.run(now: clock.monotonicNanoseconds()) }
    }
  }

  /// Does what pool workers and the mailbox do.
  func runJobs() {
    runPools()
    for work in mailbox.takeAll() {
      switch work {
      case .request(let job): state.complete(job, &output, &loop)
      case .body(let body): if state.complete(body, &output, &loop) == .close { cut() }
      }
    }
    proceed()
  }

  /// Does what the owner of the socket does once all output has been sent; false if the connection is to be closed.
  @discardableResult
  func pull() -> Bool {
    let step = state.pull(&output, &loop)
    if step == .close { cut() }
    if step == .again { proceed() }
    return step != .close
  }

  /// Does what closing the connection does; whether the peer is to see a reset is in `isReset`.
  func cut() {
    state.abandonWork()
    if state.cutStream(&loop) { isReset = true }
  }

  private(set) var isReset = false

  /// Runs what waits in the pools without telling the connection.
  func takeJobs() -> [Job] {
    runPools()
    return mailbox.takeAll().compactMap { work in if case .request(let job) = work { job } else { nil } }
  }

  func complete(_ job: Job) {
    state.complete(job, &output, &loop)
    proceed()
  }

  /// What would have been sent since the last call.
  func sent() -> [UInt8] {
    defer {
      left = []
      output.removeAll()
    }
    return left + output.bytes()
  }

  /// The answers that would have been sent since the last call.
  func answers(toHead: Bool = false) throws -> [Answer] {
    var bytes = sent()
    var answers: [Answer] = []
    while let answer = try Answer(taking: &bytes, toHead: toHead) { answers.append(answer) }
    guard bytes.isEmpty else { throw TestFailure("\(bytes.count) bytes after the last answer") }
    return answers
  }

  /// Routes with one of everything.
  static let routes: [Route] = [
    Route(.get, "/") { _, response throws(Problem) in response.text("root") },
    Route(.post, "/") { request, response throws(Problem) in
      response.contentType = .text
      request.withBody { response.body.append($0) }
    },
    Route(.post, "/api/v1/json", body: .json) { request, response throws(Problem) in
      let count = request.withBody { $0.count }
      response.json { json in json.integer(count) }
    },
    Route(.get, "/api/v1/users/{id}") { request, response throws(Problem) in
      response.caching = .revalidated
      response.contentType = .text
      request.withParameter(0) { response.body.append($0) }
    },
    Route(.post, "/hold/{position}") { request, response throws(Problem) in
      let position = UInt64(request.parameter(0)) ?? 0
      response.hold(until: LogPosition(batch: position))
      response.text("held")
      if request.header(.expect) != nil || request.withQuery({ $0.count }) > 0 {
        throw Problem(.conflict, code: "email_exists", title: "The address is taken")
      }
    },
    Route(.delete, "/none") { _, response throws(Problem) in response.status = .noContent },
    Route(.get, "/same") { _, response throws(Problem) in
      response.status = .notModified
      response.header("ETag", "\"r7\"")
    },
    Route(.get, "/fail") { _, _ throws(Problem) in
      var problem = Problem(
        .unprocessableContent, code: "validation_failed", title: "The request is not valid", detail: "1 field is invalid")
      problem.fieldErrors = [
        FieldError("#/password", code: "password_too_short", detail: "use at least 8 characters", bounds: [("min", 8)])
      ]
      problem.members = [("methods", .strings(["totp"])), ("expiresIn", .integer(300)), ("mfaToken", .string("x\"y"))]
      problem.headers = [("X-Evil", "a\r\nb")]
      problem.retryAfter = 3
      throw problem
    },
    Route(.post, "/hash", on: .hashPool) { request, response throws(Problem) in
      response.contentType = .text
      request.withBody { response.body.append($0) }
      if request.withQuery({ $0.count }) > 0 { throw .needsWorker }
    },
    Route(.get, "/disk", on: .diskPool) { _, response throws(Problem) in
      response.text("disk")
      response.hold(until: LogPosition(batch: 9))
    },
    Route(.get, "/again") { request, response throws(Problem) in
      guard request.mayWait else { throw .needsWorker }
      response.text("second")
    },
    Route(.get, "/never") { _, _ throws(Problem) in throw .needsWorker },
  ]
}
