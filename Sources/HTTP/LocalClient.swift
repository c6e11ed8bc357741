// One request to a service on this machine, within bounds of time and answer.

import Codecs
package import Platform

/// Posts to an endpoint, on a thread that may wait. A connection lives for one request, and nothing is followed.
package struct LocalClient: Sendable {
  package let endpoint: LocalEndpoint
  /// From the first packet to the status of the answer.
  package var milliseconds = 10_000

  /// What is read of an answer at most; its status comes first.
  static let maxAnswerByteCount = 8192
  /// How often a wait looks whether it is still wanted.
  private static let glanceMilliseconds: Int32 = 50

  package init(_ endpoint: LocalEndpoint) { self.endpoint = endpoint }

  /// Asks for the endpoint's target and returns what came back.
  package func get(clock: any Clock) throws(LocalClientError) -> LocalAnswer {
    let head = Array(
      "GET \(endpoint.target) HTTP/1.1\r\nHost: \(endpoint.host)\r\nConnection: close\r\nUser-Agent: userd\r\n\r\n".utf8)
    return try ask(head.span, [UInt8]().span, clock, { true })
  }

  /// Sends one body of JSON and returns what came back.
  ///
  /// - Parameters:
  ///   - fields: further header fields, whose names and values the caller has made.
  ///   - isWanted: asked some times a second; false gives up.
  package func post(
    json body: Span<UInt8>, _ fields: [(name: StaticString, value: String)] = [], clock: any Clock,
    while isWanted: () -> Bool = { true }
  ) throws(LocalClientError) -> LocalAnswer {
    let head = head(fields, byteCount: body.count)
    return try ask(head.span, body, clock, isWanted)
  }

  private func ask(
    _ head: Span<UInt8>, _ body: Span<UInt8>, _ clock: any Clock, _ isWanted: () -> Bool
  ) throws(LocalClientError) -> LocalAnswer {
    let deadline = clock.monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
    func mayGoOn() -> Bool { isWanted() && clock.monotonicNanoseconds() < deadline }
    let socket = try Self.calling { () throws(Errno) in try Socket.connect(to: endpoint.address) }
    while true {
      guard mayGoOn() else { throw .timedOut }
      let isWritable = try Self.calling { () throws(Errno) in
        try socket.waitUntilWritable(milliseconds: Self.glanceMilliseconds)
      }
      if isWritable { break }
    }
    if let error = try Self.calling({ () throws(Errno) in try socket.pendingError() }) { throw .failed(error) }
    try Self.send(head, on: socket, mayGoOn)
    try Self.send(body, on: socket, mayGoOn)
    return try Self.answer(from: socket, mayGoOn)
  }

  private func head(_ fields: [(name: StaticString, value: String)], byteCount: Int) -> [UInt8] {
    var text = "POST \(endpoint.target) HTTP/1.1\r\nHost: \(endpoint.host)\r\nContent-Type: application/json\r\n"
    text += "Content-Length: \(byteCount)\r\nConnection: close\r\nUser-Agent: userd\r\n"
    for (name, value) in fields { text += "\(name): \(value)\r\n" }
    return Array((text + "\r\n").utf8)
  }

  private static func calling<Value: ~Copyable>(_ call: () throws(Errno) -> Value) throws(LocalClientError) -> Value {
    do throws(Errno) { return try call() } catch { throw .failed(error) }
  }

  private static func send(_ bytes: Span<UInt8>, on socket: borrowing Socket, _ mayGoOn: () -> Bool) throws(LocalClientError) {
    var sent = 0
    while sent < bytes.count {
      let rest = bytes.extracting(sent...)
      switch try calling({ () throws(Errno) in try socket.send(rest) }) {
      case .bytes(let count): sent += count
      case .wouldBlock, .end:
        guard mayGoOn() else { throw .timedOut }
        _ = try calling { () throws(Errno) in try socket.waitUntilWritable(milliseconds: glanceMilliseconds) }
      }
    }
  }

  /// Reads until the status is known, and for one that may say when to come again until its header section has ended or nothing more comes.
  private static func answer(from socket: borrowing Socket, _ mayGoOn: () -> Bool) throws(LocalClientError) -> LocalAnswer {
    var answer: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1024)
    var status: (code: Int, start: Int)?
    while answer.count < maxAnswerByteCount {
      guard mayGoOn() else {
        if let status { return LocalAnswer(status: status.code) }
        throw .timedOut
      }
      guard try calling({ () throws(Errno) in try socket.waitUntilReadable(milliseconds: glanceMilliseconds) }) else { continue }
      var room = piece.mutableSpan
      let received: Socket.Transfer
      do throws(Errno) { received = try socket.receive(into: &room) } catch {
        // A status that is known is not lost with the connection.
        if let status { return LocalAnswer(status: status.code) }
        throw .failed(error)
      }
      switch received {
      case .bytes(let count): answer += piece[..<count]
      case .wouldBlock: continue
      case .end:
        if let status { return LocalAnswer(status: status.code) }
        throw .notHTTP
      }
      if status == nil { status = try finalStatus(of: answer.span) }
      guard let (code, start) = status else { continue }
      guard code == 429 || code == 503 else { return LocalAnswer(status: code) }
      let rest = answer.span.extracting(start...)
      if let end = endOfHead(rest) {
        return LocalAnswer(status: code, retryAfterSeconds: retryAfter(rest.extracting(..<end)))
      }
    }
    if let status { return LocalAnswer(status: status.code) }
    throw .notHTTP
  }

  // Retry-After = HTTP-date / delay-seconds                                                             (RFC 9110 §10.2.3)
  /// The seconds that a header section asks to wait; nil if it does not, or names a date, which would need two clocks to agree.
  static func retryAfter(_ head: Span<UInt8>) -> Int? {
    var line = head.firstIndex(of: 0x0a).map { $0 + 1 } ?? head.count
    while line < head.count {
      let end = head.firstIndex(of: 0x0a, from: line) ?? head.count
      if let colon = head.firstIndex(of: UInt8(ascii: ":"), from: line), colon < end,
        head.extracting(line..<colon).equalsIgnoringCase("retry-after")
      {
        var value = head.extracting(colon + 1..<end)
        if let last = value.indices.last, value[last] == 0x0d { value = value.extracting(..<last) }
        return seconds(value.extracting(value.trimmedRange(0, value.count)))
      }
      line = end + 1
    }
    return nil
  }

  private static func seconds(_ digits: Span<UInt8>) -> Int? {
    guard (1...9).contains(digits.count) else { return nil }
    var number = 0
    for index in digits.indices {
      guard CharacterClass.isDigit(digits[index]) else { return nil }
      number = number * 10 + Int(digits[index] - 0x30)
    }
    return number
  }

  /// The status of the first answer that is no interim one, and where that begins, once its status line is there (RFC 9112 section 4).
  ///
  /// - Throws: `.notHTTP` if these are not the beginning of an HTTP/1 answer.
  static func finalStatus(of bytes: Span<UInt8>) throws(LocalClientError) -> (code: Int, start: Int)? {
    var start = 0
    while true {
      let rest = bytes.extracting(start...)
      let version: InlineArray<7, UInt8> = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]
      // Something else is told from its first bytes, before all of the line is there.
      for index in 0..<min(rest.count, version.count) where rest[index] != version[index] { throw .notHTTP }
      guard rest.count >= 13 else { return nil }
      guard rest[7] == 0x30 || rest[7] == 0x31, rest[8] == 0x20,
        rest[12] == 0x20 || rest[12] == 0x0d
      else { throw .notHTTP }
      var status = 0
      for index in 9..<12 {
        guard (0x30...0x39).contains(rest[index]) else { throw .notHTTP }
        status = status * 10 + Int(rest[index] - 0x30)
      }
      guard (100...599).contains(status) else { throw .notHTTP }
      if status >= 200 { return (status, start) }
      // An interim answer ends with its header section.
      guard let end = endOfHead(rest) else { return nil }
      start += end
    }
  }

  private static func endOfHead(_ bytes: Span<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in 0...(bytes.count - 4) where bytes.has("\r\n\r\n", at: index) { return index + 4 }
    return nil
  }
}

/// What came back.
package struct LocalAnswer: Equatable, Sendable {
  package let status: Int
  /// How long a service that is busy asks to be left alone.
  package var retryAfterSeconds: Int?
}

/// Why there is no status.
package enum LocalClientError: Error, Equatable, Sendable {
  case timedOut
  /// What came back is no answer of HTTP.
  case notHTTP
  /// Nobody listens, or the connection broke.
  case failed(Errno)
}

extension LocalClientError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .timedOut: "no answer in time"
    case .notHTTP: "the answer is not HTTP"
    case .failed(let errno): "\(errno)"
    }
  }
}
