// Planted secrets: driven through every endpoint, then looked for in logs, refusals, files, backups and memory.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct SecretTests {
  /// Texts that occur nowhere by themselves.
  private enum Planted {
    static let known = "Planted.Known.4711@planted-mail.example"
    static let other = "planted.other.4712@planted-mail.example"
    static let unknown = "planted.unknown.4713@planted-mail.example"
    static let password = "Planted-Horse-8421-battery"
    static let next = "Planted-Horse-8422-newer"
    static let wrong = "Planted-Wrong-8423-guess"
    static let key = "Planted-Key-8424"
    static let bearer = "Planted.Bearer-8425.value"
    static let basic = "UGxhbnRlZC1CYXNpYy04NDI2"
    static let query = "Planted-Query-8427"
    static let code = "Planted-Code-8428"
    static let member = "Planted-Member-8429"
    static let path = "Planted-Path-8430"

    /// What may be nowhere but in answers that succeed.
    static let never = [password, next, wrong, bearer, basic, query, code, key, unknown]
    /// What a refusal may name to who sent it: members and paths of the request itself.
    static let echoed = [member, path]
  }

  /// Every endpoint that takes a secret or an address, those to come included, with planted values in every field.
  private static let requests: [(method: String, path: String, json: String?)] = [
    ("POST", "/api/auth/register", #"{"email":"\#(Planted.known)","password":"\#(Planted.password)","name":"Ann"}"#),
    ("POST", "/api/auth/register", #"{"email":"\#(Planted.known)","password":"\#(Planted.wrong)","name":"Ann"}"#),
    ("POST", "/api/auth/register", #"{"email":"\#(Planted.unknown)","password":"\#(Planted.wrong)","name":"\u202e"}"#),
    (
      "POST", "/api/auth/register",
      #"{"email":"\#(Planted.unknown),","password":"x","name":"Ann","\#(Planted.member)":"\#(Planted.wrong)"}"#
    ),
    ("POST", "/api/auth/login", #"{"email":"\#(Planted.known)","password":"\#(Planted.wrong)"}"#),
    ("POST", "/api/auth/login", #"{"email":"\#(Planted.unknown)","password":"\#(Planted.wrong)"}"#),
    ("POST", "/api/auth/login", #"{"email":"\#(Planted.unknown)","password":["\#(Planted.wrong)"]}"#),
    ("POST", "/api/auth/login", #"{"email":"\#(Planted.unknown)","password":"\#(Planted.wrong)""#),
    ("POST", "/api/auth/login", #"{"password":"\#(Planted.wrong)","password":"\#(Planted.wrong)"}"#),
    ("POST", "/api/auth/login/mfa", #"{"mfaToken":"\#(Planted.bearer)","method":"totp","code":"\#(Planted.code)"}"#),
    ("POST", "/api/auth/refresh", #"{"refreshToken":"\#(Planted.bearer)"}"#),
    ("POST", "/api/auth/logout", #"{"refreshToken":"\#(Planted.bearer)","scope":"\#(Planted.code)"}"#),
    ("POST", "/api/auth/reauth", #"{"password":"\#(Planted.wrong)","code":"\#(Planted.code)"}"#),
    ("POST", "/api/auth/password/change", #"{"currentPassword":"\#(Planted.wrong)","newPassword":"\#(Planted.next)"}"#),
    ("POST", "/api/auth/password/forgot", #"{"email":"\#(Planted.unknown)"}"#),
    ("POST", "/api/auth/password/forgot", #"{"email":"\#(Planted.known)"}"#),
    ("POST", "/api/auth/password/reset", #"{"token":"\#(Planted.bearer)","newPassword":"\#(Planted.next)"}"#),
    ("POST", "/api/auth/email/verify", #"{"token":"\#(Planted.bearer)"}"#),
    ("POST", "/api/auth/email/resend", "{}"),
    ("POST", "/api/auth/email/change", #"{"newEmail":"\#(Planted.unknown),","password":"\#(Planted.wrong)"}"#),
    ("POST", "/api/auth/mfa/totp", "{}"),
    ("POST", "/api/auth/mfa/totp/confirm", #"{"code":"\#(Planted.code)"}"#),
    (
      "POST", "/api/v1/setup",
      #"{"token":"\#(Planted.bearer)","email":"\#(Planted.unknown)","password":"\#(Planted.wrong)","name":"Root"}"#
    ),
    ("POST", "/api/v1/users", #"{"email":"\#(Planted.unknown)","password":"\#(Planted.wrong)","name":"Eve"}"#),
    ("GET", "/api/v1/users?email=\(Planted.query)&cursor=\(Planted.query)", nil),
    ("GET", "/api/auth/me?token=\(Planted.query)", nil), ("GET", "/\(Planted.path)", nil),
    ("GET", "/problems/\(Planted.path)", nil),
    ("GET", "/api/auth/verify?role=\(Planted.query)", nil), ("DELETE", "/api/auth/me", #"{"password":"\#(Planted.wrong)"}"#),
  ]

  @Test func `planted secrets and addresses are in no log, no refusal, no file and no backup`() throws {
    let folder = TemporaryFolder("secrets")
    let data = folder.path + "/db"
    let server = try RunningServer(data: data, flags: ["--log-level=debug"])
    let client = try server.connect()
    var refusals: [String] = []
    var secrets = Planted.never
    func ask(_ method: String, _ path: String, token: String? = nil, headers: [String] = [], json: String? = nil) throws
      -> HTTPAnswer
    {
      let answer = try client.request(method, path, token: token, headers: headers, json: json)
      if answer.status >= 400 { refusals.append("\(method) \(path.prefix(24)): \(answer.headers) \(answer.text)") }
      for name in ["token", "refreshToken", "mfaToken", "secret"] as [StaticString] {
        if let text = answer.json[name]?.string { secrets.append(text) }
      }
      return answer
    }
    var statuses: [Int] = []
    for request in Self.requests {
      for headers in [
        [], ["Authorization: Bearer \(Planted.bearer)", "Idempotency-Key: \(Planted.key)"],
        ["Authorization: Basic \(Planted.basic)"],
      ] {
        statuses.append(try ask(request.method, request.path, headers: headers, json: request.json).status)
      }
    }
    let login = try ask("POST", "/api/auth/login", json: #"{"email":"\#(Planted.known)","password":"\#(Planted.password)"}"#)
    let access = try #require(login.json["token"]?.string), refresh = try #require(login.json["refreshToken"]?.string)
    for request in Self.requests where request.method != "DELETE" {
      _ = try ask(request.method, request.path, token: access, json: request.json)
    }
    _ = try ask(
      "POST", "/api/auth/refresh", headers: ["Idempotency-Key: \(Planted.key)"], json: #"{"refreshToken":"\#(refresh)"}"#)
    _ = try ask("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(refresh.dropLast())A"}"#)
    _ = try ask("POST", "/api/auth/logout", token: access, json: #"{"scope":"all"}"#)
    _ = try ask("GET", "/api/auth/me", token: access)
    #expect(statuses.contains(201) && statuses.contains(401) && statuses.contains(409) && statuses.contains(422))
    #expect(refusals.count > 50 && secrets.count > Planted.never.count + 3)

    let created = try Program.run(
      ["admin", "user", "create", "--email", Planted.other, "--password-stdin", "--data", data], input: Planted.next)
    #expect(created.exitCode == 0)
    let refused = try Program.run(
      ["admin", "user", "create", "--email", Planted.other, "--password-stdin", "--data", data], input: Planted.next)
    #expect(refused.exitCode != 0)
    let backup = try Program.run(["admin", "backup", "-o", folder.path + "/copy", "--data", data])
    #expect(backup.exitCode == 0, "\(backup.error)")
    #expect(server.stop() == 0)

    let said = server.program.output + server.program.error
    let spoken = said + refusals.joined(separator: "\n") + created.error + backup.output + backup.error
    // Each part of an access token tells as much as the whole.
    let parts = secrets.filter { $0.utf8.count > 100 }.flatMap { $0.split(separator: ".").dropFirst().map(String.init) }
    let told = (secrets + parts).filter { spoken.contains($0) } + Planted.echoed.filter { said.contains($0) }
    #expect(told.isEmpty)
    for address in [Planted.known, Planted.other, Planted.unknown] {
      let isTold = spoken.lowercased().contains(address.lowercased())
      #expect(!isTold, "\(address) was said")
      #expect(!refused.error.lowercased().contains(address.lowercased()), "\(address) was said by a verb")
    }
    let keys = try Self.keys(of: data)
    #expect(keys.count == 3)
    var seen = false
    for path in try files(under: folder.path) where !path.contains("/keys/") {
      let bytes = try contents(of: path)
      let kept = (secrets + Planted.echoed).filter { contains(bytes, Array($0.utf8)) }
      #expect(kept.isEmpty, "in \(path)")
      let hasKey = keys.contains { contains(bytes, $0) }
      #expect(!hasKey, "a key is in \(path)")
      // The reader would find what is there: the address of an account is user data.
      if contains(bytes, Array(Planted.known.utf8)) { seen = true }
    }
    #expect(seen)
  }

  /// All keys of a data folder; a file beside them that says which key signs is none.
  private static func keys(of data: String) throws -> [[UInt8]] {
    try files(under: data + "/keys").map { try contents(of: $0) }.filter { $0.count == 32 }
  }

  @Test func `a crash leaves no core file, whatever the limit was`() throws {
    let folder = TemporaryFolder("core")
    // A shell that dies the same way, to know whether a core would be written here at all.
    let line = "ulimit -c unlimited; cd \(folder.path);"
    let control = try Program(["version"], shell: "\(line) kill -SEGV $$")
    _ = control.wait()
    let server = try Program(
      ["serve", "--data", folder.path + "/db", "--listen", "127.0.0.1:0", "--log-format", "json"],
      shell: "\(line) exec \"$0\" \"$@\"")
    try #require(server.says("\"listening\""), "\(server.output)\(server.error)")
    let limits = text(of: "/proc/\(server.process)/limits", atMost: 8192)
    let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") }.map {
      $0.split(separator: " ").suffix(3)
    }
    #expect(core?.map(String.init) == ["0", "0", "bytes"], "\(limits)")
    // In debug builds Swift's runtime takes the first one for its backtrace, and goes on if nothing faults again.
    for _ in 0..<5 where server.wait(seconds: 0) == nil {
      server.signal(SIGSEGV)
      _ = server.wait(seconds: 5)
    }
    #expect(server.wait(seconds: 0) == -SIGSEGV)
    #expect(!server.dumpedCore)
    let names = try Directory.names(in: folder.path)
    #expect(
      names.filter { $0.hasPrefix("core") }.count == (control.dumpedCore && names.contains { $0.hasPrefix("core") } ? 1 : 0))
    print("a shell that dies here \(control.dumpedCore ? "dumps" : "does not dump") core")
  }

  @Test func `keys lie on pages that no dump takes`() throws {
    let folder = TemporaryFolder("memory")
    let data = folder.path + "/db"
    let server = try RunningServer(data: data)
    let client = try server.connect()
    let body = #"{"email":"\#(Planted.known)","password":"\#(Planted.password)","name":"Ann"}"#
    let answer = try client.request("POST", "/api/auth/register", json: body)
    let access = try #require(answer.json["token"]?.string), refresh = try #require(answer.json["refreshToken"]?.string)
    for _ in 0..<20 { _ = try client.request("GET", "/api/auth/me", token: access) }
    // Only root, or whom the kernel lets trace, sees the memory of a process that has forbidden dumps.
    guard let memory = try? ProcessMemory(of: server.program.process) else {
      print("the memory of userd cannot be read by this user")
      return
    }
    let reads = memory.isDumped(Array("/api/auth/register".utf8))
    #expect(reads, "the reader reads")
    let dumped = try Self.keys(of: data).filter { memory.isDumped($0) }
    #expect(dumped.isEmpty, "\(dumped.count) keys would be in a dump")
    for (name, secret) in [("password", Planted.password), ("access token", access), ("refresh token", refresh)] {
      print("in what a dump would take: \(name) \(memory.isDumped(Array(secret.utf8)))")
    }
    #expect(server.stop() == 0)
  }
}
