// `userd admin dump` and `load` as an operator types them: a round trip, refusals by line, and work that is run again.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct DumpTests {
  private static func run(_ words: String..., input: String? = nil) throws -> Program.Outcome {
    try Program.run(["admin"] + words, input: input ?? "")
  }

  private func lines(_ path: String) throws -> [String] { text(of: path).split(separator: "\n").map { String($0) } }

  private func write(_ lines: [String], to path: String) throws {
    let file = try File(path, .createNew)
    _ = try file.write(Array((lines.joined(separator: "\n") + "\n").utf8).span, at: 0)
  }

  @Test func `what was dumped is loaded with identifiers, times, hashes and states, and dumps to the same lines`() throws {
    let folder = TemporaryFolder("dump"), data = "\(folder.path)/db", copy = "\(folder.path)/copy"
    #expect(try Self.run("dump", "--data", data).exitCode == 66)
    let server = try RunningServer(data: data)
    let client = try server.connect()
    for number in 0..<5 {
      let body = #"{"email":"p\#(number)@example.org","password":"a long enough password","name":"Person \#(number)"}"#
      #expect(try client.request("POST", "/api/auth/register", json: body).status == 201)
    }
    #expect(try Self.run("user", "disable", "p1@example.org", "--data", data).exitCode == 0)
    #expect(try Self.run("user", "delete", "p2@example.org", "--yes", "--data", data).exitCode == 0)
    let plain = try Self.run("dump", "--data", data)
    #expect(
      plain.exitCode == 0 && !plain.output.contains("passwordHash\"") && !plain.output.contains("argon2id"), "\(plain.error)")
    #expect(plain.output.hasPrefix(#"{"type":"dump","version":1,"#) && plain.output.hasSuffix("{\"type\":\"end\",\"users\":5}\n"))
    let file = "\(folder.path)/people.jsonl"
    let dump = try Self.run("dump", "--with-hashes", "-o", file, "--data", data)
    #expect(dump.exitCode == 0, "\(dump.error)")
    #expect(try FileStatus(path: file).permissions == 0o600)
    #expect(try Self.run("dump", "-o", file, "--data", data).exitCode == 73, "nothing is written over")
    #expect(server.stop() == 0)

    let load = try Self.run("load", file, "--json", "--data", copy)
    #expect(load.output == "{\"made\":5,\"present\":0}\n", "\(load.output)\(load.error)")
    let again = try Self.run("load", file, "--data", copy)
    #expect(again.exitCode == 0 && again.output.hasPrefix("0 accounts made, 5 "), "\(again.output)\(again.error)")
    let second = try Self.run("dump", "--with-hashes", "--data", copy)
    // The first line names store and checkpoint.
    let isSame = Array(second.output.split(separator: "\n").map { String($0) }.dropFirst()) == Array(try lines(file).dropFirst())
    #expect(isSame)
    #expect(try Self.run("check", "--deep", "--data", copy).exitCode == 0)
    let restored = try RunningServer(data: copy)
    let login = try restored.connect().request(
      "POST", "/api/auth/login", json: #"{"email":"p0@example.org","password":"a long enough password"}"#)
    #expect(login.status == 200)
    // Into a server that takes only short bodies, lines go in smaller commits.
    let many = "\(folder.path)/many.jsonl"
    try write((0..<1000).map { #"{"email":"m\#($0)@example.org","name":"Some name","metadata":{"n":\#($0)}}"# }, to: many)
    let beside = try Self.run("load", many, "--json", "--data", copy)
    #expect(beside.output == "{\"made\":1000,\"present\":0}\n", "\(beside.output)\(beside.error)")
    #expect(try Self.run("dump", "--data", copy).output.contains(#""metadata":{"n":7},"#))
    #expect(restored.stop() == 0)
    #expect(try Self.run("check", "--deep", "--data", copy).output.contains("1005 users"))
  }

  @Test func `a line that is wrong is named, and nothing of its commit is taken`() throws {
    let folder = TemporaryFolder("load"), data = "\(folder.path)/db", file = "\(folder.path)/people.jsonl"
    #expect(try Self.run("load", file, "--data", data).exitCode == 66)
    var people = (0..<1200).map { #"{"email":"p\#($0)@example.org","name":"Person"}"# }
    people[1099] = #"{"email":"no address","name":"Person"}"#
    people[1149] = #"{"email":"P1105@example.org","name":"Person"}"#
    people.insert("", at: 10)
    try write(people, to: file)
    let refused = try Self.run("load", file, "--data", data)
    #expect(refused.exitCode == 65 && refused.error.contains("line 1101: email not an e-mail address"), "\(refused.error)")
    #expect(refused.error.contains("nothing of lines 1002 to 1201 was taken"), "\(refused.error)")
    #expect(try Self.run("check", "--data", data).output.contains("1000 users"))
    // Repaired in part, the next reason is told.
    people[1100] = #"{"email":"p1099@example.org","name":"Person"}"#
    let next = "\(folder.path)/next.jsonl"
    try write(people, to: next)
    let taken = try Self.run("load", next, "--data", data)
    #expect(
      taken.exitCode == 65 && taken.error.contains("line 1151: email an account before it has this address"), "\(taken.error)")

    for (line, reason) in [
      ("{", "no JSON"), ("[]", "must be a JSON object"), (#"{"name":"x"}"#, "email this member is required"),
      (#"{"email":"q@example.org","name":"q","password":"secret words here"}"#, "unknown here"),
      (#"{"email":"q@example.org","name":"q","passwordHash":"md5:1234"}"#, "passwordHash"),
      (#"{"email":"q@example.org","name":"q","role":"emperor"}"#, "there is no such role"),
      (#"{"email":"q@example.org","name":"q","status":"gone"}"#, "not active, disabled or deleted"),
      (#"{"email":"q@example.org","name":"q","id":"17"}"#, "not an identifier"),
      (#"{"email":"q@example.org","name":"q","createdAt":"yesterday"}"#, "not a moment"),
      (#"{"type":"dump","version":2}"#, "another version"), (#"{"type":"planet"}"#, "nothing that can be loaded"),
    ] {
      let outcome = try Self.run("load", "-", "--data", data, input: line + "\n")
      #expect(outcome.exitCode == 65 && outcome.error.contains(reason), "\(line): \(outcome.error)")
      #expect(!outcome.error.contains("secret words"))
    }
    let cut = try Self.run(
      "load", "-", "--data", data,
      input: "{\"type\":\"dump\",\"version\":1}\n{\"type\":\"user\",\"user\":{\"email\":\"last@example.org\",\"name\":\"l\"}}\n")
    #expect(cut.exitCode == 65 && cut.error.contains("the dump is not whole: it has no last line"), "\(cut.error)")
    #expect(try Self.run("check", "--data", data).output.contains("1001 users"))
    // An identifier says whose account it is: the address of another one is refused then.
    let taken2 = try Self.run(
      "load", "-", "--data", data, input: "{\"id\":\"\(Self.id(1))\",\"email\":\"P3@example.org\",\"name\":\"x\"}\n")
    #expect(taken2.exitCode == 65 && taken2.error.contains("line 1: email another account has this address"), "\(taken2.error)")
  }

  @Test func `killed in the middle, a load leaves whole commits, and run again it goes on`() throws {
    let folder = TemporaryFolder("load"), data = "\(folder.path)/db", file = "\(folder.path)/people.jsonl"
    try write((0..<3000).map { #"{"id":"\#(Self.id($0))","email":"p\#($0)@example.org","name":"Person"}"# }, to: file)
    let tool = try Program(["admin", "load", file, "--data", data])
    sleepThread(milliseconds: 150)
    tool.signal(SIGKILL)
    _ = tool.wait()
    let again = try Self.run("load", file, "--json", "--data", data)
    #expect(again.exitCode == 0, "\(again.error)")
    let check = try Self.run("check", "--deep", "--data", data)
    #expect(check.exitCode == 0 && check.output.contains("3000 users"), "\(check.output)\(check.error)")
  }

  private static func id(_ number: Int) -> String {
    let digits = String(number)
    return "0198f3c0-5d2e-7a41-9c35-" + String(repeating: "0", count: 12 - digits.utf8.count) + digits
  }
}
