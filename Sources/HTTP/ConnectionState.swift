// The protocol side of one connection: bytes in, bytes out, no socket.

import Codecs
import Platform

/// Decides what happens on a connection. It knows no descriptor and no clock but `LoopContext.now`.
///
///     open --request for a pool--> working --answer--> open
///     open --answer that must wait for the disk--> held --durable or lost--> open
///     open, working, held --answer with a streamed body--> streaming --its last byte--> open
///     open, working, held, streaming --last answer--> finishing --all of it sent--> lingering --the peer ends, or enough--> closed
///
/// Answers leave in the order of the requests because nothing is looked at while one is working or held.
struct ConnectionState: ~Copyable {
  enum Phase: Equatable, Sendable {
    case open, working, held, streaming, finishing, lingering, closed
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
  /// The current answer, while its body is made.
  var streamed: StreamedAnswer?
  /// The current request, while a worker has it.
  var working: Exchange?
  /// That worker's copy of it.
  var job: Job?
  var workingPath: [UInt8] = []
  var lastTicket: UInt32 = 0
  /// How many bytes of the next request must be there before another look at it is worth it.
  var wantedByteCount = 1
  /// How many bytes of the next request were searched for the end of its head.
  private var searchedByteCount = 0
  var stage = Stage.idle
  /// The chunked body of the next request, from the acceptance of its head on.
  var chunks: ChunkedBody?
  var discardedByteCount = 0

  enum Stage {
    /// No byte of the next request is there. `.fresh` before the first request, when silence is not worth an answer.
    case fresh, idle
    case head
    /// The head was accepted, the body is not whole.
    case body
  }

  init(token: ConnectionToken, peer: PeerState, _ loop: borrowing LoopContext) {
    self.token = token
    self.peer = peer
    stage = .fresh
    deadline = loop.after(milliseconds: loop.limits.headerTimeoutMilliseconds)
  }

  /// Whether it neither has nor waits for anything but a next request.
  var isIdle: Bool { phase == .open && (stage == .idle || stage == .fresh) }

  /// Whether it makes an answer, so that nobody would notice a peer that is gone.
  var isBusy: Bool { phase == .working || phase == .held || phase == .streaming }

  /// Whether more input would be looked at now.
  var wantsInput: Bool { !hasInputEnded && (phase == .open || phase == .lingering) }

  /// How much to read at once when `count` bytes of input are there already.
  ///
  /// A body of known length is read in as few pieces as there can be. One in chunks is read in pieces that grow with what came, so that
  /// nobody gets more memory for announcing it.
  func readByteCount(having count: Int) -> Int {
    guard let chunks else { return min(max(wantedByteCount - count, Self.minReadByteCount), Self.maxReadByteCount) }
    let reach = min(count, chunks.remainingByteCount + Self.minReadByteCount)
    return min(max(reach, Self.minReadByteCount), Self.maxReadByteCount)
  }

  static let minReadByteCount = 4 * 1024
  static let maxReadByteCount = 64 * 1024

  /// Goes through the input from `consumed` on, appends answers to `output`, and moves `consumed` behind what it is done with.
  mutating func advance(
    _ input: inout ByteBuffer, _ consumed: inout Int, _ output: inout ByteBuffer, _ loop: inout LoopContext
  ) -> Step {
    // A request owns the bytes it lies in while it is looked at.
    swap(&loop.request.bytes, &input)
    loop.request.base = consumed
    let step = advance(&output, &loop)
    consumed = loop.request.base
    swap(&loop.request.bytes, &input)
    return step
  }

  private mutating func advance(_ output: inout ByteBuffer, _ loop: inout LoopContext) -> Step {
    var lookCount = 0
    while phase == .open {
      let available = loop.request.bytes.count &- loop.request.base
      if available < wantedByteCount || !isWorthParsing(loop.request) {
        return hasInputEnded ? endOfInput(available, &output, &loop) : waitForMore(available, loop)
      }
      if lookCount >= loop.limits.maxPipelineDepth || output.count >= loop.limits.maxUnsentByteCount { return .again }
      if chunks != nil, !decodeChunks(&loop) { continue }
      lookCount &+= 1
      do throws(Refusal) {
        if try loop.parseHead() {
          takeRequest(available, &output, &loop)
        } else {
          // Looking again pays once the head may be whole, or so much has come that the effort stays in proportion.
          searchedByteCount = available
          wantedByteCount = available &+ 1
          enter(.head, loop)
        }
      } catch {
        refuse(error.problem(loop.limits), &output, &loop)
      }
    }
    return phase == .closed ? .close : .wait
  }

  /// Whether bytes that did not make a whole head before may do so now.
  private mutating func isWorthParsing(_ request: borrowing Request) -> Bool {
    if stage != .head { return true }
    let available = request.bytes.count &- request.base
    if available >= 2 &* searchedByteCount { return true }
    let start = request.base &+ max(0, wantedByteCount &- 3)
    let isEnded = request.bytes.withSpan { bytes in
      var index = start
      while let lineFeed = bytes.firstIndex(of: 0x0a, from: index) {
        index = lineFeed &+ 1
        if index < bytes.count, bytes[index] == 0x0d || bytes[index] == 0x0a { return true }
      }
      return false
    }
    if !isEnded { wantedByteCount = available &+ 1 }
    return isEnded
  }

  private mutating func waitForMore(_ available: Int, _ loop: borrowing LoopContext) -> Step {
    if available == 0 && stage != .fresh { enter(.idle, loop) }
    return .wait
  }

  /// The peer has sent all it will: what is there of a request will never be whole.
  private mutating func endOfInput(_ available: Int, _ output: inout ByteBuffer, _ loop: inout LoopContext) -> Step {
    if available == 0 && stage != .body {
      phase = .finishing
    } else {
      refuse(.endedEarly, &output, &loop)
    }
    return .wait
  }

  mutating func enter(_ next: Stage, _ loop: borrowing LoopContext) {
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

  /// The head in `loop.request.head` is accepted: answers the request if all of it is among the `available` bytes.
  private mutating func takeRequest(_ available: Int, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    loop.beginExchange(peer)
    switch loop.request.head.framing {
    case .none: take(bodyByteCount: 0, rawByteCount: loop.request.head.byteCount, available, &output, &loop)
    case .length(let count): takeSized(count, available, &output, &loop)
    case .chunked: takeChunked(available, &output, &loop)
    }
  }

  private mutating func takeSized(_ length: Int, _ available: Int, _ output: inout ByteBuffer, _ loop: inout LoopContext) {
    let limit = loop.maxBodyByteCount
    if length > limit { return refuseBody(.bodyTooLarge(limit: limit), &output, &loop) }
    let headByteCount = loop.request.head.byteCount
    let total = headByteCount &+ length
    if available < total {
      if loop.request.head.expectsContinue, available == headByteCount, stage != .body {
        // The client waits for a word before it sends the body: either the go-ahead or the answer itself.
        if let problem = loop.judge(bodyByteCount: length) { return refuseBody(problem, &output, &loop) }
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
      }
      wantedByteCount = total
      return enter(.body, loop)
    }
    take(bodyByteCount: length, rawByteCount: total, available, &output, &loop)
  }

  /// The request is whole: its body lies behind its head, and what follows begins `rawByteCount` bytes after its first.
  mutating func take(
    bodyByteCount: Int, rawByteCount: Int, _ available: Int, _ output: inout ByteBuffer, _ loop: inout LoopContext
  ) {
    stage = .idle
    wantedByteCount = 1
    searchedByteCount = 0
    if hasInputEnded && available == rawByteCount { loop.request.exchange.keepsAlive = false }
    let headByteCount = loop.request.head.byteCount
    loop.request.body = BytePlace(headByteCount, headByteCount &+ bodyByteCount)
    answer(&output, &loop)
    loop.request.base &+= rawByteCount
  }
}
