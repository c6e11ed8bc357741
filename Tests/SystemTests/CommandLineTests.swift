// The command line of the real executable: verbs, flags, environment, exit codes, messages.

import Codecs
import Glibc
import Platform
import Testing

@Suite struct CommandLineTests {
  /// A wrong command line, the exit code it ends with, and words that its message must have.
  struct Mistake: CustomTestStringConvertible {
    let arguments: [String]
    var environment: [String: String] = [:]
    var exitCode: Int32 = 64
    let words: [String]

    var testDescription: String { (arguments + environment.map { "\($0.key)=\($0.value)" }).joined(separator: " ") }
  }

  static let mistakes: [Mistake] = [
    Mistake(arguments: [], words: ["userd help"]),
    Mistake(arguments: ["srve"], words: ["\"srve\"", "did you mean \"serve\""]),
    Mistake(arguments: ["admin"], words: ["\"admin\" needs", "admin user create"]),
    Mistake(arguments: ["admin", "user"], words: ["admin user create"]),
    Mistake(arguments: ["admin", "usr", "create"], words: ["did you mean \"admin user create\""]),
    Mistake(arguments: ["admin", "user", "get"], words: ["needs one account"]),
    Mistake(arguments: ["admin", "user", "get", "a", "b"], words: ["needs one account"]),
    Mistake(arguments: ["admin", "user", "erase", "ann@example.org"], words: ["needs --yes"]),
    Mistake(arguments: ["admin", "user", "update", "a", "--email-verified", "yes"], words: ["\"yes\"", "true or false"]),
    Mistake(arguments: ["admin", "recover"], words: ["needs --email"]),
    Mistake(arguments: ["admin", "recover", "--email", "ann@example.org"], words: ["needs --yes"]),
    Mistake(arguments: ["config", "kyes"], words: ["did you mean \"config keys\""]),
    Mistake(arguments: ["help", "sevre"], words: ["did you mean \"serve\""]),
    Mistake(arguments: ["--data", "x", "serve"], words: ["unknown verb"]),
    Mistake(arguments: ["serve", "here"], words: ["no argument \"here\""]),
    Mistake(arguments: ["serve", "--", "--data"], words: ["no argument \"--data\""]),
    Mistake(arguments: ["serve", "--treads", "2"], words: ["\"--treads\"", "did you mean \"--threads\""]),
    Mistake(arguments: ["serve", "-d", "x"], words: ["unknown flag \"-d\""]),
    Mistake(arguments: ["serve", "--threads"], words: ["--threads needs a value", "1 to 64"]),
    Mistake(arguments: ["serve", "--threads", "0"], words: ["\"0\"", "1 to 64"]),
    Mistake(arguments: ["serve", "--threads", "65"], words: ["\"65\"", "1 to 64"]),
    Mistake(arguments: ["serve", "--threads", "+2"], words: ["\"+2\""]),
    Mistake(arguments: ["serve", "--threads=2", "--threads="], words: ["\"\"", "1 to 64"]),
    Mistake(arguments: ["serve", "--throttle-enabled", "yes"], words: ["\"yes\"", "true or false"]),
    Mistake(arguments: ["serve", "--throttle-enabled"], words: ["needs a value", "true or false"]),
    Mistake(arguments: ["serve", "--shutdown-grace", "5"], words: ["\"5\"", "0 to 1h"]),
    Mistake(arguments: ["serve", "--shutdown-grace", "3601s"], words: ["\"3601s\"", "0 to 1h"]),
    Mistake(arguments: ["serve", "--hash-memory", "127K"], words: ["\"127K\"", "128K to 1G"]),
    Mistake(arguments: ["serve", "--hash-memory", "99999999999999999999G"], words: ["128K to 1G"]),
    Mistake(arguments: ["serve", "--auth-access-ttl", "59s"], words: ["1m to 1h"]),
    Mistake(arguments: ["serve", "--log-format", "xml"], words: ["\"xml\"", "text, json"]),
    Mistake(arguments: ["serve", "--trace-sample", "1.000001"], words: ["\"1.000001\"", "0 to 1"]),
    Mistake(arguments: ["serve", "--log-sample", "0.0000001"], words: ["six decimals"]),
    Mistake(arguments: ["serve", "--log-sample", ".5"], words: ["\".5\""]),
    Mistake(
      arguments: ["serve", "--trace-otlp-url", "http://collector:4318/"], words: ["loopback or private", "4318/v1/traces"]),
    Mistake(arguments: ["serve", "--listen", "8080"], words: ["\"8080\"", "host:port"]),
    Mistake(arguments: ["serve", "--listen", "example.org:80"], words: ["\"example.org:80\"", "host:port"]),
    Mistake(arguments: ["serve", "--listen", "127.0.0.1:65536"], words: ["\"127.0.0.1:65536\""]),
    Mistake(arguments: ["serve", "--listen", "unix:"], words: ["\"unix:\""]),
    Mistake(arguments: ["serve", "--http-trusted-proxies", "10.0.0.1/8"], words: ["\"10.0.0.1/8\"", "10.0.0.0/8"]),
    Mistake(
      arguments: ["serve", "--http-trusted-proxies="], environment: ["USERD_HTTP_TRUSTED_PROXIES": "::1,x"], exitCode: 78,
      words: ["\"x\""]),
    Mistake(arguments: ["serve", "--http-cors-origins", "*"], words: ["\"*\"", "https://app.example.org"]),
    Mistake(arguments: ["version", "--json=true"], words: ["--json takes no value"]),
    Mistake(arguments: ["serve", "--config", "/nowhere/x"], exitCode: 66, words: ["--config", "/nowhere/x"]),
    Mistake(arguments: ["serve", "--confg", "x"], words: ["did you mean \"--config\""]),
    Mistake(arguments: ["completion", "tcsh"], words: ["\"tcsh\"", "fish"]),
    Mistake(arguments: ["healthcheck", "--url", "https://x"], words: ["--url", "http URL"]),
    Mistake(arguments: ["serve"], environment: ["USERD_THREDS": "2"], exitCode: 78, words: ["USERD_THREDS", "USERD_THREADS"]),
    Mistake(
      arguments: ["serve"], environment: ["USERD_THREADS": "two"], exitCode: 78, words: ["USERD_THREADS", "\"two\"", "64"]),
    Mistake(
      arguments: ["serve"], environment: ["USERD_HTTP_LISTEN": "127.0.0.1:0,,"], exitCode: 78,
      words: ["USERD_HTTP_LISTEN", "host:port"]),
    Mistake(
      arguments: ["admin", "user", "create", "--data", "/tmp", "--password-stdin"], words: ["needs --email"]),
    Mistake(arguments: ["admin", "calibrate", "--target", "4ms"], words: ["--target", "\"4ms\"", "5ms to 5s"]),
    Mistake(arguments: ["admin", "calibrate", "--max-memory", "2G"], words: ["--max-memory", "7M to 1G"]),
  ]

  @Test(arguments: mistakes) func `a mistaken command line names the thing, the value and the limit`(_ mistake: Mistake) throws {
    let outcome = try Program.run(mistake.arguments, environment: mistake.environment)
    #expect(outcome.exitCode == mistake.exitCode)
    #expect(outcome.output.isEmpty)
    for word in mistake.words { #expect(outcome.error.contains(word), "\(outcome.error)") }
    #expect(outcome.error.split(separator: "\n").count == 1, "one line: \(outcome.error)")
  }

  @Test(arguments: ["--password", "--pasword", "--token"]) func `a secret in an argument is refused and not repeated`(
    _ flag: String
  ) throws {
    let outcome = try Program.run(["admin", "user", "create", "\(flag)=correct horse battery"])
    #expect(outcome.exitCode == 64)
    #expect(!outcome.error.contains("correct horse"))
    #expect(!outcome.output.contains("correct horse"))
  }

  @Test func `terminal controls in an argument do not reach the terminal`() throws {
    let outcome = try Program.run(["ser\u{1b}[2Jve\u{202e}\n"])
    #expect(outcome.exitCode == 64)
    #expect(!outcome.error.dropLast().unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202e })
  }

  @Test func `calibrate proposes parameters that serve takes`() throws {
    let outcome = try Program.run(["admin", "calibrate", "--target", "5ms", "--max-memory", "8M"])
    #expect(outcome.exitCode == 0 && outcome.error.isEmpty)
    #expect(outcome.output.contains("userd serve --hash-memory 7M --hash-time "))
    // `memory * workers >> 10` shifts first, and said that all workers together take nothing.
    #expect(!outcome.output.contains("take 0 MiB"))
    let json = try Program.run(["admin", "calibrate", "--target=5s", "--max-memory=7M", "--json"])
    #expect(json.exitCode == 0)
    #expect(json.output.contains("\"best\":{\"memoryKiB\":7168,\"time\":"))
  }

  @Test func `version tells the program and the version`() throws {
    let plain = try Program.run(["version"])
    #expect(plain.exitCode == 0 && plain.error.isEmpty)
    #expect(plain.output.hasPrefix("userd ") && plain.output.hasSuffix("\n"))
    let json = try Program.run(["version", "--json"])
    #expect(json.exitCode == 0)
    #expect(json.output.hasPrefix("{\"name\":\"userd\",\"version\":\""))
  }

  @Test(arguments: [
    ["help"], ["--help"], ["serve", "--help"], ["help", "serve"], ["admin", "--help"], ["admin", "user", "--help"],
    ["admin", "user", "create", "--help"], ["admin", "calibrate", "--help"], ["version", "--help"], ["config", "keys", "--help"],
    ["help", "--help"],
    ["serve", "--threads", "2", "--help"],
  ]) func `help goes to standard output and is no failure`(_ arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.exitCode == 0)
    #expect(outcome.error.isEmpty)
    #expect(outcome.output.contains("userd"))
  }

  @Test func `every setting is listed with its flag, its variable and its default`() throws {
    let keys = try Program.run(["config", "keys"])
    let help = try Program.run(["serve", "--help"])
    #expect(keys.exitCode == 0)
    for (key, flag, variable, fallback) in [
      ("data", "--data", "USERD_DATA", "./db"), ("http.listen", "--listen", "USERD_HTTP_LISTEN", "127.0.0.1:8080"),
      ("threads", "--threads", "USERD_THREADS", "processor"),
      ("shutdown.grace", "--shutdown-grace", "USERD_SHUTDOWN_GRACE", "10s"),
      ("auth.access_ttl", "--auth-access-ttl", "USERD_AUTH_ACCESS_TTL", "10m"),
      ("auth.refresh_absolute", "--auth-refresh-absolute", "USERD_AUTH_REFRESH_ABSOLUTE", "30d"),
      ("store.wal_max", "--store-wal-max", "USERD_STORE_WAL_MAX", "256M"),
      ("hash.memory", "--hash-memory", "USERD_HASH_MEMORY", "19M"),
      ("throttle.enabled", "--throttle-enabled", "USERD_THROTTLE_ENABLED", "true"),
      ("log.format", "--log-format", "USERD_LOG_FORMAT", "json"),
      ("log.sample", "--log-sample", "USERD_LOG_SAMPLE", "1"),
      ("trace.otlp_url", "--trace-otlp-url", "USERD_TRACE_OTLP_URL", "none"),
      ("trace.sample", "--trace-sample", "USERD_TRACE_SAMPLE", "0.01"),
    ] {
      #expect(keys.output.contains("\(key)\n  \(flag), \(variable)\n"), "\(key)")
      #expect(keys.output.contains("default: ") && keys.output.contains(fallback), "\(fallback)")
      #expect(help.output.contains("\(flag) "), "\(flag)")
    }
    let json = try Program.run(["config", "keys", "--json"])
    #expect(json.output.hasPrefix("[{\"key\":\"data\",\"flag\":\"--data\",\"variable\":\"USERD_DATA\""))
  }

  @Test func `the manual has every setting, every exit code and every verb`() throws {
    guard let here = unsafe realpath(#filePath, nil) else { throw Errno.last }
    defer { unsafe free(here) }
    let root = unsafe String(cString: here).split(separator: "/").dropLast(3).joined(separator: "/")
    let manual = text(of: "/\(root)/docs/operations.md")
    let keys = try JSONDocument(Program.run(["config", "keys", "--json"]).output.utf8.span).root
    #expect(keys.count > 15)
    for setting in keys.elements {
      let key = try #require(setting["key"]?.string)
      #expect(manual.contains("`\(key)`"), "\(key)")
      let fallback = try #require(setting["default"]?.string)
      #expect(fallback.contains(" ") || manual.contains("`\(fallback)`"), "\(key) is \(fallback) by default")
    }
    for code in [0, 64, 65, 66, 69, 70, 73, 74, 75, 77, 78] { #expect(manual.contains("\n| \(code) | "), "\(code)") }
    for line in try Program.run(["help"]).output.split(separator: "\n") where line.hasPrefix("  userd ") {
      let verb = line.dropFirst(2).split(separator: "  ")[0]
      #expect(manual.contains("\n\(verb) "), "\(verb)")
    }
  }
}
