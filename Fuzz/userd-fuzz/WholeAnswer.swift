// An answer as a strict client reads it from the bytes of a connection, with nothing of the code that wrote it. RFC 9112.

import Codecs
import TestSupport

/// One answer, whole.
struct WireAnswer {
  var status = 0
  var fields: [(name: String, value: String)] = []
  var body: PlainJSON?

  enum Reading {
    case more
    case answer(WireAnswer, byteCount: Int)
    case wrong(String)
  }

  func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  /// The beginning of what a connection brought.
  static func read(_ bytes: ArraySlice<UInt8>) -> Reading {
    guard let end = headEnd(bytes) else { return bytes.count > 8192 ? .wrong("8 KiB without the end of a head") : .more }
    let lines = String(decoding: bytes[..<(end - 4)], as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
    var answer = WireAnswer()
    let words = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == "HTTP/1.1", words[1].utf8.count == 3, let status = Int(words[1]) else {
      return .wrong("a status line \(lines[0])")
    }
    answer.status = status
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return .wrong("a field \(line)") }
      let name = line[..<colon].lowercased()
      if ["content-length", "x-request-id", "date", "connection", "content-type"].contains(name), answer.field(name) != nil {
        return .wrong("two fields \(name)")
      }
      answer.fields.append((name, String(line[line.index(after: colon)...].drop { $0 == " " })))
    }
    let headByteCount = end - bytes.startIndex
    if status == 100 { return .answer(answer, byteCount: headByteCount) }
    for name in ["date", "x-request-id", "x-api-version", "x-content-type-options"] where answer.field(name) == nil {
      return .wrong("an answer \(status) without \(name)")
    }
    if status == 204 || status == 304 {
      return answer.field("content-length") == nil
        ? .answer(answer, byteCount: headByteCount) : .wrong("a \(status) with a length")
    }
    guard let length = answer.field("content-length").flatMap({ Int($0) }), length < 1 << 20 else {
      return .wrong("an answer \(status) without a length")
    }
    if bytes.count < headByteCount + length { return .more }
    let body = Array(bytes[end..<end + length])
    answer.body = PlainJSON.read(body)
    if answer.body == nil { return .wrong("a body that is no JSON: \(shown(body))") }
    if status >= 400, answer.field("content-type") != "application/problem+json" {
      return .wrong("a \(status) of type \(answer.field("content-type") ?? "none")")
    }
    return .answer(answer, byteCount: headByteCount + length)
  }

  private static func headEnd(_ bytes: ArraySlice<UInt8>) -> Int? {
    var index = bytes.startIndex
    while index + 4 <= bytes.endIndex {
      if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 { return index + 4 }
      index += 1
    }
    return nil
  }

  /// Whether the connection ends behind it.
  var closes: Bool { field("connection") == "close" }

  /// What the answer says of an address.
  var seen: Seen {
    var seen = Seen(status: status, code: body?["code"]?.text)
    if status >= 400 { return seen }
    var user = body?["user"] ?? body
    if case .array(let rows)? = body?["data"] {
      if rows.first?["current"] != nil { seen.sessions = rows.compactMap { $0["id"]?.text } }
      user = rows.first
    }
    if seen.sessions == nil {
      seen.account = user?["id"]?.text
      seen.name = user?["name"]?.text.flatMap { Int($0.dropFirst(5)) }
      seen.role = user?["role"]?.text
      seen.state = user?["status"]?.text
    }
    seen.session = body?["session"]?["id"]?.text
    if let token = body?["refreshToken"]?.text { seen.generation = RefreshText(token)?.generation ?? -1 }
    return seen
  }
}

/// What a refresh token says in clear, read once more from docs/security.md: "urt1_" and 41 bytes in base64url.
struct RefreshText {
  let session: String
  let generation: Int

  init?(_ text: String) {
    guard text.hasPrefix("urt1_"), let bytes = Base64URL.decode(Array(text.utf8.dropFirst(5)).span), bytes.count == 41,
      let id = UUID(bytes: bytes.span.extracting(5..<21))
    else { return nil }
    session = "\(id)"
    generation = bytes[21..<25].reduce(0) { $0 << 8 | Int($1) }
  }
}

extension PlainJSON {
  subscript(name: String) -> PlainJSON? {
    guard case .object(let members) = self else { return nil }
    let name = Array(name.utf8)
    return members.first { $0.name == name }?.value
  }

  var text: String? {
    guard case .string(let bytes) = self else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
