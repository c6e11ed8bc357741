// A real server on a loopback port for one test, and a plain client that sees every byte.

import Codecs
import Glibc
import HTTP
import Platform
import Synchronization
import Testing

/// Starts a server, runs `body` with it, and stops it.
@discardableResult
func withServer<Value>(
  _ routes: [Route], limits: HTTPLimits = HTTPLimits(), durability: DurabilitySignal = DurabilitySignal(), loopCount: Int = 1,
  access: AccessHook? = nil, configure: (inout ServerOptions) -> Void = { _ in }, _ body: (Server) throws -> Value
) throws -> Value {
  ignoreBrokenPipeSignal()
  var options = ServerOptions(listeners: [.internet(.loopback(port: 0))])
  options.loopCount = loopCount
  options.limits = limits
  options.hashPool = PoolOptions(workerCount: 1, maxQueuedCount: 2)
  options.diskPool = PoolOptions(workerCount: 1, maxQueuedCount: 2)
  configure(&options)
  let server = try Server(options: options, routes: routes, durability: durability, access: access)
  try server.start()
  defer { _ = server.stop(graceMilliseconds: 0) }
  return try body(server)
}

/// One connection of a test. Nothing is understood here that the test does not ask for.
final class Client: @unchecked Sendable {
  private let socket: Socket
  private var unread: [UInt8] = []
  private(set) var hasEnded = false

  convenience init(_ server: Server) throws { try self.init(address: server.localAddresses[0]) }

  init(address: SocketAddress) throws {
    socket = try Socket.connect(to: address)
    try wait(for: Int16(POLLOUT))
    #expect(try socket.pendingError() == nil)
  }

  init(path: String) throws { socket = try Socket.connect(toPath: path) }

  private func wait(for events: Int16, milliseconds: Int32 = 10_000) throws {
    var watched = pollfd(fd: socket.descriptor.rawValue, events: events, revents: 0)
    guard unsafe poll(&watched, 1, milliseconds) > 0 else { throw TestFailure("nothing happened in \(milliseconds) ms") }
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var offset = 0
    while offset < bytes.count {
      switch try socket.send(bytes.span.extracting(offset..<bytes.count)) {
      case .bytes(let count): offset += count
      case .wouldBlock, .end: try wait(for: Int16(POLLOUT))
      }
    }
  }

  func endSending() throws { try socket.shutdownSending() }

  /// Closing resets the connection.
  func resetOnClose() throws { try socket.resetOnClose() }

  /// Reads a part of what comes; false at the end.
  private func fill() throws -> Bool {
    if hasEnded { return false }
    try wait(for: Int16(POLLIN))
    var room = [UInt8](repeating: 0, count: 65_536)
    var span = room.mutableSpan
    switch try socket.receive(into: &span) {
    case .bytes(let count): unread += room[..<count]
    case .wouldBlock: break
    case .end: hasEnded = true
    }
    return !hasEnded
  }

  /// Reads until the server ends the connection.
  func readToEnd() throws -> [UInt8] {
    while try fill() {}
    defer { unread = [] }
    return unread
  }

  /// Whether nothing comes for so long.
  func staysSilent(milliseconds: Int32) throws -> Bool {
    var watched = pollfd(fd: socket.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    guard unread.isEmpty else { return false }
    return unsafe poll(&watched, 1, milliseconds) == 0
  }

  /// Reads one answer; its body goes by Content-Length.
  func readAnswer(toHead: Bool = false) throws -> Answer {
    while true {
      if let answer = try Answer(taking: &unread, toHead: toHead) { return answer }
      if try !fill() { throw TestFailure("the connection ended inside an answer: \(String(decoding: unread, as: UTF8.self))") }
    }
  }

  /// Waits for the first byte of an answer; false if the connection ends instead.
  func hasAnswer() throws -> Bool {
    while unread.isEmpty { if try !fill() { return false } }
    return true
  }

  /// Sends a request and reads its answer.
  func ask(_ text: String) throws -> Answer {
    try send(text)
    return try readAnswer(toHead: text.hasPrefix("HEAD "))
  }
}

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// An answer taken apart.
struct Answer: CustomStringConvertible {
  var status = 0
  var fields: [(name: String, value: String)] = []
  var body: [UInt8] = []

  /// Takes one answer from the front of `bytes`; nil if it is not whole. `100 Continue` is an answer of its own.
  init?(taking bytes: inout [UInt8], toHead: Bool = false) throws {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(
      separator: "\r\n", omittingEmptySubsequences: false)
    guard lines[0].hasPrefix("HTTP/1.1 "), let code = Int(lines[0].dropFirst(9).prefix(3)) else {
      throw TestFailure("no status line: \(lines[0])")
    }
    status = code
    for line in lines.dropFirst() {
      guard let colon = line.firstRange(of: ": ") else { throw TestFailure("no field line: \(line)") }
      fields.append((String(line[..<colon.lowerBound]), String(line[colon.upperBound...])))
    }
    let hasBody = !toHead && code != 204 && code != 304 && code >= 200
    let length = hasBody ? Int(self["Content-Length"] ?? "") ?? -1 : 0
    if length < 0 { throw TestFailure("no Content-Length in \(lines)") }
    guard bytes.count - end.upperBound >= length else { return nil }
    body = Array(bytes[end.upperBound..<end.upperBound + length])
    bytes.removeFirst(end.upperBound + length)
  }

  /// The value of the only field line with this name.
  subscript(_ name: String) -> String? {
    let matches = fields.filter { $0.name.lowercased() == name.lowercased() }
    return matches.count == 1 ? matches[0].value : nil
  }

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The `code` of a problem document.
  var code: String? {
    guard self["Content-Type"] == "application/problem+json", let document = try? JSONDocument(body.span) else { return nil }
    return document.root["code"]?.string
  }

  var closes: Bool { self["Connection"] == "close" }

  var description: String { "\(status) \(fields.map { "\($0.name): \($0.value)" }) \(text)" }
}

/// Tells threads apart.
func currentThread() -> UInt { UInt(pthread_self()) }

/// Counts on any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add(_ more: Int = 1) { count.add(more, ordering: .relaxed) }
}
