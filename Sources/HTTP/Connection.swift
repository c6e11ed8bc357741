// A connection of a loop: the socket, what its protocol decided, and the bytes in between.

import Codecs
import Platform

/// Confined to the thread of its loop. An idle connection has no buffers: it borrows the loop's while it is served and keeps only what is left over.
final class Connection {
  let socket: Socket
  var state: ConnectionState
  /// The beginning of a request that is not whole, or requests that wait for their turn.
  var input: ByteBuffer?
  /// Answers that the kernel had no room for, from `sentByteCount` on.
  var output: ByteBuffer?
  var sentByteCount = 0
  /// Reported readable and not yet read to the end; epoll tells each change once.
  var isReadable = false
  /// epoll has told that the peer sends no more: the readings go on until they meet the end.
  var sawEnd = false
  /// The input holds requests that were left for the next turn.
  var hasMoreToDo = false
  /// In the loop's list of connections that want another turn.
  var isQueued = false
  /// In the loop's list of connections whose answer waits for the disk.
  var isHeld = false
  private var writeDeadline: UInt64 = .max

  init(_ socket: consuming Socket, _ state: consuming ConnectionState) {
    self.socket = socket
    self.state = state
  }

  /// When something must happen on this connection.
  var deadline: UInt64 { output == nil ? state.deadline : writeDeadline }

  /// Reads once. What there is goes behind `input`; whether there may be more is in `isReadable`.
  func receive(into input: inout ByteBuffer, upTo maxCount: Int) throws(Errno) {
    Self.makeRoom(in: &input, for: maxCount)
    try input.append(upTo: maxCount) { room throws(Errno) in
      switch try socket.receive(into: &room) {
      case .bytes(let count):
        // Less than asked for means that all is read. The end of the stream is a reading of its own.
        if count < room.count { isReadable = sawEnd }
        return count
      case .wouldBlock:
        isReadable = false
        return 0
      case .end:
        isReadable = false
        state.inputEnded()
        return 0
      }
    }
  }

  /// A head is read into as little memory as it needs: doubling what is there would take a slow one beyond the 32 KiB that it may cost.
  static func makeRoom(in input: inout ByteBuffer, for count: Int) {
    if input.count + count <= 32 * 1024 { input.reserve(exactly: count) } else { input.reserve(count) }
  }

  /// Sends `bytes`, and keeps what the kernel does not take. Nothing else may be waiting to be sent.
  ///
  /// - Parameter deadline: when it must be through.
  func send(_ bytes: borrowing ByteBuffer, by deadline: UInt64) throws(Errno) {
    try bytes.withSpan { span throws(Errno) in
      let sent = try sendSome(span)
      if sent == span.count { return }
      var rest = ByteBuffer(capacity: span.count - sent)
      rest.append(span.extracting(sent..<span.count))
      output = consume rest
      sentByteCount = 0
      writeDeadline = deadline
    }
  }

  /// Sends more of what was kept; true once nothing is left.
  ///
  /// - Parameter deadline: when the rest must be through, if some of it was taken now.
  func sendRest(by deadline: UInt64) throws(Errno) -> Bool {
    guard let waiting = output.take() else { return true }
    let start = sentByteCount
    let sent = try waiting.withSpan { span throws(Errno) in try sendSome(span.extracting(start..<span.count)) }
    if start + sent == waiting.count { return true }
    if sent > 0 { writeDeadline = deadline }
    sentByteCount = start + sent
    output = consume waiting
    return false
  }

  private func sendSome(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    switch try socket.send(bytes) {
    case .bytes(let count): count
    case .wouldBlock, .end: 0
    }
  }
}
