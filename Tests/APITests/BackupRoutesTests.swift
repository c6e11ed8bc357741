// Backups and dumps over a socket: what is made, what is refused, and that nothing leaves the folder.

import Codecs
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import API

@Suite struct BackupRoutesTests {
  private static let path = "/api/v1/admin/backup"

  /// Asks for a backup and waits for its end; the figures of it.
  private func backUp(_ server: APIServer, _ body: String?, token: String) throws -> Answer {
    let answer = try server.ask("POST", Self.path, body, token: token)
    guard answer.status == 202, let id = answer["id"]?.string else { throw Unexpected(answer) }
    for _ in 0..<10_000 {
      let stats = try server.ask("GET", "/api/v1/admin/stats", token: token)
      if stats["backup"]?["id"]?.string == id, stats["backup"]?["outcome"]?.string != "running" { return stats }
      sleepThread(milliseconds: 5)
    }
    throw Unexpected("backup \(id) does not end")
  }

  @Test func `a backup and an increment on top of it are made under their names and hold what was answered`() throws {
    let server = try APIServer()
    try server.backups.start()
    let root = try server.administrator()
    let none = try server.ask("GET", "/api/v1/admin/stats", token: root.access)
    #expect(none["backup"]?.isNull == true)
    let full = try backUp(server, #"{"name":"full.udb"}"#, token: root.access)
    #expect(full["backup"]?["outcome"]?.string == "done" && full["backup"]?["name"]?.string == "full.udb")
    #expect((full["backup"]?["bytes"]?.integer ?? 0) > 0 && full["backup"]?["problems"]?.elements.first { _ in true } == nil)
    _ = try server.register()
    let more = try backUp(server, #"{"name":"more.udb","incrementalFrom":"full.udb"}"#, token: root.access)
    #expect(more["backup"]?["outcome"]?.string == "done")
    let unnamed = try backUp(server, nil, token: root.access)
    let name = try #require(unnamed["backup"]?["name"]?.string)
    #expect(name.hasPrefix("made-"))

    let folder = server.folder.path + "/backups"
    #expect(try Directory.names(in: folder) == ["full.udb", name, "more.udb"])
    #expect(try FileStatus(path: "\(folder)/full.udb").permissions == 0o600)
    let set = try BackupSet(["\(folder)/full.udb", "\(folder)/more.udb"])
    #expect(set.summaries.map { $0.baseCheckpoint == nil } == [true, false])
    #expect(try set.check().isSound)
    #expect(try set.restore(to: server.folder.path + "/restored").isSound)
    let dump = UserDump(of: try StoredCheckpoint(closed: server.folder.path + "/restored"))
    #expect(try dump.next().map(\.email).sorted() == ["ann@example.org", "root@example.org"])
    #expect(try dump.next().isEmpty)
  }

  @Test(
    arguments: [
      "", ".udb", "a", "a.udb ", "../a.udb", "a/b.udb", "/etc/a.udb", "..udb", ".a.udb", "-a.udb", "a\\u0000.udb", "ä.udb",
      "a\\nb.udb",
      "made-7.udb", "a.udb.unfinished", "taken.udb", String(repeating: "a", count: 197) + ".udb",
    ])
  func `a name that is no plain new file name is refused, and nothing is made`(name: String) throws {
    let server = try APIServer()
    let root = try server.administrator(), folder = server.folder.path + "/backups"
    _ = try File("\(folder)/taken.udb", .createNew)
    let answer = try server.ask("POST", Self.path, #"{"name":"\#(name)"}"#, token: root.access)
    #expect(answer.status == 422 && answer.fieldErrors == ["#/name invalid_value"], "\(answer.text)")
    #expect(try Directory.names(in: folder) == ["taken.udb"])
    #expect(try server.ask("GET", "/api/v1/admin/stats", token: root.access)["backup"]?.isNull == true)
  }

  @Test func `all that is wrong with a request is said at once`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    for (body, errors) in [
      (#"{"name":1,"incrementalFrom":null}"#, ["#/name invalid_type", "#/incrementalFrom invalid_type"]),
      (#"{"name":"../x.udb","incrementalFrom":"none.udb"}"#, ["#/name invalid_value", "#/incrementalFrom invalid_value"]),
      (#"{"incrementalFrom":"../backups/x.udb"}"#, ["#/incrementalFrom invalid_value"]),
      (#"{"path":"/tmp"}"#, ["#/path unknown_field"]),
    ] {
      let answer = try server.ask("POST", Self.path, body, token: root.access)
      #expect(answer.status == 422 && answer.fieldErrors == errors, "\(body): \(answer.text)")
    }
    // The longest name that there may be.
    let name = String(repeating: "a", count: 196) + ".udb"
    #expect(try server.ask("POST", Self.path, #"{"name":"\#(name)"}"#, token: root.access).status == 202)
    #expect(try server.ask("POST", Self.path, token: root.access).code == "backup_in_progress")
  }

  @Test func `a backup that cannot be made says why, and the next one is made`() throws {
    let server = try APIServer()
    try server.backups.start()
    let root = try server.administrator(), folder = server.folder.path + "/backups"
    try Directory.removeEmpty(folder)
    let failed = try backUp(server, nil, token: root.access)
    #expect(failed["backup"]?["outcome"]?.string == "failed")
    #expect(
      failed["backup"]?["problems"]?.elements.first { _ in true }?.string?.contains("No such file") == true, "\(failed.text)")
    try Directory.create(folder)
    #expect(try backUp(server, nil, token: root.access)["backup"]?["outcome"]?.string == "done")
  }

  @Test func `a dump has every account of one moment in as many pieces as it takes, and hashes only if they are asked for`()
    throws
  {
    let server = try APIServer()
    let root = try server.administrator()
    for part in 0..<3 {
      let users = (0..<100).map {
        #"{"email":"p\#(part * 100 + $0)@example.org","name":"\#(String(repeating: "n", count: 190))"}"#
      }
      let loaded = try server.ask(
        "POST", "/api/v1/admin/load", #"{"users":[\#(users.joined(separator: ","))]}"#, over: .admin)
      #expect(loaded.status == 200, "\(loaded.text)")
    }
    let answer = try server.ask("GET", "/api/v1/admin/dump", over: .admin)
    #expect(answer.status == 200 && answer.header("Content-Type") == "application/x-ndjson")
    #expect(answer.header("Transfer-Encoding") == "chunked" && answer.header("Cache-Control") == "no-store")
    let lines = try Self.lines(answer)
    #expect(lines.count == 303 && lines[0]["type"]?.string == "dump" && lines[302]["users"]?.integer == 301)
    #expect(
      lines[1]["user"]?["email"]?.string == "root@example.org" && lines[301]["user"]?["email"]?.string == "p299@example.org")
    #expect(!answer.text.contains("argon2id"))
    let hashes = try server.ask("GET", "/api/v1/admin/dump?hashes=true", over: .admin)
    #expect(try Self.lines(hashes).count { $0["passwordHash"]?.string?.hasPrefix("$argon2id$") == true } == 1)
    #expect(try server.ask("GET", "/api/v1/admin/dump?hashes=yes", over: .admin).code == "invalid_request")
    #expect(try server.ask("HEAD", "/api/v1/admin/dump", over: .admin).status == 200)
    // Not by way of the network, whoever asks.
    #expect(try server.ask("GET", "/api/v1/admin/dump", token: root.access).code == "not_found")
  }

  private static func lines(_ answer: Answer) throws -> [JSONValue] {
    var text = answer.text[...], body = ""
    // Chunks: a size, the bytes, and at the end one of no bytes.
    while true {
      guard let end = text.firstIndex(of: "\r\n"), let count = Int(text[..<end], radix: 16) else { throw Unexpected(answer) }
      if count == 0 { break }
      let bytes = text[text.index(after: end)...].utf8.prefix(count)
      body += String(decoding: Array(bytes), as: UTF8.self)
      text = text[bytes.endIndex...].dropFirst(1)
    }
    return try body.split(separator: "\n").map { try JSONDocument(Array($0.utf8).span).root }
  }
}
