// The configuration: each key by each way, who wins, and what every mistake is called.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct ConfigurationTests {
  /// Three values of a key that are not its default, and differ.
  private static func samples(_ key: String, type: String) -> [String] {
    if let own = own[key] { return own }
    if type.contains("|") {
      let names = type.split(separator: "|").map(String.init)
      return (0..<3).map { names[$0 % names.count] }
    }
    switch type {
    case "number": return ["11", "12", "13"]
    case "size": return ["128M", "134217729", "257M"]
    case "duration": return ["61s", "120000ms", "3m"]
    case "fraction": return ["0.5", "0", "0.000001"]
    case "boolean": return ["true", "false", "true"]
    case "path": return ["/a", "/b \u{7f}\"b", "/c#c"]
    case "text": return ["one", "two", "three"]
    case "schedule": return ["daily 03:15", "weekly sun 23:59", "every 6h"]
    case "network list": return ["10.0.0.0/8", "::1", "192.0.2.1"]
    case "origin list": return ["https://a.example", "https://b.example", "http://localhost:3000"]
    case "address list": return ["127.0.0.1:9001", "[::1]:9002", "unix:/run/c"]
    default: return []
    }
  }

  /// Where a kind of value has no sample for all.
  private static let own: [String: [String]] = [
    "http.socket_mode": ["660", "666", "606"], "http.max_body": ["1M", "2M", "1025"],
    "http.request_timeout": ["61s", "1500ms", "1m"], "auth.refresh_grace": ["1s", "0", "2s"],
    "store.recovery_target": ["5s", "1500ms", "7s"], "audit.retention": ["2d", "72h", "400d"],
    "store.scrub_rate": ["64K", "65537", "1M"], "delivery.from": ["a@b.example", "Ann <a@b.example>", "c@d.example"],
    "delivery.webhook_url": ["http://127.0.0.1:1/a", "http://[::1]:2/b", "http://localhost/c"],
    "delivery.reset_url": ["https://a.example/{token}", "app://b/{token}", "https://c.example/?t={token}"],
    "delivery.verify_url": ["https://a.example/{token}", "app://b/{token}", "https://c.example/?t={token}"],
    "trace.otlp_url": ["http://127.0.0.1:1/a", "http://[::1]:2/b", "http://localhost/c"],
    "hash.memory": ["1M", "2M", "131073"],
  ]

  private struct Key {
    let key: String, flag: String, variable: String, samples: [String]
    let isBare: Bool
  }

  private static func keys() throws -> [Key] {
    let document = try JSONDocument(Program.run(["config", "keys", "--json"]).output.utf8.span)
    return try document.root.elements.map { row in
      let key = try #require(row["key"]?.string), type = try #require(row["type"]?.string)
      let samples = samples(key, type: type)
      try #require(samples.count == 3, "the test has no values for \(key), a \(type)")
      return Key(
        key: key, flag: try #require(row["flag"]?.string), variable: try #require(row["variable"]?.string), samples: samples,
        isBare: type == "boolean")
    }
  }

  /// What `config show --json` says: value and origin of each key.
  private static func shown(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) throws -> [String: (value: String, origin: String, place: String)] {
    let outcome = try Program.run(["config", "show", "--json"] + arguments, environment: environment)
    try #require(outcome.exitCode == 0, "\(outcome.error)")
    var found: [String: (value: String, origin: String, place: String)] = [:]
    for row in try JSONDocument(outcome.output.utf8.span).root.elements {
      let value = try #require(row["value"])
      found[try #require(row["key"]?.string)] = (
        value.string ?? value.elements.map { $0.string ?? "" }.joined(separator: ","), row["origin"]?.string ?? "",
        row["where"]?.string ?? ""
      )
    }
    return found
  }

  /// A file in which each key has the sample of this number.
  private static func file(_ keys: [Key], _ number: Int) -> String {
    keys.map { key in
      let value = key.samples[number]
      let escaped = value.map { $0 == "\"" ? "\\\"" : $0 == "\u{7f}" ? "\\u007F" : String($0) }.joined()
      return "\(key.key) = \(key.isBare ? value : "\"\(escaped)\"")\n"
    }.joined()
  }

  @Test func `each key is taken from a flag, a variable and the file, in this order`() throws {
    let keys = try Self.keys()
    #expect(keys.count > 55)
    let folder = TemporaryFolder("configuration")
    let path = "\(folder.path)/userd.toml"
    try write(Self.file(keys, 0), to: path)
    let environment = Dictionary(uniqueKeysWithValues: keys.map { ($0.variable, $0.samples[1]) })
    let flags = keys.flatMap { ["\($0.flag)=\($0.samples[2])"] }

    let byFile = try Self.shown(["--config", path])
    let byNamedFile = try Self.shown([], ["USERD_CONFIG": path])
    let byVariable = try Self.shown(["--config", path], environment)
    let byFlag = try Self.shown(["--config", path] + flags, environment)
    let byFlagAlone = try Self.shown(flags)
    for (index, key) in keys.enumerated() {
      #expect(byFile[key.key]?.value == key.samples[0] && byFile[key.key]?.origin == "file", "\(key.key)")
      #expect(byFile[key.key]?.place == "\(path):\(index + 1)")
      #expect(byNamedFile[key.key]?.value == key.samples[0])
      #expect(byVariable[key.key]?.value == key.samples[1] && byVariable[key.key]?.origin == "environment", "\(key.key)")
      #expect(byVariable[key.key]?.place == key.variable)
      #expect(byFlag[key.key]?.value == key.samples[2] && byFlag[key.key]?.origin == "flag", "\(key.key)")
      #expect(byFlag[key.key]?.place == key.flag)
      #expect(byFlagAlone[key.key]?.value == key.samples[2])
    }
    for (key, found) in try Self.shown([]) { #expect(found.origin == "default", "\(key)") }
  }

  @Test func `what show prints is a file that says the same`() throws {
    let keys = try Self.keys()
    let folder = TemporaryFolder("configuration")
    let (path, printed) = ("\(folder.path)/userd.toml", "\(folder.path)/printed.toml")
    try write(Self.file(keys, 1), to: path)
    for arguments in [[], ["--config", path]] {
      for more in [[], ["--origin"]] {
        let text = try Program.run(["config", "show"] + arguments + more).output
        try write(text, to: printed)
        let (before, after) = (try Self.shown(arguments), try Self.shown(["--config", printed]))
        for key in keys { #expect(before[key.key]?.value == after[key.key]?.value, "\(key.key) in \(text)") }
      }
    }
    let text = try Program.run(
      ["config", "show", "--origin", "--config", path, "--threads", "5"], environment: ["USERD_HASH_TIME": "3"]
    ).output
    #expect(text.contains("threads = 5  # --threads\n") && text.contains("hash.time = 3  # USERD_HASH_TIME\n"))
    #expect(text.contains("  # \(path):"))
    // Decimal numbers of TOML have no zero in front; ours may.
    try write(try Program.run(["config", "show", "--threads", "007"]).output, to: printed)
    #expect(try Self.shown(["--config", printed])["threads"]?.value == "007")
  }

  @Test func `the data folder of the service manager counts more than the default alone`() throws {
    let folder = TemporaryFolder("configuration")
    try write("data = \"/from/file\"\n", to: "\(folder.path)/userd.toml")
    let state = ["STATE_DIRECTORY": "/var/lib/userd"]
    #expect(try Self.shown([], state)["data"]?.value == "/var/lib/userd")
    #expect(try Self.shown(["--config", "\(folder.path)/userd.toml"], state)["data"]?.value == "/from/file")
    #expect(try Self.shown([], ["STATE_DIRECTORY": ""])["data"]?.value == "./db")
  }

  struct Mistake: Sendable {
    let file: String
    var exitCode: Int32 = 78
    let words: [String]
  }

  static let mistakes = [
    Mistake(file: "[http]\nmax_bdy = 1", words: [":2:", "http.max_bdy", "did you mean \"http.max_body\""]),
    Mistake(file: "[htp]\nmax_body = 1024", words: [":2:", "http.max_body"]),
    Mistake(file: "nothing_like_it = 1", words: [":1:", "config keys"]),
    Mistake(file: "threads = 2\nthreads = 3", words: [":2:", "line 1"]),
    Mistake(file: "threads = 65", words: [":1:", "\"65\"", "1 to 64"]),
    Mistake(file: "threads = -1", words: [":1:", "\"-1\""]),
    Mistake(file: "threads = 1.5", words: [":1:", "a fraction is not"]),
    Mistake(file: "threads = true", words: ["true without quotes"]),
    Mistake(file: "threads = [\"2\"]", words: ["an array is not"]),
    Mistake(file: "[auth]\n\nissuer = 5", words: [":3:", "a bare number is not a text"]),
    Mistake(file: "[auth]\naccess_ttl = 600", words: [":2:", "\"600\"", "1m to 1h", "10m"]),
    Mistake(file: "[auth]\naccess_ttl = 10m", words: [":2:", "access_ttl", "in quotes"]),
    Mistake(file: "[http]\nlisten = []", words: [":2:", "host:port"]),
    Mistake(file: "[http]\nlisten = [\"127.0.0.1:1\", \"no\"]", words: [":2:", "\"no\""]),
    Mistake(file: "[http]\nsocket_mode = 660", words: [":2:", "octal"]),
    Mistake(file: "jwt_secret = \"0123456789abcdef\"", words: [":1:", "never by this file"]),
    Mistake(file: "data = \"a\u{0}b\"", words: [":1:", "control character"]),
    Mistake(file: "log.level = \"\u{1b}[2J\"", words: [":1:"]),
    Mistake(file: "log.level = \"\\u001b[2J\"", words: [":1:", "?[2J", "one of error, warn, info, debug"]),
    Mistake(file: "\u{feff}threads = 2", words: [":1:", "byte order mark"]),
    Mistake(file: "threads = 2\rthreads = 3", words: [":1:", "carriage return"]),
    Mistake(file: "[delivery]\nchannel = \"sendmail\"", words: ["delivery.channel is sendmail, which needs delivery.from"]),
    Mistake(file: "[backup]\nschedule = \"daily 03:15\"", words: ["backup.schedule needs backup.dir"]),
    Mistake(file: "[password]\nblocklist_file = \"/nowhere/at/all\"", exitCode: 66, words: ["password.blocklist_file"]),
    Mistake(file: String(repeating: "#", count: 256 << 10) + "#", words: ["262144 bytes"]),
  ]

  @Test(arguments: mistakes) func `a mistake in the file is told with file and line, in one line`(_ mistake: Mistake) throws {
    let folder = TemporaryFolder("configuration")
    let path = "\(folder.path)/userd.toml"
    try write(mistake.file, to: path)
    let outcome = try Program.run(["config", "check", "--config", path])
    #expect(outcome.exitCode == mistake.exitCode, "\(outcome.error)")
    for word in mistake.words { #expect(outcome.error.contains(word), "\(outcome.error)") }
    #expect(outcome.error.split(separator: "\n").count == 1 && outcome.output.isEmpty)
    #expect(!outcome.error.dropLast().unicodeScalars.contains { $0.value < 0x20 }, "\(outcome.error)")
    #expect(!outcome.error.contains("0123456789abcdef"), "\(outcome.error)")
  }

  @Test func `a file with mistakes stops a start before anything is made`() throws {
    let folder = TemporaryFolder("configuration")
    let path = "\(folder.path)/userd.toml"
    try write("data = \"\(folder.path)/db\"\nthreds = 1\n", to: path)
    let outcome = try Program.run(["serve", "--config", path])
    #expect(outcome.exitCode == 78 && outcome.error.contains("\(path):2:") && outcome.error.contains("\"threads\""))
    #expect(try Directory.names(in: folder.path) == ["userd.toml"])
  }

  @Test func `a named file that is missing is 66, a folder 74, and nobody is asked for the usual one`() throws {
    let folder = TemporaryFolder("configuration")
    let flag = try Program.run(["config", "check", "--config", "\(folder.path)/none"])
    #expect(flag.exitCode == 66 && flag.error.contains("--config: cannot read \(folder.path)/none"))
    let variable = try Program.run(["config", "check"], environment: ["USERD_CONFIG": "\(folder.path)/none"])
    #expect(variable.exitCode == 66 && variable.error.contains("USERD_CONFIG"))
    #expect(try Program.run(["config", "check", "--config", folder.path]).exitCode == 74)
    let mistyped = try Program.run(["config", "check"], environment: ["USERD_CONFG": "/x"])
    #expect(mistyped.exitCode == 78 && mistyped.error.contains("did you mean \"USERD_CONFIG\""))
    let none = try Program.run(["config", "check"])
    #expect(none.exitCode == 0 && none.output == "no file: all right, 0 settings given\n")
    #expect(try Program.run(["config", "check", "--config", "/dev/null"]).exitCode == 0)
  }

  @Test func `check finds what only a start would read`() throws {
    let outcome = try Program.run(["config", "check"], environment: ["USERD_JWT_SECRET": "x", "USERD_JWT_SECRET_FILE": "/y"])
    #expect(outcome.exitCode == 78 && outcome.error.contains("both set"))
    let shown = try Program.run(["config", "show", "--origin"], environment: ["USERD_JWT_SECRET": "a secret that nobody shows"])
    #expect(shown.exitCode == 0 && !shown.output.contains("nobody shows"))
  }

  @Test func `tools take the data folder from the file`() throws {
    let folder = TemporaryFolder("configuration")
    let path = "\(folder.path)/userd.toml"
    try write("data = \"\(folder.path)/db\"\n[hash]\nmemory = \"128K\"\ntime = 1\n", to: path)
    let made = try Program.run(
      ["admin", "user", "create", "--config", path, "--email", "ann@example.org", "--password-stdin"],
      input: "correct horse battery\n")
    #expect(made.exitCode == 0, "\(made.error)")
    let listed = try Program.run(["admin", "user", "list"], environment: ["USERD_CONFIG": path])
    #expect(listed.exitCode == 0 && listed.output.contains("ann@example.org"), "\(listed.error)")
  }
}
