// SIGHUP: hot settings change while the server runs, all of them or none, and nothing is forgotten over it.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct ReloadTests {
  /// A server with a file of its own.
  private final class Reloaded {
    let folder = TemporaryFolder("reload")
    let server: RunningServer
    private var count = 0

    var path: String { "\(folder.path)/userd.toml" }

    /// Puts a whole file in the place of another, as an editor does: no reload sees half of one.
    func replace(_ file: String) throws {
      try write(file, to: path + ".new")
      try #require(unsafe rename(path + ".new", path) == 0)
    }

    init(_ file: String, flags: [String] = []) throws {
      try write(file, to: "\(folder.path)/userd.toml")
      // Throttling is part of what is tried: the file says whether.
      let program = try Program(
        [
          "serve", "--data", "\(folder.path)/db", "--listen", "127.0.0.1:0", "--config", "\(folder.path)/userd.toml",
          "--hash-memory=128K", "--hash-time=1",
        ] + flags)
      server = try RunningServer(of: program)
    }

    /// Replaces the file and waits until the server has read it.
    func reload(_ file: String) throws {
      try replace(file)
      try reload()
    }

    /// Waits until the server has read what there is, also if it says that it cannot.
    func reload() throws {
      count += 1
      server.program.signal(SIGHUP)
      for _ in 0..<4000 {
        let said = server.program.output.split(separator: "\n").count { $0.contains("reloaded") }
        if said >= count { return }
        sleepThread(milliseconds: 5)
      }
      Issue.record("no reload in 20 s: \(server.program.output)")
    }

    func readiness() throws -> JSONDocument {
      try JSONDocument(Array(try server.connect().request("GET", "/readyz?verbose").text.utf8).span)
    }
  }

  private static func register(_ client: inout HTTPClient, _ name: String, password: String = "correct horse") throws
    -> HTTPAnswer
  {
    try client.request(
      "POST", "/api/auth/register",
      json: #"{"email":"\#(name)@example.org","password":"\#(password)","name":"Somebody"}"#)
  }

  @Test func `settings change while requests are served, and sessions and tokens live on`() throws {
    let quiet = "throttle.enabled = false\n"
    let subject = try Reloaded(quiet)
    var client = try subject.server.connect()
    let first = try Self.register(&client, "ann")
    #expect(first.status == 201 && first.json["expiresIn"]?.integer == 600)
    let token = try #require(first.json["token"]?.string)
    func answer(from origin: String) throws -> String? {
      try client.request("GET", "/api/auth/me", token: token, headers: ["Origin: \(origin)"])["access-control-allow-origin"]
    }
    #expect(try answer(from: "https://a.example") == nil)

    let folder = subject.folder.path
    try write("Battery Staple Nine\n", to: "\(folder)/refused.txt")
    try subject.reload(
      quiet + """
        [http]
        cors_origins = ["https://a.example", "https://b.example"]
        trusted_proxies = ["127.0.0.1"]
        [auth]
        access_ttl = "5m"
        max_sessions = 1
        [password]
        min_length = 12
        blocklist_file = "\(folder)/refused.txt"
        [log]
        level = "debug"
        """)
    #expect(try answer(from: "https://a.example") == "https://a.example")
    #expect(try answer(from: "https://b.example") == "https://b.example")
    #expect(try client.request("GET", "/api/auth/me", token: token).status == 200)
    #expect(try Self.register(&client, "bob", password: "elevenchars").status == 422)
    #expect(try Self.register(&client, "bob", password: "battery staple nine").status == 422)
    let bob = try Self.register(&client, "bob", password: "twelve chars here")
    #expect(bob.status == 201 && bob.json["expiresIn"]?.integer == 300)
    #expect(try client.request("GET", "/livez").status == 200)
    #expect(subject.server.program.says("/livez"), "health routes are logged at debug")
    // The proxy is believed on connections made from now on.
    let proxied = try subject.server.connect()
    _ = try proxied.request("GET", "/api/auth/me", headers: ["X-Forwarded-For: 198.51.100.7"])
    #expect(subject.server.program.says("198.51.100.7"))

    // The same name with other words in the file; origins in another order, one gone.
    try write("twelve chars here\n", to: "\(folder)/refused.txt")
    try subject.reload(
      quiet + """
        http.cors_origins = ["https://c.example", "https://b.example"]
        password.blocklist_file = "\(folder)/refused.txt"
        """)
    #expect(try Self.register(&client, "cat", password: "twelve chars here").status == 422)
    #expect(try Self.register(&client, "cat", password: "battery staple nine").status == 201)
    #expect(try answer(from: "https://a.example") == nil)
    #expect(try answer(from: "https://b.example") == "https://b.example")
    #expect(try answer(from: "https://c.example") == "https://c.example")
    #expect(subject.server.stop() == 0)
  }

  @Test func `limits of rates change, and what was counted stays`() throws {
    let subject = try Reloaded("throttle.enabled = false\n")
    var client = try subject.server.connect()
    func anonymous() throws -> HTTPAnswer { try client.request("GET", "/api/auth/me") }
    for _ in 0..<20 { #expect(try anonymous().status == 401) }
    try subject.reload("[throttle]\nip_per_minute = 5\nregister_per_hour = 1\n")
    for _ in 0..<5 { #expect(try anonymous().status == 401) }
    let refused = try anonymous()
    #expect(refused.status == 429 && refused["ratelimit-policy"] == "\"ip\";q=5;w=60", "\(refused.text)")
    try subject.reload("[throttle]\nip_per_minute = 0\nregister_per_hour = 1\n")
    for _ in 0..<20 { #expect(try anonymous().status == 401) }
    #expect(try Self.register(&client, "ann").status == 201)
    #expect(try Self.register(&client, "bob").status == 429)
    try subject.reload("[throttle]\nip_per_minute = 0\nregister_per_hour = 2\n")
    #expect(try Self.register(&client, "bob").status == 201)
    #expect(try Self.register(&client, "cat").status == 429)
    #expect(subject.server.stop() == 0)
  }

  @Test func `a channel comes and goes with the file`() throws {
    let subject = try Reloaded("throttle.enabled = false\n")
    var client = try subject.server.connect()
    #expect(try Self.register(&client, "ann").status == 201)
    func forgot() throws {
      #expect(try client.request("POST", "/api/auth/password/forgot", json: #"{"email":"ann@example.org"}"#).status == 202)
    }
    try forgot()
    try subject.reload(
      "throttle.enabled = false\ndelivery.channel = \"log\"\ndelivery.reset_url = \"https://a.example/{token}\"\n")
    try forgot()
    #expect(subject.server.program.says("https://a.example/upr1_"))
    try subject.reload("throttle.enabled = false\n")
    #expect(try subject.readiness().root["checks"]?["delivery"] == nil)
    let before = subject.server.program.output.split(separator: "\n").count { $0.contains("upr1_") }
    try forgot()
    sleepThread(milliseconds: 700)
    #expect(subject.server.program.output.split(separator: "\n").count { $0.contains("upr1_") } == before)
    #expect(subject.server.stop() == 0)
  }

  @Test func `a mistake anywhere keeps everything, is logged and told by readiness until a file is good again`() throws {
    let subject = try Reloaded("throttle.enabled = false\nhttp.cors_origins = [\"https://a.example\"]\n")
    let client = try subject.server.connect()
    func allows(_ origin: String) throws -> Bool {
      try client.request("GET", "/livez", headers: ["Origin: \(origin)"])["access-control-allow-origin"] == origin
    }
    #expect(try subject.readiness().root["checks"]?["configuration"]?["status"]?.string == "ok")
    let good = "throttle.enabled = false\nhttp.cors_origins = [\"https://b.example\"]\n"
    for (mistake, words) in [
      ("thredas = 1\n", "userd.toml:3: unknown key"), ("delivery.channel = \"webhook\"\n", "delivery.webhook_url"),
      ("password.blocklist_file = \"/nowhere\"\n", "/nowhere"), ("auth.access_ttl = \"1s\"\n", "1m to 1h"),
      // A start would refuse it too.
      ("backup.schedule = \"daily 03:15\"\n", "backup.dir"),
    ] {
      try subject.reload(good + mistake)
      #expect(try allows("https://a.example") && !allows("https://b.example"), "\(mistake)")
      let readiness = try subject.readiness().root
      #expect(readiness["status"]?.string == "degraded")
      let check = readiness["checks"]?["configuration"]
      #expect(check?["status"]?.string == "degraded" && check?["error"]?.string?.contains(words) == true, "\(mistake)")
      #expect(check?["why"]?.string?.isEmpty == false)
      #expect(subject.server.program.output.contains("the configuration was not reloaded"))
    }
    #expect(unsafe unlink(subject.path) == 0)
    try subject.reload()
    #expect(subject.server.program.output.contains("cannot read \(subject.path)"))
    try subject.reload("#\n#\n#\n")
    try subject.reload(good)
    #expect(try allows("https://b.example") && !allows("https://a.example"))
    #expect(try subject.readiness().root["status"]?.string == "ok")
    #expect(subject.server.stop() == 0)
  }

  @Test func `what only a start can change is named and waits, and a flag goes on beating the file`() throws {
    let subject = try Reloaded("log.level = \"warn\"\n", flags: ["--log-level", "info"])
    try subject.reload("log.level = \"debug\"\nthreads = 3\nauth.issuer = \"other\"\n")
    #expect(subject.server.program.says("threads,auth.issuer"))
    let check = try subject.readiness().root["checks"]?["configuration"]
    #expect(check?["status"]?.string == "ok" && check?["waitsForStart"]?.string == "threads,auth.issuer")
    #expect(!subject.server.program.output.contains("/readyz"), "the flag says info")
    try subject.reload("")
    #expect(try subject.readiness().root["checks"]?["configuration"]?["waitsForStart"]?.string == "")
    #expect(subject.server.stop() == 0)
  }

  @Test func `many reloads under load lose no answer`() throws {
    let subject = try Reloaded("throttle.enabled = false\n")
    var client = try subject.server.connect()
    let token = try #require(try Self.register(&client, "ann").json["token"]?.string)
    for round in 0..<30 {
      try subject.replace("throttle.enabled = false\nhttp.cors_origins = [\"https://r\(round).example\"]\n")
      subject.server.program.signal(SIGHUP)
      for _ in 0..<20 {
        let answer = try client.request("GET", "/api/auth/me", token: token, headers: ["Origin: https://r\(round).example"])
        #expect(answer.status == 200)
        if let origin = answer["access-control-allow-origin"] { #expect(origin == "https://r\(round).example") }
      }
    }
    #expect(subject.server.program.says("reloaded"), "no reload was made")
    #expect(subject.server.stop() == 0)
  }
}
