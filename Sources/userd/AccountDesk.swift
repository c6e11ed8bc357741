// Where the account verbs of the command line are served: by the server that has the store, or here while the store is free.

import API
import Auth
import Codecs
import Platform

/// One way to the accounts of a data folder, for as long as one verb takes. Answers are the JSON of the public contract either way.
struct AccountDesk: Sendable {
  private enum Door {
    case server(AdminSocket)
    case store(OpenStore)
  }

  private let door: Door

  /// How long to wait for a store that somebody holds without answering: a server that starts or stops.
  private static let maxAttemptCount = 20
  private static let attemptMilliseconds: UInt32 = 100

  /// Asks the server if there is one, else opens the store, which is made if it is missing.
  static func open(
    _ configuration: Configuration, _ body: (AccountDesk) throws(CommandError) -> Void
  ) throws(CommandError) {
    let folder = try DataFolder(preparing: configuration.dataPath)
    for attempt in 1... {
      let socket = AdminSocket(path: folder.adminSocketPath)
      if try socket.ask("GET", "/livez") != nil { return try body(AccountDesk(door: .server(socket))) }
      let store: OpenStore
      do throws(CommandError) {
        store = try OpenStore(folder, configuration, []) { _ in }
      } catch {
        // Between the two looks somebody may have taken the lock or given it back.
        guard error.exitCode == .temporary, attempt < maxAttemptCount else { throw error }
        sleepThread(milliseconds: attemptMilliseconds)
        continue
      }
      do throws(CommandError) { try body(AccountDesk(door: .store(store))) } catch {
        try store.close()
        throw error
      }
      return try store.close()
    }
  }

  /// Makes a call and returns the object that answers it, once it is durable.
  ///
  /// - Parameters:
  ///   - request: what a server is asked.
  ///   - here: the same call of the service below; it writes the object that the server would send.
  func call(
    _ request: AdminRequest,
    here: (AccountService, inout JSONWriter) throws(AuthError) -> LogPosition
  ) throws(CommandError) -> AdminAnswer {
    switch door {
    case .server(let socket):
      guard let answer = try socket.ask(request.method, request.target, request.body()) else {
        throw .failed("the server has gone; try again", .temporary)
      }
      if answer.status == 204 { return try AdminAnswer(AdminAnswer.nothing) }
      let parsed = try AdminAnswer(answer.body)
      guard answer.status < 300 else { throw .refused(by: parsed.document, status: answer.status) }
      return parsed
    case .store(let store):
      var json = JSONWriter(ByteBuffer(capacity: 1024))
      do throws(AuthError) {
        let position = try here(store.accounts, &json)
        try store.waitUntilDurable(position)
      } catch { throw .refused(error) }
      return try AdminAnswer(json.finish().bytes())
    }
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
      ) { (accounts, json) throws(AuthError) in
        guard let query = UserListQuery(email: name, status: status) else { preconditionFailure("a status goes with an address") }
        json.page(try accounts.list(query, by: .owner))
        return .zero
      }
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

  init(
    _ method: StaticString, _ target: String, texts: [(name: StaticString, value: String?)] = [],
    flags: [(name: StaticString, value: Bool?)] = []
  ) {
    self.method = method
    self.target = target
    self.texts = texts
    self.flags = flags
  }

  func body() -> ByteBuffer {
    if texts.isEmpty, flags.isEmpty { return ByteBuffer(capacity: 0) }
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
    json.endObject()
    return json.finish()
  }
}
