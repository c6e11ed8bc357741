// The protocol side of one connection: bytes in, bytes out, no socket.

import Codecs
import Platform

/// Decides what happens on a connection. It knows no descriptor and no clock but `LoopContext.now`.
///
///     open --request for a pool--> working --answer--> open
///     open --answer that must wait for the disk--> held --durable or lost--> open
///     open, working, held --last answer--> finishing --all of it sent--> lingering --the peer ends, or enough--> closed
///
/// Answers leave in the order of the requests because nothing is looked at while one is working or held.
struct ConnectionState: ~Copyable {
  enum Phase: Equatable, Sendable {
    case open, working, held, finishing, lingering, closed
  }

  /// What the owner of the socket does next.
  enum Step: Equatable, Sendable {
    /// Send what there is, then wait for input, a worker or the disk.
    case wait
    /// Send what there is, then come back: there may be more to do with the input at hand.
    case again
    /// Nothing more is to be sent or read.
    case close
  }

  var phase = Phase.open
  let token: ConnectionToken
  var peer: PeerState
  /// When the owner must call `expire`, unless output is waiting to be sent.
  var deadline: UInt64
  var held: HeldAnswer?
  /// The peer sends no more.
  var hasInputEnded = false
  /// The current request, while a worker has it.
  var working: Exchange?
  var workingPath: [UInt8] = []
  var lastTicket: UInt32 = 0
  /// How many bytes of the next request must be there before another look at it is worth it.
  private var wantedByteCount = 1
  /// How many bytes of the next request were searched for the end of its head.
  private var searchedByteCount = 0
  var stage = Stage.idle
  var discardedByteCount = 0

  enum Stage {
    /// No byte of the next request is there. `.fresh` before the first request, when silence is not worth an answer.
    case fresh, idle
    case head
    /// The head was accepted, the body is not whole.
    case body
  }

  init(token: ConnectionToken, peer: PeerState, _ loop: LoopContext) {
    self.token = token
    self.peer = peer
    stage = .fresh
    deadline = loop.after(milliseconds: loop.limits.headerTimeoutMilliseconds)
  }

  /// Whether it neither has nor waits for anything but a next request.
  var isIdle: Bool { phase == .open && (stage == .idle || stage == .fresh) }

  /// Whether more input would be looked at now.
  var wantsInput: Bool { !hasInputEnded && (phase == .open || phase == .lingering) }

  /// How much to read at once when `count` bytes of input are there already.
  func readByteCount(having count: Int) -> Int { min(max(wantedByteCount - count, 4096), 64 * 1024) }

  /// Goes through the input from `consumed` on, appends answers to `output`, and moves `consumed` behind what it is done with.
  mutating func advance(
    _ input: inout ByteBuffer, _ consumed: inout Int, _ output: inout ByteBuffer, _ loop: LoopContext
  ) -> Step {
    var answeredCount = 0
    while phase == .open {
      let available = input.count &- consumed
      if available < wantedByteCount || !isWorthParsing(input, consumed) {
        return hasInputEnded ? endOfInput(available, &output, loop) : waitForMore(available, loop)
      }
      if answeredCount >= loop.limits.maxPipelineDepth || output.count >= loop.limits.maxUnsentByteCount { return .again }
      let isWhole: Bool
      do throws(Refusal) {
        isWhole = try input.withSpan { bytes throws(Refusal) in
          try loop.parser.parse(bytes.extracting(consumed..<bytes.count), into: &loop.request.head)
        }
      } catch {
        refuse(error.problem(loop.limits), &output, loop)
        return .wait
      }
      if isWhole {
        takeRequest(&input, &consumed, &output, loop)
      } else {
        // Looking again pays once the head may be whole, or so much has come that the effort stays in proportion.
        searchedByteCount = available
        wantedByteCount = available &+ 1
        enter(.head, loop)
      }
      answeredCount &+= 1
    }
    return phase == .closed ? .close : .wait
  }

  /// Whether bytes that did not make a whole head before may do so now.
  private mutating func isWorthParsing(_ input: borrowing ByteBuffer, _ consumed: Int) -> Bool {
    if stage != .head { return true }
    let available = input.count &- consumed
    if available >= 2 &* searchedByteCount { return true }
    let isEnded = input.withSpan { bytes in
      var index = consumed &+ max(0, wantedByteCount &- 3)
      while let lineFeed = bytes.firstIndex(of: 0x0a, from: index) {
        index = lineFeed &+ 1
        if index < bytes.count, bytes[index] == 0x0d || bytes[index] == 0x0a { return true }
      }
      return false
    }
    if !isEnded { wantedByteCount = available &+ 1 }
    return isEnded
  }

  private mutating func waitForMore(_ available: Int, _ loop: LoopContext) -> Step {
    if available == 0 && stage != .fresh { enter(.idle, loop) }
    return .wait
  }

  /// The peer has sent all it will: what is there of a request will never be whole.
  private mutating func endOfInput(_ available: Int, _ output: inout ByteBuffer, _ loop: LoopContext) -> Step {
    if available == 0 && stage != .body {
      phase = .finishing
    } else {
      refuse(.endedEarly, &output, loop)
    }
    return .wait
  }

  private mutating func enter(_ next: Stage, _ loop: LoopContext) {
    if stage == next { return }
    switch next {
    case .fresh: break
    case .idle: deadline = loop.after(milliseconds: loop.limits.idleTimeoutMilliseconds)
    case .head where stage == .fresh: break
    case .head: deadline = loop.after(milliseconds: loop.limits.headerTimeoutMilliseconds)
    case .body: deadline = loop.after(milliseconds: loop.limits.bodyTimeoutMilliseconds)
    }
    stage = next
  }

  /// The head in `loop.request.head` is accepted: answers the request if all of it is there.
  private mutating func takeRequest(
    _ input: inout ByteBuffer, _ consumed: inout Int, _ output: inout ByteBuffer, _ loop: LoopContext
  ) {
    let available = input.count &- consumed
    let start = consumed
    var exchange = input.withSpan { loop.identify($0.extracting(start..<$0.count)) }
    let length: Int
    switch loop.request.head.framing {
    case .none: length = 0
    case .length(let count): length = count
    case .chunked: return refuse(.lengthRequired, exchange, input, start, &output, loop)
    }
    let limit = loop.route(of: exchange).flatMap { loop.server.routes[$0].body.maxByteCount } ?? loop.limits.maxBodyByteCount
    if length > limit { return refuse(.bodyTooLarge(limit: limit), exchange, input, start, &output, loop) }
    let headByteCount = loop.request.head.byteCount
    let total = headByteCount &+ length
    if available < total {
      if loop.request.head.expectsContinue, available == headByteCount, stage != .body {
        // The client waits for a word before it sends the body: either the go-ahead or the answer itself.
        let problem = input.withSpan { loop.judge($0.extracting(start..<$0.count), exchange, bodyByteCount: length) }
        if let problem { return refuse(problem, exchange, input, start, &output, loop) }
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
      }
      wantedByteCount = total
      return enter(.body, loop)
    }
    consumed &+= total
    stage = .idle
    wantedByteCount = 1
    searchedByteCount = 0
    deadline = loop.after(milliseconds: loop.limits.idleTimeoutMilliseconds)
    if hasInputEnded && consumed == input.count { exchange.keepsAlive = false }
    // The request owns its bytes while a handler looks at them.
    swap(&loop.request.bytes, &input)
    loop.request.base = start
    loop.request.body = BytePlace(headByteCount, total)
    answer(exchange, &output, loop)
    swap(&loop.request.bytes, &input)
  }
}
