// One answer of the server under test, taken apart.

import Codecs
import Platform

struct Answer {
  let status: Int
  let head: String
  let text: String
  /// The body as JSON; nil if it is none.
  private let document: JSONDocument?

  /// Sends a request that asks for the connection to be closed, and reads the whole answer.
  init(of request: [UInt8], on socket: consuming Socket, hasNoBody: Bool) throws {
    var sent = 0
    while sent < request.count {
      _ = try socket.waitUntilWritable(milliseconds: 10_000)
      if case .bytes(let count) = try socket.send(request.span.extracting(sent..<request.count)) { sent += count }
    }
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    reading: while true {
      guard try socket.waitUntilReadable(milliseconds: 20_000) else { throw Unexpected("no answer in 20 s") }
      var span = room.mutableSpan
      switch try socket.receive(into: &span) {
      case .bytes(let count): bytes += room[..<count]
      case .wouldBlock: continue
      case .end: break reading
      }
    }
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Unexpected("no answer") }
    head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
    guard let status = Int(head.dropFirst(9).prefix(3)) else { throw Unexpected(head) }
    self.status = status
    let body = Array(bytes[end.upperBound...])
    text = String(decoding: body, as: UTF8.self)
    document = body.isEmpty ? nil : try? JSONDocument(body.span)
    if hasNoBody, !body.isEmpty { throw Unexpected("a body after HEAD: \(text)") }
  }

  /// A member of the body.
  subscript(_ name: StaticString) -> JSONValue? { document?.root[name] }

  /// The names of the body's members, in their order.
  var members: [String] { document?.root.members.map(\.name) ?? [] }

  /// The code of a problem document.
  var code: String? { header("Content-Type") == "application/problem+json" ? self["code"]?.string : nil }

  /// The errors of a problem document, each as its pointer and code.
  var fieldErrors: [String] {
    self["errors"]?.elements.map { "\($0["pointer"]?.string ?? "?") \($0["code"]?.string ?? "?")" } ?? []
  }

  /// The value of the only field line with this name.
  func header(_ name: String) -> String? {
    let lines = head.split(separator: "\r\n").dropFirst().filter { $0.lowercased().hasPrefix("\(name.lowercased()): ") }
    return lines.count == 1 ? String(lines.first!.dropFirst(name.count + 2)) : nil
  }
}
