// A client's end of a connection: bytes that the network still has, and what must come back for them.

import Platform

/// What a client expects for one of its requests.
struct Expectation {
  enum Kind {
    /// A request about an address.
    case verb(house: Int, number: Int, House.Verb)
    /// Something that must be refused, in one of these ways, and has no effect.
    case refusal([Int])
    /// A request that is well but nobody judges what it says.
    case status([Int])
  }

  let kind: Kind
  /// The name that the request gave itself; nil where the server must give one.
  let marker: String?
  /// Whether the answer must be the last one.
  var ends = false
  /// Bytes of the request that have not left the client.
  var unsentByteCount: Int
  /// The request was sent while there was no room, or there was none later.
  var metFullDisk = false
  var isRead = false
}

/// One connection of a client. What was sent and what came moves in pieces, when the world says so.
final class Wire {
  let socket: Socket
  let isAdministrator: Bool
  /// Requests whose answers have not come, oldest first.
  var expected: [Expectation] = []
  private(set) var outbox: [UInt8] = []
  private var inbox: [UInt8] = []
  /// The client has ended its direction, or will with the last byte that it still has.
  var endsDirection = false
  private(set) var hasEndedDirection = false
  /// The connection may end at any time, because of what the client did or how long it took.
  var mayEnd = false
  /// The last answer said that it is the last.
  private(set) var isLastAnswered = false
  private(set) var isOver = false

  init(to path: String, isAdministrator: Bool) throws(Errno) {
    socket = try Socket.connect(toPath: path)
    self.isAdministrator = isAdministrator
  }

  /// Whether another request can be sent.
  var takesRequests: Bool { !isOver && !endsDirection && !isLastAnswered && !(expected.last?.ends ?? false) }

  var unsentByteCount: Int { outbox.count }

  func queue(_ bytes: [UInt8], _ kind: Expectation.Kind, marker: String?, ends: Bool = false, isRead: Bool = false) {
    outbox += bytes
    expected.append(
      Expectation(kind: kind, marker: marker, ends: ends, unsentByteCount: bytes.count, isRead: isRead))
  }

  /// Lets up to so many bytes through; calls `sent` for each request whose last byte was among them.
  func push(_ limit: Int, _ sent: (Expectation) -> Void) {
    var count = min(limit, outbox.count)
    if count > 0 {
      do throws(Errno) {
        switch try socket.send(outbox.span.extracting(0..<count)) {
        case .bytes(let taken): count = taken
        case .wouldBlock, .end: count = 0
        }
      } catch {
        // The server has closed: nothing more gets through, and what it sent is still to be read.
        outbox = []
        mayEnd = mayEnd || isLastAnswered
        return
      }
      outbox.removeFirst(count)
      for place in expected.indices where count > 0 && expected[place].unsentByteCount > 0 {
        let part = min(count, expected[place].unsentByteCount)
        expected[place].unsentByteCount -= part
        count -= part
        if expected[place].unsentByteCount == 0 { sent(expected[place]) }
      }
    }
    if outbox.isEmpty, endsDirection, !hasEndedDirection {
      hasEndedDirection = true
      do throws(Errno) { try socket.shutdownSending() } catch { return }
    }
  }

  /// Takes up to so many bytes of what came. False once nothing is left to come.
  func pull(_ limit: Int) -> Bool {
    if isOver { return false }
    var bytes = [UInt8](repeating: 0, count: limit)
    do throws(Errno) {
      var span = bytes.mutableSpan
      switch try socket.receive(into: &span) {
      case .bytes(let count): inbox += bytes[..<count]
      case .wouldBlock: break
      case .end: isOver = true
      }
    } catch { isOver = true }
    return !isOver
  }

  /// The next answer among the bytes that came; nil if none is whole.
  func next() throws(Complaint) -> WireAnswer? {
    while true {
      if inbox.isEmpty { return nil }
      switch WireAnswer.read(inbox[...]) {
      case .more: return nil
      case .wrong(let what): throw Complaint("\(what), in \(shown(Array(inbox.prefix(400))))")
      case .answer(let answer, let count):
        inbox.removeFirst(count)
        if answer.status == 100 { continue }
        if isLastAnswered { throw Complaint("an answer behind the last one: \(answer.status)") }
        isLastAnswered = answer.closes
        return answer
      }
    }
  }

  var hasPart: Bool { !inbox.isEmpty }
}
