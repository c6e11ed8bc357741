// `userd admin user create`: an account made by whoever owns the data folder, with the server up or down.

import API
import Auth
import Codecs
import Platform

extension Verb {
  static let adminUserCreate = Verb(
    words: ["admin", "user", "create"], summary: "make an account; the way to the first administrator",
    details: [
      """
      The password is one line of standard input without its newline; a terminal asks for it. It is never an argument. Without
      --password-stdin the account has none, so that nobody can log in to it.
      """,
      """
      With a server running on the data folder it is asked through admin.sock there; without one the store is opened here,
      and made if it is missing. It prints the id of the new account.
      """,
      "  userd admin user create --role admin --email ann@example.org --name Ann --password-stdin --data ./db",
    ],
    flags: [
      .value("email", "ADDRESS", "the address of the account"),
      .value("name", "NAME", "the name of the person (default: the address up to its @)"),
      .value("role", "ROLE", "admin or user (default: user)"),
      .switch("password-stdin", "read the password from standard input"),
      .json,
    ],
    settings: Setting.all.filter { $0.key == "data" }
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard let email = invocation.values["email"] else {
      throw .missingFlag("email", verb: invocation.verb.name, reason: "an account is known by its address")
    }
    let request = AccountRequest(
      email: email, name: invocation.values["name"] ?? String(email.prefix { $0 != "@" }),
      role: invocation.values["role"] ?? "user",
      password: invocation.switches.contains("password-stdin") ? try readPassword(surroundings) : nil)
    let user = try request.run(configuration)
    try surroundings.answer(invocation.switches.contains("json") ? user.json + "\n" : "\(user.id)\n")
    return .success
  }
}

/// What makes an account, here or in the server that holds the store.
private struct AccountRequest {
  let email: String
  let name: String
  let role: String
  /// nil for an account that nobody can log in to yet.
  let password: String?

  /// How long to wait for a store that somebody holds without answering: a server that starts or stops.
  static let maxAttemptCount = 20
  static let attemptMilliseconds: UInt32 = 100

  struct Created {
    let id: String
    /// The User of the public contract.
    let json: String
  }

  /// Asks the server if there is one, else opens the store.
  func run(_ configuration: Configuration) throws(CommandError) -> Created {
    let folder = try DataFolder(preparing: configuration.dataPath)
    for attempt in 1... {
      if let answer = try AdminSocket(path: folder.adminSocketPath).post("/api/v1/users", body()) {
        return try Self.created(by: answer)
      }
      do throws(CommandError) {
        return try create(in: folder, configuration)
      } catch {
        // Between the two looks somebody may have taken the lock or given it back.
        guard error.exitCode == .temporary, attempt < Self.maxAttemptCount else { throw error }
      }
      sleepThread(milliseconds: Self.attemptMilliseconds)
    }
    preconditionFailure("the loop ends inside")
  }

  private func body() -> ByteBuffer {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    for (key, value) in [("email", email), ("name", name), ("role", role), ("password", password)] {
      guard let value else { continue }
      json.key(utf8: key)
      json.string(value)
    }
    json.endObject()
    return json.finish()
  }

  private func create(in folder: DataFolder, _ configuration: Configuration) throws(CommandError) -> Created {
    let store = try OpenStore(folder, configuration, []) { _ in }
    let form = AccountForm(
      email: .text(email), name: .text(name), role: .text(role), password: password.map { .text($0) } ?? .absent)
    let user: User
    do throws(AuthError) {
      let (created, position) = try store.accounts.create(form, by: .owner)
      user = created
      try store.waitUntilDurable(position)
    } catch {
      try store.close()
      throw .refused(error)
    }
    try store.close()
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.value(user)
    return Created(id: user.id.description, json: json.finish().text())
  }

  private static func created(by answer: AdminSocket.Answer) throws(CommandError) -> Created {
    let document: JSONDocument
    do throws(JSONError) {
      document = try JSONDocument(answer.body.span)
    } catch { throw .failed("the server's answer is no JSON: \(error)", .internalError) }
    guard answer.status == 201, let id = document.root["id"]?.string else {
      throw .refused(by: document, status: answer.status)
    }
    return Created(id: id, json: String(decoding: answer.body, as: UTF8.self))
  }
}
