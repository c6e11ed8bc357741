// Backup, restore, check and salvage as an operator types them, beside a server that goes on working.

import Codecs
import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct MaintenanceTests {
  private static let password = "a long enough password"

  /// Registers accounts one after another until told to stop.
  private final class Writer: Sendable {
    let answered = Mutex<[String]>([])
    let isDone = Atomic<Bool>(false)

    func run(port: UInt16) {
      guard let client = try? HTTPClient(port: port) else { return }
      for number in 0... {
        if isDone.load(ordering: .relaxed) { return }
        let email = "person\(number)@example.org"
        let body = #"{"email":"\#(email)","password":"\#(MaintenanceTests.password)","name":"Somebody"}"#
        guard let answer = try? client.request("POST", "/api/auth/register", json: body), answer.status == 201 else { return }
        answered.withLock { $0.append(email) }
      }
    }

    var count: Int { answered.withLock { $0.count } }

    func waitForMore(_ more: Int) {
      let goal = count + more
      for _ in 0..<20_000 where count < goal { sleepThread(milliseconds: 1) }
    }
  }

  private static func run(_ words: String...) throws -> Program.Outcome { try Program.run(words) }

  @Test func `a backup of a server at work has everything that was answered before, and restores to a sound store`() throws {
    let folder = TemporaryFolder("maintenance"), data = "\(folder.path)/db"
    let server = try RunningServer(data: data)
    let writer = Writer(), port = server.port
    let thread = try Thread(name: "writer") { writer.run(port: port) }
    writer.waitForMore(20)
    let before = writer.answered.withLock { $0 }
    let full = try Self.run("admin", "backup", "-o", "\(folder.path)/full", "--verify", "--data", data)
    #expect(full.exitCode == 0, "\(full.error)")
    let check = try Self.run("admin", "check", "--deep", "--data", data)
    #expect(check.exitCode == 0 && check.output.contains("; sound"), "\(check.output)\(check.error)")
    writer.waitForMore(20)
    let later = writer.answered.withLock { $0 }
    let increment = try Self.run(
      "admin", "backup", "-o", "\(folder.path)/more", "--incremental-from", "\(folder.path)/full", "--json", "--data", data)
    #expect(increment.exitCode == 0 && increment.output.contains("baseCheckpoint"), "\(increment.error)")
    writer.isDone.store(true, ordering: .relaxed)
    thread.join()
    #expect(server.stop() == 0)
    #expect(try FileStatus(path: "\(folder.path)/full").permissions == 0o600)
    #expect(before.count >= 20 && later.count >= before.count + 20)

    for (files, mails) in [(["full"], before), (["full", "more"], later)] {
      let target = "\(folder.path)/restored \(files.count)"
      let restore = try Program.run(["admin", "restore"] + files.map { "\(folder.path)/\($0)" } + ["--data", target])
      #expect(restore.exitCode == 0, "\(restore.error)")
      #expect(try Self.run("admin", "check", "--deep", "--data", target).exitCode == 0)
      let restored = try RunningServer(data: target)
      let client = try restored.connect()
      for mail in [mails[0], mails[mails.count - 1]] {
        let answer = try client.request(
          "POST", "/api/auth/login", json: #"{"email":"\#(mail)","password":"\#(Self.password)"}"#)
        #expect(answer.status == 200, "\(mail) was answered before the backup")
      }
      #expect(restored.stop() == 0)
      // A second restore over it is refused.
      #expect(try Self.run("admin", "restore", "\(folder.path)/full", "--data", target).exitCode == 73)
    }
  }

  @Test func `tokens of the line of history before a restore are void after it`() throws {
    let folder = TemporaryFolder("maintenance"), data = "\(folder.path)/db"
    let server = try RunningServer(data: data)
    let body = #"{"email":"ann@example.org","password":"\#(Self.password)","name":"Ann"}"#
    let answer = try server.connect().request("POST", "/api/auth/register", json: body)
    #expect(answer.status == 201)
    let access = try #require(answer.json["token"]?.string)
    #expect(try Self.run("admin", "backup", "-o", "\(folder.path)/b", "--data", data).exitCode == 0)
    #expect(server.stop() == 0)
    let target = "\(folder.path)/new"
    #expect(try Self.run("admin", "restore", "\(folder.path)/b", "--data", target).exitCode == 0)
    // Even with the old keys beside it.
    try Directory.create("\(target)/keys")
    try Directory.create("\(target)/keys/signing")
    for name in try Directory.names(in: "\(data)/keys/signing") {
      try copy("\(data)/keys/signing/\(name)", to: "\(target)/keys/signing/\(name)")
    }
    try copy("\(data)/keys/mac", to: "\(target)/keys/mac")
    let restored = try RunningServer(data: target)
    let me = try restored.connect().request("GET", "/api/auth/me", token: access)
    #expect(me.status == 401)
    #expect(restored.stop() == 0)
  }

  private func copy(_ source: String, to target: String) throws {
    let from = try File(source, .read), to = try File(target, .createNew)
    var bytes = [UInt8](repeating: 0, count: try from.size())
    var span = bytes.mutableSpan
    _ = try from.read(into: &span, at: 0)
    _ = try to.write(bytes.span, at: 0)
  }

  @Test func `damage is exit 65 with its place, for check, backup and restore, and salvage saves the rest`() throws {
    let folder = TemporaryFolder("maintenance"), data = "\(folder.path)/db"
    for number in 0..<60 {
      if number % 20 == 0 { _ = try Self.run("admin", "check", "--data", data) }
      #expect(try Self.run("admin", "user", "create", "--email", "p\(number)@example.org", "--data", data).exitCode == 0)
    }
    #expect(try Self.run("admin", "backup", "-o", "\(folder.path)/b", "--data", data).exitCode == 0)
    // The root of the tree is the one page whose loss costs everything in it.
    let file = try File("\(data)/main.udb", .readWrite)
    let end = try file.size()
    for offset in stride(from: 32_768 + 4000, to: end, by: 8192) {
      var byte: [UInt8] = [0]
      var span = byte.mutableSpan
      _ = try file.read(into: &span, at: offset)
      byte[0] ^= 0x40
      _ = try file.write(byte.span, at: offset)
    }
    let check = try Self.run("admin", "check", "--data", data)
    #expect(check.exitCode == 65 && check.output.contains("page ") && check.output.contains("NOT SOUND"))
    let json = try Self.run("admin", "check", "--json", "--data", data)
    #expect(json.exitCode == 65 && json.output.contains(#""sound":false"#))
    #expect(try Self.run("admin", "backup", "-o", "\(folder.path)/c", "--data", data).exitCode == 65)
    #expect(throws: Errno.notFound) { try FileStatus(path: "\(folder.path)/c") }
    let salvage = try Self.run("admin", "salvage", data, "\(folder.path)/saved")
    #expect(salvage.exitCode == 65 && salvage.output.contains("lost: keys from"), "\(salvage.output)\(salvage.error)")

    let backup = try File("\(folder.path)/b", .readWrite)
    _ = try backup.write([1, 2, 3, 4].span, at: 20_000)
    let restore = try Self.run("admin", "restore", "\(folder.path)/b", "--data", "\(folder.path)/r")
    #expect(restore.exitCode == 65 && restore.error.contains("is damaged at byte"), "\(restore.error)")
    #expect(throws: Errno.notFound) { try FileStatus(path: "\(folder.path)/r") }
  }

  @Test func `what is missing, in the way or not said is told by its exit code`() throws {
    let folder = TemporaryFolder("maintenance"), data = "\(folder.path)/db"
    #expect(try Self.run("admin", "check", "--data", data).exitCode == 66)
    #expect(try Self.run("admin", "backup", "-o", "\(folder.path)/b", "--data", data).exitCode == 66)
    #expect(try Self.run("admin", "restore", "\(folder.path)/b", "--data", data).exitCode == 66)
    #expect(throws: Errno.notFound) { try FileStatus(path: data) }
    #expect(try Self.run("admin", "restore", "--data", data).exitCode == 64)
    #expect(try Self.run("admin", "salvage", data).exitCode == 64)
    #expect(try Self.run("admin", "salvage", data, "x", "--cut-log-at", "soon").exitCode == 64)
    #expect(try Self.run("admin", "user", "create", "--email", "p@example.org", "--data", data).exitCode == 0)
    #expect(try Self.run("admin", "backup", "-o", "\(folder.path)/b", "--data", data).exitCode == 0)
    #expect(try Self.run("admin", "backup", "-o", "\(folder.path)/b", "--data", data).exitCode == 73)
    #expect(try Self.run("admin", "restore", "\(folder.path)/b", "--verify").exitCode == 0)
    let stream = try Program.run(["admin", "backup", "-o", "-", "--data", data])
    #expect(stream.exitCode == 0 && stream.output.hasPrefix("USERDBAK"))
  }
}
