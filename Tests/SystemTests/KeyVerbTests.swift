// `userd admin keys` as an operator types it, with the server up, down, killed, and with a secret from outside.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct KeyVerbTests {
  private let folder = TemporaryFolder("keys")
  private var data: String { "\(folder.path)/db" }

  private struct Key: Equatable {
    let kid: String
    let state: String
    let ends: Bool
  }

  private func keys(_ words: String..., environment: [String: String] = [:]) throws -> [Key] {
    let run = try Program.run(["admin", "keys"] + words + ["--json", "--data", data], environment: environment)
    guard run.exitCode == 0 else { throw Failure(run) }
    let document = try JSONDocument(Array(run.output.utf8).span)
    return try #require(document.root["data"]).elements.map { key in
      Key(
        kid: key["kid"]?.string ?? "", state: key["state"]?.string ?? "", ends: key["retiresAt"]?.string != nil)
    }
  }

  private struct Failure: Error {
    let text: String
    init(_ run: Program.Outcome) { text = "exit \(run.exitCode): \(run.error)" }
  }

  private func register(_ server: RunningServer, _ email: String) throws -> String {
    let answer = try server.connect().request(
      "POST", "/api/auth/register", json: #"{"email":"\#(email)","password":"a long enough password","name":"Somebody"}"#)
    return try #require(answer.json["token"]?.string, "\(answer.text)")
  }

  private func status(_ server: RunningServer, _ token: String) throws -> Int {
    try server.connect().request("GET", "/api/auth/me", token: token).status
  }

  private var files: Set<String> { Set((try? Directory.names(in: "\(data)/keys/signing")) ?? []) }

  @Test func `keys are listed and rotated beside a server and without one, and a restart keeps what was decided`() throws {
    let first: Key
    let token: String
    do {
      let server = try RunningServer(data: data)
      token = try register(server, "ann@example.org")
      first = try #require(try keys("list").first)
      let rotated = try keys("rotate")
      #expect(rotated.count == 2 && rotated[1] == Key(kid: first.kid, state: "accepted", ends: true))
      #expect(try status(server, token) == 200)
      #expect(server.stop() == 0)
    }
    // Nobody serves: the verb opens the store itself.
    let alone = try keys("rotate")
    #expect(alone.count == 3 && alone[2].kid == first.kid && alone.map(\.state) == ["signing", "accepted", "accepted"])
    #expect(try keys("list") == alone)
    let shown = try Program.run(["admin", "keys", "list", "--data", data])
    let lines = shown.output.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("\(alone[0].kid)  signing  made 20") && lines[2].contains("  ends 20"))

    let server = try RunningServer(data: data)
    #expect(try status(server, token) == 200)
    let fresh = try register(server, "bob@example.org")
    // At once: asked for, or said before.
    let unasked = try Program.run(["admin", "keys", "rotate", "--now", "--data", data])
    #expect(unasked.exitCode == 64 && unasked.error.contains("--yes"))
    #expect(try status(server, fresh) == 200)
    let now = try keys("rotate", "--now", "--yes")
    #expect(now.count == 1 && files == [now[0].kid, "ring"])
    #expect(try status(server, token) == 401 && status(server, fresh) == 401)
    #expect(server.stop() == 0)
    #expect(try Program.run(["admin", "check", "--deep", "--data", data]).exitCode == 0)
  }

  @Test func `no rotation that is killed locks anybody out`() throws {
    var random = SeededGenerator.announced("killed rotations")
    var token = ""
    for round in 0..<3 {
      let server = try RunningServer(data: data)
      if !token.isEmpty { #expect(try status(server, token) == 200, "round \(round)") }
      token = try register(server, "person\(round)@example.org")
      #expect(try status(server, token) == 200)
      let verb = try Program(["admin", "keys", "rotate", "--data", data])
      sleepThread(milliseconds: UInt32.random(in: 0...40, using: &random))
      server.kill()
      _ = verb.wait()
    }
    let server = try RunningServer(data: data)
    #expect(try status(server, token) == 200)
    let listed = try keys("list")
    #expect(files == Set(listed.map(\.kid) + ["ring"]))
    #expect(server.stop() == 0)
  }

  @Test func `a secret from outside is changed outside, and the one before verifies meanwhile`() throws {
    let old = "the first secret that is long enough", new = "the second secret, also long enough!"
    let outside = ["USERD_JWT_SECRET": old]
    let token: String
    do {
      let server = try RunningServer(data: data, environment: outside)
      token = try register(server, "ann@example.org")
      let refused = try Program.run(["admin", "keys", "rotate", "--data", data])
      #expect(refused.exitCode == 64 && refused.error.contains("USERD_JWT_SECRET_PREVIOUS"))
      let listed = try keys("list")
      #expect(listed.count == 1 && listed[0].state == "signing" && !listed[0].ends)
      #expect(server.stop() == 0)
    }
    let alone = try Program.run(["admin", "keys", "rotate", "--data", data], environment: outside)
    #expect(alone.exitCode == 64 && alone.error.contains("USERD_JWT_SECRET"))
    // As systemd hands it over, with the old one beside it.
    try Directory.create("\(folder.path)/credentials")
    try write("\(new)\n", to: "\(folder.path)/credentials/jwt_secret")
    try write("\(old)\n", to: "\(folder.path)/old")
    do {
      let server = try RunningServer(
        data: data,
        environment: [
          "CREDENTIALS_DIRECTORY": "\(folder.path)/credentials", "USERD_JWT_SECRET_PREVIOUS_FILE": "\(folder.path)/old",
        ])
      #expect(try status(server, token) == 200)
      #expect(try keys("list").map(\.state) == ["signing", "accepted"])
      #expect(server.stop() == 0)
    }
    let server = try RunningServer(data: data, environment: ["USERD_JWT_SECRET": new])
    #expect(try status(server, token) == 401)
    #expect(server.stop() == 0)
  }

  @Test func `keys of a folder without a store are exit code 66`() throws {
    for verb in ["list", "rotate"] {
      let run = try Program.run(["admin", "keys", verb, "--data", "\(folder.path)/nowhere"])
      #expect(run.exitCode == 66 && run.error.contains("there is no store"))
    }
    #expect((try? FileStatus(path: "\(folder.path)/nowhere")) == nil)
  }
}
