// What a restored store knows of the one before it: passwords and API keys, but no session and no token; and the key of second factors.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct RestoredStoreTests {
  private static let password = "a long enough password"
  private static let login = #"{"email":"ann@example.org","password":"a long enough password"}"#

  /// A store with a person who has an app, an API key and everything that is issued to people, and its backups.
  private struct Scene {
    let folder = TemporaryFolder("restored")
    var data: String { "\(folder.path)/db" }
    let access: String
    let refresh: String
    let reset: String
    let key: String
    let boss: String

    init() throws {
      let data = "\(folder.path)/db"
      boss = String(try Scene.admin(data, "user", "create", "--email", "boss@example.org", "--role", "admin").prefix(36))
      let server = try RunningServer(data: data)
      let client = try server.connect()
      let registered = try client.request(
        "POST", "/api/auth/register",
        json: #"{"email":"ann@example.org","password":"\#(RestoredStoreTests.password)","name":"Ann"}"#)
      access = registered.json["token"]?.string ?? ""
      refresh = registered.json["refreshToken"]?.string ?? ""
      key =
        try Scene.admin(data, "api-key", "create", "--name", "svc", "--user", boss, "--permissions", "users:read")
        .split(separator: "\n").last.map(String.init) ?? ""
      reset = try Scene.admin(data, "user", "reset-link", "ann@example.org").split(separator: "\n").first.map(String.init) ?? ""
      #expect(key.hasPrefix("uk1_") && reset.hasPrefix("upr1_"))
      let me = try client.request("GET", "/api/auth/me", token: access)
      let seen = try client.request("GET", "/api/v1/users/\(boss)", token: key)
      #expect(me.status == 200 && seen.status == 200)
      _ = try Scene.admin(data, "backup", "-o", "\(folder.path)/plain")
      #expect(server.stop() == 0)
    }

    @discardableResult
    static func admin(_ data: String, _ words: String...) throws -> String {
      let run = try Program.run(["admin"] + words + ["--data", data])
      #expect(run.exitCode == 0, "\(words): \(run.output)\(run.error)")
      return run.output
    }
  }

  /// That no token of the old store is worth anything.
  private static func expectNothingRevived(_ scene: Scene, _ client: HTTPClient, _ comment: String) throws {
    #expect(try client.request("GET", "/api/auth/me", token: scene.access).status == 401, "\(comment)")
    let refresh = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(scene.refresh)"}"#)
    #expect(refresh.code == "refresh_invalid", "\(comment): \(refresh.text)")
    let reset = try client.request(
      "POST", "/api/auth/password/reset", json: #"{"token":"\#(scene.reset)","newPassword":"another long password"}"#)
    #expect(reset.code == "token_used_or_expired", "\(comment): \(reset.text)")
    let again = try client.request("POST", "/api/auth/login", json: RestoredStoreTests.login)
    #expect(again.status == 200, "\(comment): passwords are what they were")
  }

  @Test
  func `a restored store revives no session and no one-time token, also with the old keys, and API keys unless they are ended`()
    throws
  {
    let scene = try Scene(), backup = "\(scene.folder.path)/plain"
    for (name, words, keyStatus) in [("kept", [], 200), ("ended", ["--revoke-keys"], 401)] as [(String, [String], Int)] {
      let target = "\(scene.folder.path)/\(name)"
      let restore = try Program.run(["admin", "restore", backup, "--data", target] + words)
      #expect(restore.exitCode == 0, "\(restore.error)")
      #expect(restore.output.contains("1 API keys have ended") == (keyStatus == 401), "\(restore.output)")
      // Somebody puts all the old keys back.
      try copyFolder("\(scene.data)/keys", to: "\(target)/keys")
      #expect(try Program.run(["admin", "check", "--deep", "--data", target]).exitCode == 0)
      let server = try RunningServer(data: target)
      let client = try server.connect()
      try Self.expectNothingRevived(scene, client, name)
      #expect(try client.request("GET", "/api/v1/users/\(scene.boss)", token: scene.key).status == keyStatus, "\(name)")
      #expect(server.stop() == 0)
      let check = try Program.run(["admin", "check", "--deep", "--data", target])
      #expect(check.exitCode == 0, "\(check.output)")
      let keys = try Program.run(["admin", "api-key", "list", "--data", target])
      #expect(keys.output.isEmpty == (keyStatus == 401), "\(keys.output)")
    }
  }

  @Test func `the key of second factors comes with a backup that was made with it, and with no other`() throws {
    let scene = try Scene(), plain = "\(scene.folder.path)/plain", keyed = "\(scene.folder.path)/keyed"
    let made = try Scene.admin(scene.data, "backup", "-o", keyed, "--with-keys", "--verify", "--json")
    #expect(made.contains(#""withKeys":true"#), "\(made)")
    let wrap = text(ofBytes: "\(scene.data)/keys/wrap")
    #expect(wrap.count == 32 && text(ofBytes: keyed).contains(wrap) && !text(ofBytes: plain).contains(wrap))
    for (name, words) in [("keyed", []), ("keyed and ended", ["--revoke-keys"])] {
      let target = "\(scene.folder.path)/\(name) store"
      let restore = try Program.run(["admin", "restore", keyed, "--data", target] + words)
      #expect(
        restore.exitCode == 0 && restore.output.contains("the key of second factors came with the backup"), "\(restore.error)")
      #expect(text(ofBytes: "\(target)/keys/wrap") == wrap)
      #expect(
        try FileStatus(path: "\(target)/keys/wrap").permissions == 0o600
          && FileStatus(path: "\(target)/keys").permissions == 0o700)
      #expect(try Directory.names(in: "\(target)/keys") == ["wrap"], "no key of tokens travels")
      let server = try RunningServer(data: target)
      try Self.expectNothingRevived(scene, try server.connect(), name)
      #expect(server.stop() == 0)
      #expect(text(ofBytes: "\(target)/keys/wrap") == wrap)
    }
    // An increment without the key on top of one that has it.
    let more = "\(scene.folder.path)/more"
    try Scene.admin(scene.data, "backup", "-o", more, "--incremental-from", keyed)
    let chain = try Program.run(["admin", "restore", keyed, more, "--data", "\(scene.folder.path)/chain"])
    #expect(chain.exitCode == 0 && text(ofBytes: "\(scene.folder.path)/chain/keys/wrap") == wrap, "\(chain.error)")
    try Scene.admin("\(scene.folder.path)/bare", "restore", plain)
    #expect(throws: Errno.notFound) { try FileStatus(path: "\(scene.folder.path)/bare/keys") }
    let verify = try Program.run(["admin", "restore", "--verify", "--revoke-keys", plain])
    #expect(verify.exitCode == 64, "\(verify.error)")
  }

  /// The bytes of a file, each as one character.
  private func text(ofBytes path: String) -> String {
    guard let file = try? File(path, .read), let size = try? file.size() else { return "" }
    var bytes = [UInt8](repeating: 0, count: size)
    var span = bytes.mutableSpan
    _ = try? file.read(into: &span, at: 0)
    return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  @Test func `disk-check tells what a flush costs and leaves nothing behind`() throws {
    let folder = TemporaryFolder("disk"), data = "\(folder.path)/db"
    // Before the first start it is the disk of the folder above.
    let before = try Program.run(["admin", "disk-check", "--data", data])
    #expect(before.exitCode == 0 && before.output.contains("only pulling the plug"), "\(before.output)\(before.error)")
    #expect(try Directory.names(in: folder.path) == [])
    try Directory.create(data)
    try write("left", to: "\(data)/userd-disk-check.tmp")
    let run = try Program.run(["admin", "disk-check", "--json", "--data", data])
    let report = try JSONDocument(Array(run.output.utf8).span).root
    #expect(run.exitCode == 0 && (report["rounds"]?.integer ?? 0) >= 20, "\(run.output)\(run.error)")
    let names: [StaticString] = ["min", "p50", "p90", "p99", "max"]
    let costs = names.map { report["nanoseconds"]?[$0]?.integer ?? -1 }
    #expect(costs == costs.sorted() && costs[0] > 0, "\(costs)")
    #expect(["memory", "barriersOff", "tooFast", "noCache", "plausible"].contains(report["verdict"]?.string ?? ""))
    #expect(try Directory.names(in: data) == [])
    let nowhere = try Program.run(["admin", "disk-check", "--data", "\(folder.path)/no/where"])
    #expect(nowhere.exitCode == 66, "\(nowhere.error)")
  }
}
