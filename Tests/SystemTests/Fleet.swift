// Thirty-two clients against one server, a sudden or an orderly end at a random moment, and the reckoning after it.

import Codecs
import Glibc
import Platform
import TestSupport

/// The clients with the folder that outlives each server.
final class Fleet {
  static let clientCount = 32

  enum End { case kill, terminate }

  /// What one round was like.
  struct Round {
    let answeredCount: Int
    let milliseconds: Int
    let doubtCount: Int
    /// How the server ended: an exit code, or a signal as a negative number.
    let exitCode: Int32?
  }

  private let folder = TemporaryFolder("fleet")
  private var copyCount = 0
  private let clients: [FleetClient]
  private var random: SeededGenerator
  /// How many accounts of each client were verified.
  private var checked: [Int]

  init(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    clients = (0..<Self.clientCount).map { FleetClient(number: $0, seed: random.next()) }
    checked = clients.map { _ in 0 }
    self.random = random
    let made = try Program.run(
      ["admin", "user", "create", "--role", "admin", "--email", "root@example.org", "--password-stdin", "--data", data],
      input: FleetClient.password)
    guard made.exitCode == 0 else { throw LostAdministrator(status: Int(made.exitCode), code: made.error) }
  }

  private var data: String { folder.path + "/db" + (copyCount == 0 ? "" : "-\(copyCount)") }

  /// Everything that was wrong so far.
  var complaints: [String] { clients.flatMap(\.complaints) + ownComplaints }
  private var ownComplaints: [String] = []

  /// Starts a server, lets all clients work, and ends it after so many milliseconds, 50 to 600 if nothing else is said.
  func run(_ end: End, after fixed: Int? = nil) throws -> Round {
    let server = try start()
    let adminToken = try logInAdmin(server)
    let before = clients.reduce(0) { $0 + $1.answeredCount }
    let milliseconds = fixed ?? random.number(50..<600)
    let clients = clients, port = server.port, process = server.program.process
    inParallel(Self.clientCount + 1) { index in
      if index < Self.clientCount {
        clients[index].work(port: port, adminToken: adminToken)
      } else {
        usleep(UInt32(milliseconds) * 1000)
        // Nobody has reaped it yet, so the number is still its own.
        _ = Glibc.kill(process, end == .kill ? SIGKILL : SIGTERM)
      }
    }
    let doubtCount = clients.count { client in
      if case .nothing = client.doubt { return false }
      return true
    }
    return Round(
      answeredCount: clients.reduce(0) { $0 + $1.answeredCount } - before, milliseconds: milliseconds, doubtCount: doubtCount,
      exitCode: server.program.wait())
  }

  /// Starts a server on the same folder and holds it to everything that was answered.
  ///
  /// - Parameter listing: whether all accounts are listed too, which takes longer the more there are.
  func verify(listing: Bool) throws {
    let server = try start()
    let adminToken = try logInAdmin(server)
    let clients = clients, checked = checked, port = server.port
    inParallel(Self.clientCount) { index in
      clients[index].verify(port: port, adminToken: adminToken, accountsFrom: checked[index])
    }
    self.checked = clients.map(\.accounts.count)
    if listing { try compareList(server, adminToken) }
    if server.stop() != 0 { ownComplaints.append("the server did not stop in order: \(server.program.error)") }
  }

  /// Runs a long round whose every write is lost: afterwards the folder is what it was before.
  func runAndLoseEverything() throws -> Round {
    copyCount += 1
    let before = data
    copyCount -= 1
    try copyFolder(data, to: before)
    let round = try run(.kill, after: 2000)
    copyCount += 1
    return round
  }

  /// Every account that was answered is listed once, and no other.
  private func compareList(_ server: RunningServer, _ adminToken: String) throws {
    var expected: Set<String> = ["root@example.org"]
    for client in clients { expected.formUnion(client.accounts.map(\.email) + client.strayEmails) }
    var listed: Set<String> = []
    let client = try server.connect()
    var cursor: String?
    repeat {
      let page = try client.request(
        "GET", "/api/v1/users?limit=200" + (cursor.map { "&cursor=\($0)" } ?? ""), token: adminToken)
      guard page.status == 200, let users = page.json["data"]?.elements else {
        ownComplaints.append("the list of users gives \(page.status) \(page.code ?? "")")
        return
      }
      for user in users {
        let email = user["email"]?.string ?? ""
        if !listed.insert(email).inserted { ownComplaints.append("\(email) is listed twice") }
      }
      cursor = page.json["page"]?["nextCursor"]?.string
    } while cursor != nil
    for email in expected.subtracting(listed).sorted() { ownComplaints.append("\(email) is not listed") }
    for email in listed.subtracting(expected).sorted() { ownComplaints.append("\(email) is listed, and nobody asked for it") }
  }

  private func start() throws -> RunningServer {
    // The window in which a lost rotation is told again must outlast a restart on a slow machine.
    try RunningServer(data: data, flags: ["--auth-refresh-grace=60s"])
  }

  private func logInAdmin(_ server: RunningServer) throws -> String {
    let answer = try server.connect().request("POST", "/api/auth/login", json: FleetClient.login("root@example.org"))
    guard answer.status == 200, let token = answer.json["token"]?.string else {
      throw LostAdministrator(status: answer.status, code: answer.code)
    }
    _ = try server.connect().request(
      "POST", "/api/auth/logout", token: token, json: #"{"scope":"others"}"#)
    return token
  }

  struct LostAdministrator: Error {
    let status: Int
    let code: String?
  }
}

/// Copies a folder with everything in it but sockets.
func copyFolder(_ from: String, to: String) throws(Errno) {
  try Directory.create(to)
  for name in try Directory.names(in: from) {
    let source = from + "/" + name, target = to + "/" + name
    switch try FileStatus(path: source).kind {
    case .directory: try copyFolder(source, to: target)
    case .file:
      let old = try File(source, .read), new = try File(target, .createNew)
      var chunk = [UInt8](repeating: 0, count: 1 << 20)
      var offset = 0
      while true {
        var span = chunk.mutableSpan
        let count = try old.read(into: &span, at: offset)
        if count == 0 { break }
        var written = 0
        while written < count {
          written += try new.write(chunk.span.extracting(written..<count), at: offset + written)
        }
        offset += count
      }
    case .socket, .other: break
    }
  }
}
