// Planted secrets again, while messages leave: what they carry is in the message, and nowhere else once it is gone.

import Codecs
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct DeliverySecretTests {
  private static let known = "Planted.Mail.5711@planted-mail.example", moved = "planted.moved.5712@planted-mail.example"
  private static let unknown = "planted.nobody.5713@planted-mail.example"
  private static let passwords = ["Planted-Horse-5821-battery", "Planted-Horse-5822-newer", "Planted-Wrong-5823-guess"]

  private let folder = TemporaryFolder("mail-secrets")
  private var data: String { folder.path + "/db" }

  /// One way out, and what can be read of what left by it.
  private struct Channel {
    let name: String
    let flags: [String]
    /// The messages so far, each as text with its code in it.
    let messages: (RunningServer) -> [String]
    var stop: () -> Void = {}
  }

  private func channel(_ name: String) throws -> Channel {
    switch name {
    case "command":
      let path = folder.path + "/deliver", out = folder.path + "/out"
      try write("#!/bin/sh\ncat >> '\(out)'; echo >> '\(out)'\n", to: path)
      try setPermissions(of: path, 0o755)
      return Channel(name: name, flags: ["--delivery-command=\(path)"]) { _ in
        text(of: out).split(separator: "\n").map(String.init)
      }
    case "webhook":
      let hook = try LocalHook()
      return Channel(
        name: name, flags: ["--delivery-webhook-url=http://127.0.0.1:\(hook.port)/mail"], messages: { _ in hook.posts },
        stop: { hook.stop() })
    case "log":
      return Channel(name: name, flags: []) { server in
        server.program.output.split(separator: "\n").map(String.init).filter { line in
          ["upr1_", "uev1_", "uec1_"].contains { line.contains($0) }
        }
      }
    default:
      // There is no mail program where tests run: every try fails, and the log says so.
      return Channel(name: name, flags: ["--delivery-from=accounts@example.org"]) { _ in [] }
    }
  }

  /// The first token of this kind in the newest message that has one.
  private static func token(_ prefix: String, in messages: [String]) -> String? {
    for message in messages.reversed() {
      guard let start = message.firstRange(of: prefix)?.lowerBound else { continue }
      return String(message[start...].prefix(48))
    }
    return nil
  }

  private static func code(_ secret: [UInt8]) -> String { PlainTOTP.code(secret, SystemClock().wallMilliseconds() / 30_000) }

  @Test(arguments: ["command", "webhook", "log", "sendmail"])
  func `passwords, codes, tokens and addresses are in no log, no refusal, no file and no backup`(_ name: String) throws {
    let channel = try channel(name)
    defer { channel.stop() }
    let server = try RunningServer(data: data, flags: ["--log-level=debug", "--delivery-channel=\(name)"] + channel.flags)
    let client = try server.connect()
    var secrets = Self.passwords
    var refusals = ""
    func ask(_ path: String, _ json: String = "{}", token: String? = nil, method: String = "POST") throws -> HTTPAnswer {
      let answer = try client.request(method, path, token: token, json: json)
      // The first half of a login is answered as a refusal that carries a token.
      if answer.status >= 400, answer.code != "mfa_required" { refusals += "\(path): \(answer.headers) \(answer.text)\n" }
      for name in ["token", "refreshToken", "mfaToken", "secret"] as [StaticString] {
        if let text = answer.json[name]?.string { secrets.append(text) }
      }
      secrets += answer.json["recoveryCodes"]?.elements.compactMap(\.string) ?? []
      return answer
    }
    /// The newest token that left, once it has.
    func sent(_ prefix: String, count: Int) throws -> String? {
      if name == "sendmail" { return nil }
      for _ in 0..<3000 where channel.messages(server).count < count { sleepThread(milliseconds: 10) }
      let found = try #require(Self.token(prefix, in: channel.messages(server)), "no \(prefix) among \(count) messages")
      secrets.append(found)
      return found
    }

    let registered = try ask(
      "/api/auth/register", #"{"email":"\#(Self.known)","password":"\#(Self.passwords[0])","name":"Ann"}"#)
    #expect(registered.status == 201)
    let access = try #require(registered.json["token"]?.string)
    if let token = try sent("uev1_", count: 1) {
      #expect(try ask("/api/auth/email/verify", #"{"token":"\#(token)"}"#).status == 204)
    }

    let begun = try ask("/api/auth/mfa/totp", token: access)
    let shown = try #require(begun.json["secret"]?.string), uri = try #require(begun.json["otpauthUri"]?.string)
    secrets.append(uri)
    let raw = Base32.decode(shown.utf8.span)
    let secret = try #require(raw)
    #expect(try ask("/api/auth/mfa/totp/confirm", #"{"code":"0\#(shown)"}"#, token: access).status == 401)
    let confirmed = try ask("/api/auth/mfa/totp/confirm", #"{"code":"\#(Self.code(secret))"}"#, token: access)
    #expect(confirmed.status == 200)
    let recovery = confirmed.json["recoveryCodes"]?.elements.compactMap(\.string) ?? []
    try #require(recovery.count == 10)
    let login = #"{"email":"\#(Self.known)","password":"\#(Self.passwords[0])"}"#
    for code in [recovery[0], recovery[0], "9999-\(recovery[1])"] {
      let half = try ask("/api/auth/login", login).json["mfaToken"]?.string ?? "none"
      _ = try ask("/api/auth/login/mfa", #"{"mfaToken":"\#(half)","method":"recovery_code","code":"\#(code)"}"#)
    }

    for email in [Self.unknown, Self.known] {
      #expect(try ask("/api/auth/password/forgot", #"{"email":"\#(email)"}"#).status == 202)
    }
    if let token = try sent("upr1_", count: 2) {
      for password in ["short", Self.passwords[1], Self.passwords[2]] {
        _ = try ask("/api/auth/password/reset", #"{"token":"\#(token)","newPassword":"\#(password)"}"#)
      }
    }
    let now = name == "sendmail" ? Self.passwords[0] : Self.passwords[1]
    let first = try ask("/api/auth/login", #"{"email":"\#(Self.known)","password":"\#(now)"}"#)
    let half = try #require(first.json["mfaToken"]?.string)
    let again = try ask("/api/auth/login/mfa", #"{"mfaToken":"\#(half)","method":"recovery_code","code":"\#(recovery[2])"}"#)
    let fresh = try #require(again.json["token"]?.string)
    for password in [Self.passwords[2], now] {
      _ = try ask("/api/auth/email/change", #"{"newEmail":"\#(Self.moved)","password":"\#(password)"}"#, token: fresh)
    }
    if let token = try sent("uec1_", count: name == "log" ? 3 : 4) {
      #expect(try ask("/api/auth/email/verify", #"{"token":"\#(token)"}"#).status == 204)
      #expect(try ask("/api/auth/email/verify", #"{"token":"\#(token)"}"#).status == 410)
    }
    // Everything that could leave has left: with it went its row.
    for _ in 0..<500 where name != "sendmail" {
      let checks = try client.request("GET", "/readyz?verbose").json["checks"]
      if checks?["delivery"]?["pending"]?.integer == 0 { break }
      sleepThread(milliseconds: 10)
    }
    let backup = try Program.run(["admin", "backup", "-o", folder.path + "/copy", "--data", data])
    #expect(backup.exitCode == 0, "\(backup.error)")
    #expect(server.stop() == 0)
    #expect(secrets.count >= 25, "\(secrets.count)")

    // The log channel is there to show codes and addresses; all else is as secret as ever.
    let lines = (server.program.output + server.program.error).split(separator: "\n").map(String.init)
    let shownHere = name == "log" ? Set(channel.messages(server)) : []
    let said =
      lines
      .filter { !shownHere.contains($0) && !(name == "log" && $0.contains("change_notice")) }
      .joined(separator: "\n")
    let spoken = said + refusals + backup.output + backup.error
    // Without hyphens a recovery code is as good.
    let forms = secrets + secrets.filter { $0.count == 19 }.map { $0.filter { $0 != "-" } }
    let told = forms.filter { spoken.contains($0) }
    #expect(told.isEmpty)
    for address in [Self.known, Self.moved, Self.unknown] {
      let isTold = spoken.lowercased().contains(address.lowercased())
      #expect(!isTold, "\(address) was said")
    }
    var seen = false
    for path in try files(under: folder.path) where !path.contains("/keys/") && !path.hasSuffix("/out") {
      let bytes = try contents(of: path)
      let kept = (forms + [Self.unknown]).filter { contains(bytes, Array($0.utf8)) }
      #expect(kept.isEmpty, "in \(path)")
      let hasSecret = contains(bytes, secret)
      #expect(!hasSecret, "the secret of an app is in \(path)")
      if contains(bytes, Array(Self.known.utf8)) { seen = true }
    }
    #expect(seen, "the reader reads")
  }
}
