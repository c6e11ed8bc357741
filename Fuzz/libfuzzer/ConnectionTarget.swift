// A whole connection without a socket: the same answers wherever its bytes are cut, and those that a plain reader of requests expects.

import Codecs
@testable import HTTP
import PlainReaders
import Platform
import Synchronization

/// All that a client sends before it ends its direction.
@Sendable func judgeConnection(_ bytes: [UInt8]) -> String? {
  let plain = PlainConnection(bytes)
  func complaint(_ pieces: [ArraySlice<UInt8>]) -> String? {
    let statuses = statuses(of: pieces)
    let answers = statuses.prefix(plain.statuses.count)
    let refusals = statuses.dropFirst(plain.statuses.count)
    if plain.endsInChoice {
      return Array(answers) == plain.statuses ? nil : "\(statuses) to \(bytes.shown), not \(plain.statuses)"
    }
    // Which refusal it is may depend on the cut: the end may come before the fault was looked at.
    let isRefused = refusals.count == 1 && refusals.allSatisfy { [400, 413, 414, 417, 431, 501, 505].contains($0) }
    if Array(answers) == plain.statuses && (plain.endsInRefusal ? isRefused : refusals.isEmpty) { return nil }
    return "\(statuses) to \(bytes.shown) in \(pieces.count) pieces, the first of \(pieces.first?.count ?? 0) bytes; "
      + "the plain reader says \(plain.statuses)\(plain.endsInRefusal ? " and a refusal" : "")"
  }
  if let complaint = complaint([bytes[...]]) { return complaint }
  for cut in bytes.cuts { if let complaint = complaint([bytes[..<cut], bytes[cut...]]) { return complaint } }
  return bytes.count <= 256 ? complaint(bytes.indices.map { bytes[$0...$0] }) : nil
}

/// What a connection answers to bytes that arrive in these pieces; `100 Continue` is no answer.
private func statuses(of pieces: [ArraySlice<UInt8>]) -> [Int] {
  told.withLock { $0.removeAll() }
  var loop: LoopContext
  do throws(Errno) { loop = try LoopContext(server, mailbox: mailbox) } catch {
    preconditionFailure("no memory for counts: \(error)")
  }
  var state = ConnectionState(token: ConnectionToken(slot: 0, generation: 0), peer: PeerState(), loop)
  var input = ByteBuffer()
  var output = ByteBuffer()
  func proceed() {
    var step = ConnectionState.Step.again
    while step == .again {
      var consumed = 0
      step = state.advance(&input, &consumed, &output, &loop)
      input.removeFirst(consumed)
      // Who reads at once leaves nothing waiting.
      output.removeAll()
    }
  }
  for piece in pieces {
    input.append(Array(piece).span)
    proceed()
  }
  state.inputEnded()
  proceed()
  precondition(state.phase == .finishing, "the client has ended, and the connection is \(state.phase)")
  return told.withLock { $0 }
}

/// The same by the slow way: head after head, body after body.
private struct PlainConnection {
  var statuses: [Int] = []
  var endsInRefusal = false
  /// A client that waits to be told to go on is told the answer at once if it is a bad one, and then the connection ends; one that does not wait gets
  /// it after its body. What follows is left open.
  var endsInChoice = false

  init(_ bytes: [UInt8]) {
    let limits = HTTPLimits()
    var rest = bytes
    while !rest.isEmpty {
      guard case .whole(let head, let end) = PlainHead.read(rest, limits) else {
        endsInRefusal = true
        return
      }
      rest = Array(rest.dropFirst(end))
      if head.expectsContinue, head.framing != .none, Self.status(head) >= 300 {
        endsInChoice = true
        return
      }
      var isTooLarge = false
      switch head.framing {
      case .none: break
      case .length(let count):
        isTooLarge = count > limits.maxBodyByteCount
        if !isTooLarge, rest.count < count {
          endsInRefusal = true
          return
        }
        rest = Array(rest.dropFirst(isTooLarge ? 0 : count))
      case .chunked:
        guard case .whole(_, let end) = PlainChunks.read(rest, maxByteCount: limits.maxBodyByteCount, limits) else {
          endsInRefusal = true
          return
        }
        rest = Array(rest.dropFirst(end))
      }
      statuses.append(isTooLarge ? 413 : Self.status(head))
      if isTooLarge || !head.isPersistent { return }
    }
  }

  private static func status(_ head: PlainHead) -> Int {
    guard let method = head.method else { return 501 }
    if head.isAsterisk { return 204 }
    let path = String(decoding: head.path, as: UTF8.self)
    if path != "/" && !path.isEmpty { return 404 }
    return switch method {
    case .get, .head, .post: 200
    case .options: 204
    case .put, .patch, .delete: 405
    }
  }
}

/// The statuses of the answers of the connection that is played.
private let told = Mutex<[Int]>([])

/// One path that answers the body that it gets, and a clock that stands still.
private let server: ServerState = {
  let routes = [
    Route(.get, "/") { _, response throws(Problem) in response.text("root") },
    Route(.post, "/") { request, response throws(Problem) in request.withBody { response.body.append($0) } },
  ]
  do throws(ServerError) {
    return try ServerState(
      options: ServerOptions(listeners: []), routes: routes, durability: DurabilitySignal(), clock: StandingClock(),
      random: .system,
      access: { entry in
        let status = entry.status.code
        told.withLock { $0.append(status) }
      })
  } catch {
    fatalError("\(error)")
  }
}()

private let mailbox: Mailbox = {
  do throws(Errno) { return try Mailbox() } catch { fatalError("\(error)") }
}()

private struct StandingClock: Clock {
  func monotonicNanoseconds() -> UInt64 { 1_000_000_000 }
  func wallMilliseconds() -> Int64 { 1_777_636_801_000 }
}
