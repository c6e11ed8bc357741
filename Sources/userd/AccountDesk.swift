// The calls of the account verbs of the command line, and what answers them.

import Auth
import Codecs
import Platform

/// The accounts of a data folder, for as long as one verb takes.
struct AccountDesk: Sendable {
  let client: AdminClient

  /// - Parameter missing: what becomes of a data folder without a store.
  static func open(
    _ configuration: Configuration, _ surroundings: Surroundings, missing: AdminAccess.Missing = .refused,
    _ body: (AccountDesk) throws(CommandError) -> Void
  ) throws(CommandError) {
    try AdminAccess(configuration, surroundings, missing: missing).run { (client) throws(CommandError) in
      try body(AccountDesk(client: client))
    }
  }

  /// Makes a call and returns the object that answers it, once it is durable.
  func call(_ request: AdminRequest) throws(CommandError) -> AdminAnswer {
    let answer = try client.ask(request.method, request.target, request.body())
    return try AdminAnswer(answer.status == 204 ? AdminAnswer.nothing : answer.body)
  }

  /// The identifier of the account that somebody named by it or by its address, deleted ones too.
  ///
  /// - Throws: exit code 66 if there is none.
  func identifier(of name: String) throws(CommandError) -> UserID {
    if let id = UserID(name.utf8.span) { return id }
    for status in [nil, User.Status.deleted] {
      let page = try call(
        AdminRequest(
          "GET",
          "/api/v1/users?email=\(PercentEncoding.encodedString(name.utf8.span))"
            + (status.map { "&status=\($0.rawValue)" } ?? ""))
      )
      var users = page.root["data"]?.elements
      if let text = users?.next()?["id"]?.string, let id = UserID(text.utf8.span) {
        return id
      }
    }
    throw .failed("there is no account \(visible(name)); name it by its id or its address", .missingInput)
  }
}

/// The object that answers a call.
struct AdminAnswer: Sendable {
  let document: JSONDocument
  private let bytes: [UInt8]

  static let nothing = [UInt8]("{}".utf8)

  init(_ bytes: [UInt8]) throws(CommandError) {
    do throws(JSONError) {
      document = try JSONDocument(bytes.span)
    } catch { throw .failed("the server's answer is no JSON: \(error)", .internalError) }
    self.bytes = bytes
  }

  var root: JSONValue { document.root }

  /// A part of it as it was written.
  func text(of value: JSONValue) -> String { String(decoding: bytes[value.rawRange], as: UTF8.self) }
}

/// One request to the admin socket.
struct AdminRequest {
  let method: StaticString
  let target: String
  /// Members of the body that are text, and those that are flags; nil is left out.
  let texts: [(name: StaticString, value: String?)]
  let flags: [(name: StaticString, value: Bool?)]
  /// Members that are numbers, and those that are lists of text.
  let numbers: [(name: StaticString, value: Int?)]
  let lists: [(name: StaticString, value: [String])]

  init(
    _ method: StaticString, _ target: String, texts: [(name: StaticString, value: String?)] = [],
    flags: [(name: StaticString, value: Bool?)] = [], numbers: [(name: StaticString, value: Int?)] = [],
    lists: [(name: StaticString, value: [String])] = []
  ) {
    self.numbers = numbers
    self.lists = lists
    self.method = method
    self.target = target
    self.texts = texts
    self.flags = flags
  }

  func body() -> ByteBuffer {
    if texts.isEmpty, flags.isEmpty, lists.isEmpty { return ByteBuffer(capacity: 0) }
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    for (name, value) in texts {
      guard let value else { continue }
      json.key(name)
      json.string(value)
    }
    for (name, value) in flags {
      guard let value else { continue }
      json.key(name)
      json.boolean(value)
    }
    for (name, value) in numbers {
      guard let value else { continue }
      json.key(name)
      json.integer(value)
    }
    for (name, values) in lists {
      json.key(name)
      json.beginArray()
      for value in values { json.string(value) }
      json.endArray()
    }
    json.endObject()
    return json.finish()
  }
}
