// Talks to a running server over the socket in its data folder.

import Codecs
import HTTP
import Platform

/// One request to the server that runs on a data folder.
struct AdminSocket: Sendable {
  private static let maxAnswerByteCount = 4 << 20

  let path: String
  /// How long a server may take to answer: a password hash behind a full queue, and a flush.
  var maxWaitMilliseconds: Int32 = 30_000

  struct Answer: Sendable {
    let status: Int
    let body: [UInt8]
  }

  /// Whether a server listens.
  ///
  /// - Throws: exit code 75 if it cannot be told, 77 if it may not be asked.
  func isListening() throws(CommandError) -> Bool {
    if let socket = try connect() {
      _ = consume socket
      return true
    }
    return false
  }

  /// Sends a JSON body and returns the answer; nil if no server listens.
  ///
  /// - Throws: exit code 75 if a server listens but does not answer, 77 if it may not be asked.
  func post(_ target: String, _ json: consuming ByteBuffer = ByteBuffer(capacity: 0)) throws(CommandError) -> Answer? {
    try ask("POST", target, json)
  }

  /// The same for what is only looked at.
  func get(_ target: String) throws(CommandError) -> Answer? { try ask("GET", target) }

  /// The same for what is to go.
  func delete(_ target: String) throws(CommandError) -> Answer? { try ask("DELETE", target) }

  /// The same with any method.
  func ask(
    _ method: StaticString, _ target: String, _ json: consuming ByteBuffer = ByteBuffer(capacity: 0)
  ) throws(CommandError) -> Answer? {
    guard let socket = try connect() else { return nil }
    var request = ByteBuffer(capacity: 256 + json.count)
    request.append(method)
    request.append(" ")
    request.append(utf8: target)
    request.append(" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
    // Whoever sits at the command line means what is there.
    if "\(method)" == "PUT" { request.append("If-Match: *\r\n") }
    if json.count > 0 {
      request.append("Content-Type: application/json\r\nContent-Length: ")
      request.append(decimal: json.count)
      request.append("\r\n")
    } else {
      request.append("Content-Length: 0\r\n")
    }
    request.append("\r\n")
    json.withSpan { request.append($0) }
    let answer: [UInt8]
    do throws(Errno) {
      try send(request, to: socket)
      answer = try receive(from: socket)
    } catch {
      throw .failed("the server at \(visible(path)) does not answer: \(error)", .temporary)
    }
    guard let parsed = Self.parse(answer) else {
      throw .failed("the server at \(visible(path)) gave no whole answer", .temporary)
    }
    return parsed
  }

  /// A connection; nil if no server listens.
  private func connect() throws(CommandError) -> Socket? {
    do throws(Errno) {
      return try Socket.connect(toPath: path)
    } catch {
      switch error.kind {
      case .missing: return nil
      case .failure where error == .connectionRefused: return nil
      case .denied: throw .failed("may not speak to the server through \(visible(path)): \(error)", .permission)
      case .retry, .wouldBlock, .peerGone, .noSpace, .exhausted, .failure:
        throw .failed("cannot reach the server through \(visible(path)): \(error)", .temporary)
      }
    }
  }

  private func send(_ request: borrowing ByteBuffer, to socket: borrowing Socket) throws(Errno) {
    try request.withSpan { bytes throws(Errno) in
      var sent = 0
      while sent < bytes.count {
        switch try socket.send(bytes.extracting(sent..<bytes.count)) {
        case .bytes(let count): sent += count
        case .wouldBlock:
          guard try socket.waitUntilWritable(milliseconds: maxWaitMilliseconds) else { throw .again }
        case .end: throw .brokenPipe
        }
      }
    }
  }

  private func receive(from socket: borrowing Socket) throws(Errno) -> [UInt8] {
    var answer = ByteBuffer(capacity: 4096)
    while answer.count < Self.maxAnswerByteCount {
      var isAtEnd = false
      guard try socket.waitUntilReadable(milliseconds: maxWaitMilliseconds) else { throw .again }
      try answer.append(upTo: 4096) { room throws(Errno) in
        switch try socket.receive(into: &room) {
        case .bytes(let count): return count
        case .wouldBlock: return 0
        case .end:
          isAtEnd = true
          return 0
        }
      }
      if isAtEnd { break }
    }
    return answer.bytes()
  }

  /// Status and body of one response; nil unless it is whole.
  private static func parse(_ bytes: [UInt8]) -> Answer? {
    let ends = stride(from: 0, to: bytes.count - 3, by: 1).first { bytes[$0...].starts(with: [13, 10, 13, 10]) }
    guard let end = ends else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = decimal(String(first.dropFirst(9).prefix(3))) else {
      return nil
    }
    let body = Array(bytes[(end + 4)...])
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
      guard decimal(String(parts[1].drop { $0 == " " })) == body.count else { return nil }
    }
    return Answer(status: status, body: body)
  }
}
