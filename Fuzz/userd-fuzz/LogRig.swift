// Lines of the log: hostile text in every member, and hostile requests with a marked secret in every place that a request has.

import Codecs
import HTTP
import Platform
import Synchronization
import TestSupport

let logRig = Rig(
  name: "log", purpose: "lines of the log against a plain JSON reader and a secret; some 20 lines an event",
  bug: "line ends are not escaped", smokeEventCount: 5000,
  moreBugs: ["a line has the path of its request", "bytes that are no UTF-8 are written as they are", "quotes are not escaped"]
) { random, subject in
  let secret = Array("s3cret-\(random.next())-\(random.next())".utf8)
  for _ in 0..<random.number(1..<9) {
    if let complaint = random.writtenLine(subject) { return complaint }
  }
  guard let server = LogRigServer.shared else { return "no server to ask" }
  var sent: [UInt8] = []
  let count = random.number(1..<25)
  for index in 0..<count { sent += random.request(with: secret, isLast: index == count - 1) }
  let lines: [[UInt8]]
  do throws(Errno) { lines = try server.lines(for: sent) } catch { return "the server is gone: \(error)" }
  if lines.isEmpty { return "no line for \(shown(sent))" }
  for line in lines {
    var line = line
    if subject == .otherwiseBroken(0), let path = sent.split(separator: 0x20).dropFirst().first {
      line.replaceSubrange(
        (line.count - 2)..., with: Array(",\"path\":\"".utf8) + path.filter { $0 > 0x22 && $0 != 0x5c } + Array("\"}\n".utf8))
    }
    if let complaint = complaint(aboutJSON: line) { return complaint }
    if line.contains(secret) { return "a line tells the secret: \(shown(line))" }
  }
  return nil
}

/// Whether nobody can take the bytes for more or less than a line, or for orders to a terminal.
private func isOneLine(_ bytes: [UInt8]) -> Bool {
  guard bytes.last == 0x0a, let text = String(validating: bytes.dropLast(), as: UTF8.self) else { return false }
  return text.unicodeScalars.allSatisfy { scalar in
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069: false
    default: true
    }
  }
}

/// Bytes as `String` mends them.
private func whole(_ bytes: [UInt8]) -> [UInt8] { Array(String(decoding: bytes, as: UTF8.self).utf8) }

/// Bytes as the writer mends them: U+FFFD for each one that is not part of a character.
private func mended(_ bytes: [UInt8]) -> [UInt8] {
  var (made, index) = ([UInt8](), 0)
  while index < bytes.count {
    let length = (1...4).first { length in
      index + length <= bytes.count && String(validating: bytes[index..<index + length], as: UTF8.self) != nil
    }
    made += length.map { Array(bytes[index..<index + $0]) } ?? [0xef, 0xbf, 0xbd]
    index += length ?? 1
  }
  return made
}

/// What is wrong with a line of JSON; nil for nothing.
private func complaint(aboutJSON line: [UInt8]) -> String? {
  guard isOneLine(line) else {
    return "more or less than one line: \(shown(line))"
  }
  guard case .object(let members)? = PlainJSON.read(Array(line.dropLast())) else { return "no JSON object: \(shown(line))" }
  let names = members.map { String(decoding: $0.name, as: UTF8.self) }
  guard names.prefix(4) == ["ts", "level", "component", "msg"] else { return "no line of the log: \(shown(line))" }
  return nil
}

extension SeededGenerator {
  /// Writes a line with hostile text in every kind of member and reads it again.
  fileprivate mutating func writtenLine(_ subject: Subject) -> String? {
    let (message, first, second) = (hostileText(), hostileText(), hostileText())
    let number = Int(truncatingIfNeeded: next())
    let moment = once(in: 4) ? Int64(truncatingIfNeeded: next()) : Int64(number % 4_000_000_000_000)
    let words = (next(), next())
    let address = once(in: 2) ? SocketAddress.loopback(port: 80) : SocketAddress.local
    for format in LogFormat.allCases {
      var line = LogLine(
        ByteBuffer(), format, milliseconds: moment, pick(LogLevel.allCases), "fuzz", String(decoding: message, as: UTF8.self))
      line.text("first", first.span)
      line.text("second", String(decoding: second, as: UTF8.self))
      line.number("number", number)
      line.thousandths("part", words.0)
      line.digits("digits", words.0, words.1)
      line.uuid("id", UUID(high: words.0, low: words.1))
      line.host("host", address)
      var bytes = line.end().bytes()
      switch subject {
      case .real, .otherwiseBroken(0): break
      case .broken: bytes = bytes.replacing([0x5c, 0x6e], with: [0x0a])
      case .otherwiseBroken(1): bytes = bytes.replacing([0xef, 0xbf, 0xbd], with: [0xff])
      case .otherwiseBroken: bytes = bytes.replacing([0x5c, 0x22], with: [0x22])
      }
      guard format == .json else {
        if !isOneLine(bytes) { return "more or less than one line of text: \(shown(bytes))" }
        continue
      }
      if let complaint = complaint(aboutJSON: bytes) { return complaint }
      guard case .object(let members)? = PlainJSON.read(Array(bytes.dropLast())), members.count == 11 else {
        return "other members than were written: \(shown(bytes))"
      }
      let wanted = [(3, whole(message)), (4, mended(first)), (5, whole(second))]
      for (index, text) in wanted where members[index].value != .string(text) {
        return "member \(index) reads \(members[index].value), not \(shown(text))"
      }
      guard members[6].value == .number(Array("\(number)".utf8)) else { return "the number reads \(members[6].value)" }
    }
    return nil
  }

  /// Text that somebody hopes will break a line, often not UTF-8.
  private mutating func hostileText() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<number(0..<12) {
      switch number(0..<8) {
      case 0: bytes += [0x0a]
      case 1:
        bytes += pick([
          [0x0d, 0x0a], [0x22], [0x5c], [0], [0x1b, 0x5b, 0x33, 0x31, 0x6d], [0x7f], [0xc2, 0x85], [0xe2, 0x80, 0xa8],
        ])
      case 2: bytes += self.bytes(number(1..<5))
      case 3:
        bytes += Array(pick(["\"}\n{\"level\":\"error\"", "\\u0000", "\\n", "null", "=", " msg=", "\u{feff}", "\u{202e}"]).utf8)
      case 4: bytes += [0xff, 0xc0, 0xed, 0xa0, 0x80].prefix(number(1..<6))
      default: bytes += (0..<number(1..<12)).map { _ in UInt8(number(0x20..<0x7f)) }
      }
    }
    return bytes
  }

  /// One request, right or wrong, with the secret in some of the places that it has.
  fileprivate mutating func request(with secret: [UInt8], isLast: Bool) -> [UInt8] {
    let text = String(decoding: secret, as: UTF8.self)
    let path = pick([
      "/", "/users/\(text)", "/\(text)", "/echo?token=\(text)", "/users/a%0a\(text)", "/refused/\(text)?\(text)",
      "/users/;\(text)", "*", "/cut",
    ])
    var method = pick(["GET", "POST", "DELETE", "OPTIONS", "PUT"])
    if once(in: 8) { method = "X-\(text)" }
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(once(in: 8) ? text + ".example.org" : "a")\r\n"
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
    // A name of the form of one is taken over, whatever it says: no two edits make one of this.
    let fields = [
      "Authorization: Bearer \(text)", "Cookie: id=\(text)", "User-Agent: \(text)", "X-Request-Id: !!!\(text)",
      "X-Request-Id: fine.\(next())",
      "traceparent: 00-\(trace)-01", "traceparent: 00-\(trace)-01-\(text)", "traceparent: cc-\(trace)-01-\(text)",
      "traceparent: \(text)",
      "tracestate: a=\(text)", "Origin: https://\(text)", "X-\(text): \(text)", "Referer: \(text)", "Idempotency-Key: \(text)",
      "X-Forwarded-For: \(text)", "X-Forwarded-For: 192.0.2.\(number(0..<300))", "If-Match: \"\(text)\"", "X-Odd: \u{7f}\u{1}",
      "Accept: é",
    ]
    for _ in 0..<number(0..<7) { head += pick(fields) + "\r\n" }
    var body: [UInt8] = []
    if once(in: 2) {
      body = hostileText() + secret
      head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
    }
    if isLast { head += "Connection: close\r\n" }
    var bytes = Array(head.utf8) + [0x0d, 0x0a] + body
    if once(in: 20) { edit(&bytes, maxEdits: 2, alphabet: " \r\n:") }
    return bytes
  }
}

extension [UInt8] {
  fileprivate func replacing(_ old: [UInt8], with new: [UInt8]) -> [UInt8] {
    var (made, index) = ([UInt8](), 0)
    while index < count {
      if self[index...].starts(with: old) {
        made += new
        index += old.count
      } else {
        made.append(self[index])
        index += 1
      }
    }
    return made
  }

  fileprivate func contains(_ other: [UInt8]) -> Bool {
    guard count >= other.count, let first = other.first else { return false }
    for start in 0...(count - other.count) where self[start] == first && self[start...].starts(with: other) { return true }
    return false
  }
}

/// A server of this process whose every answer becomes a line, as in the real one.
private final class LogRigServer: Sendable {
  static let shared = LogRigServer()

  private let folder = TemporaryFolder("log-rig")
  private let written: WrittenLines
  private let server: Server

  /// Lines as they come from the loop.
  private final class WrittenLines: Sendable {
    let lines = Mutex<[[UInt8]]>([])
  }

  private init?() {
    ignoreBrokenPipeSignal()
    let written = WrittenLines()
    self.written = written
    var options = ServerOptions(listeners: [.unix(path: folder.path + "/web")])
    options.loopCount = 1
    let echo: Handler = { request, response throws(Problem) in
      response.contentType = .text
      request.withBody { response.body.append($0) }
    }
    let routes = [
      Route(.get, "/", handler: echo), Route(.get, "/echo", handler: echo), Route(.post, "/echo", handler: echo),
      Route(.get, "/users/{id}") { request, response throws(Problem) in
        response.subject = (7, 9)
        response.header("X-Echo", request.parameter(0))
      },
      Route(.post, "/users/{id}", body: .json, handler: echo),
      Route(.get, "/refused/{what}") { request, _ throws(Problem) in
        throw Problem(.conflict, code: "refused", title: "Refused", detail: request.parameter(0))
      },
    ]
    do throws(ServerError) {
      server = try Server(
        options: options, routes: routes, durability: DurabilitySignal(),
        access: { entry in
          var line = LogLine(ByteBuffer(), .json, milliseconds: 0, .info, "http", "request")
          line.access(entry)
          let bytes = line.end().bytes()
          written.lines.withLock { $0.append(bytes) }
        })
      try server.start()
    } catch { return nil }
  }

  /// Sends bytes over a connection of their own, reads to its end, and returns the lines that came of it.
  func lines(for bytes: [UInt8]) throws(Errno) -> [[UInt8]] {
    written.lines.withLock { $0.removeAll() }
    let socket = try Socket.connect(toPath: folder.path + "/web")
    var (sent, hasEnded) = (0, false)
    var room = [UInt8](repeating: 0, count: 65_536)
    while !hasEnded {
      // A server that has refused a request ends the connection, whatever is still on its way to it: then nothing more can be sent.
      if sent < bytes.count {
        do throws(Errno) {
          let rest = bytes.span.extracting(sent...)
          if case .bytes(let count) = try socket.send(rest) { sent += count }
          if sent == bytes.count { try socket.shutdownSending() }
        } catch { sent = bytes.count }
      }
      guard try socket.waitUntilReadable(milliseconds: sent < bytes.count ? 1 : 10_000) else { continue }
      var span = room.mutableSpan
      do throws(Errno) { hasEnded = try socket.receive(into: &span) == .end } catch { hasEnded = true }
    }
    return written.lines.withLock { $0 }
  }
}
