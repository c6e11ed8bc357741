// The first hour with userd, as the README tells it, against the real executable.

import Codecs
import Platform
import TestSupport
import Testing

@Suite struct TourTests {
  @Test func `register, login, me, refresh and logout work from an empty folder`() throws {
    let folder = TemporaryFolder("tour")
    let server = try RunningServer(data: folder.path + "/db")
    let client = try server.connect()

    let registered = try client.request(
      "POST", "/api/auth/register",
      json: #"{"email":"ann@example.org","password":"correct horse battery","name":"Ann"}"#)
    #expect(registered.status == 201)
    try expectAuthentication(registered, email: "ann@example.org", name: "Ann", role: "user")
    expectPrivate(registered)

    let loggedIn = try client.request(
      "POST", "/api/auth/login",
      json: #"{"email":"Ann@Example.ORG","password":"correct horse battery","deviceName":"kiosk-3"}"#)
    #expect(loggedIn.status == 200)
    try expectAuthentication(loggedIn, email: "ann@example.org", name: "Ann", role: "user")
    #expect(loggedIn.json["session"]?["deviceName"]?.string == "kiosk-3")
    #expect(loggedIn.json["session"]?["id"]?.string != registered.json["session"]?["id"]?.string)
    let token = try #require(loggedIn.json["token"]?.string)

    let me = try client.request("GET", "/api/auth/me", token: token)
    #expect(me.status == 200)
    #expect(me.json["id"]?.string == registered.json["user"]?["id"]?.string)
    #expect(me["vary"]?.contains("Authorization") == true)
    let tag = try #require(me["etag"])
    #expect(try client.request("GET", "/api/auth/me", token: token, headers: ["If-None-Match: \(tag)"]).status == 304)

    let first = try #require(loggedIn.json["refreshToken"]?.string)
    let refreshed = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(first)"}"#)
    #expect(refreshed.status == 200)
    try expectAuthentication(refreshed, email: "ann@example.org", name: "Ann", role: "user")
    let second = try #require(refreshed.json["refreshToken"]?.string)
    #expect(second != first)
    #expect(refreshed.json["session"]?["id"]?.string == loggedIn.json["session"]?["id"]?.string)

    let newToken = try #require(refreshed.json["token"]?.string)
    let loggedOut = try client.request("POST", "/api/auth/logout", token: newToken)
    #expect(loggedOut.status == 204)
    for dead in [token, newToken] {
      let refused = try client.request("GET", "/api/auth/me", token: dead)
      #expect(refused.status == 401)
      #expect(refused.code == "session_revoked")
      #expect(refused["www-authenticate"]?.contains(#"error="invalid_token""#) == true)
    }
    for dead in [first, second] {
      let refused = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(dead)"}"#)
      #expect(refused.status == 401)
    }
    let other = try #require(registered.json["token"]?.string)
    #expect(try client.request("GET", "/api/auth/me", token: other).status == 200, "the first session lives on")
    #expect(server.stop() == 0)
  }

  @Test func `the first administrator comes from the command line and manages users`() throws {
    let folder = TemporaryFolder("tour")
    let data = folder.path + "/db"
    // Before the first start, then with the server up.
    let before = try Program.run(
      ["admin", "user", "create", "--role", "admin", "--email", "root@example.org", "--password-stdin", "--data", data],
      input: "correct horse battery\n")
    #expect(before.exitCode == 0)
    #expect(before.error == "")
    let adminID = before.output.trimmingNewline
    #expect(UUID(adminID) != nil, "printed \(adminID)")

    let server = try RunningServer(data: data)
    let during = try Program.run(
      ["admin", "user", "create", "--email=eve@example.org", "--name", "Eve", "--password-stdin", "--json", "--data=" + data],
      input: "staple battery horse")
    #expect(during.exitCode == 0)
    let eve = try JSONDocument(Array(during.output.utf8).span).root
    #expect(eve["email"]?.string == "eve@example.org")
    #expect(eve["role"]?.string == "user")

    let client = try server.connect()
    let login = try client.request(
      "POST", "/api/auth/login", json: #"{"email":"root@example.org","password":"correct horse battery"}"#)
    try expectAuthentication(login, email: "root@example.org", name: "root", role: "admin")
    let admin = try #require(login.json["token"]?.string)

    let created = try client.request(
      "POST", "/api/v1/users", token: admin,
      json: #"{"email":"bob@example.org","name":"Bob","password":"horse battery staple"}"#)
    #expect(created.status == 201)
    let bob = try #require(created.json["id"]?.string)
    #expect(created["location"] == "/api/v1/users/\(bob)")
    #expect(created["etag"] == "\"r1\"")

    let one = try client.request("GET", "/api/v1/users/\(bob)", token: admin)
    #expect(one.status == 200)
    #expect(one.json["email"]?.string == "bob@example.org")

    var emails: [String] = [], target = "/api/v1/users?limit=2&sort=createdAt", pages = 0
    while true {
      let page = try client.request("GET", target, token: admin)
      #expect(page.status == 200)
      emails += page.json["data"]?.elements.compactMap { $0["email"]?.string } ?? []
      pages += 1
      let isMore = page.json["page"]?["hasMore"]?.boolean
      guard let cursor = page.json["page"]?["nextCursor"]?.string else {
        #expect(isMore == false)
        break
      }
      #expect(isMore == true)
      #expect(page["link"]?.contains("rel=\"next\"") == true)
      target = "/api/v1/users?limit=2&sort=createdAt&cursor=\(cursor)"
    }
    #expect(pages == 2)
    #expect(emails == ["root@example.org", "eve@example.org", "bob@example.org"])

    let bobLogin = try client.request(
      "POST", "/api/auth/login", json: #"{"email":"bob@example.org","password":"horse battery staple"}"#)
    let bobToken = try #require(bobLogin.json["token"]?.string)
    for target in ["/api/v1/users", "/api/v1/users/\(adminID)"] {
      let refused = try client.request("GET", target, token: bobToken)
      #expect(refused.status == 403)
      #expect(refused.code == "forbidden")
    }
    #expect(server.stop() == 0)
  }

  @Test func `everything answered before an orderly stop is there after the next start`() throws {
    let folder = TemporaryFolder("tour")
    let server = try RunningServer(data: folder.path)
    let registered = try server.connect().request(
      "POST", "/api/auth/register",
      json: #"{"email":"ann@example.org","password":"correct horse battery","name":"Ann"}"#)
    let token = try #require(registered.json["token"]?.string), refresh = try #require(registered.json["refreshToken"]?.string)
    #expect(server.stop() == 0)

    let again = try RunningServer(data: folder.path)
    let client = try again.connect()
    let me = try client.request("GET", "/api/auth/me", token: token)
    #expect(me.status == 200)
    #expect(me.json["id"]?.string == registered.json["user"]?["id"]?.string)
    #expect(try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(refresh)"}"#).status == 200)
    #expect(again.stop() == 0)
  }

  @Test func `health, the root and the problem pages answer anyone, and HEAD goes wherever GET goes`() throws {
    let folder = TemporaryFolder("tour")
    let server = try RunningServer(data: folder.path)
    let client = try server.connect()
    for target in ["/livez", "/readyz", "/healthz", "/", "/problems/validation_failed"] {
      let answer = try client.request("GET", target)
      #expect(answer.status == 200, "\(target)")
      expectEverywhere(answer)
      let head = try client.request("HEAD", target)
      #expect(head.status == 200, "HEAD \(target)")
      #expect(head.body.isEmpty)
      #expect(head["content-length"] == answer["content-length"])
      #expect(head["content-type"] == answer["content-type"])
    }
    #expect(try client.request("GET", "/livez").json["status"]?.string == "ok")
    #expect(try client.request("GET", "/readyz?verbose").json["checks"]?["store"] != nil)
    #expect(try client.request("GET", "/readyz?verbose").json["checks"]?["hashQueue"]?["limit"] != nil)
    #expect(try client.request("GET", "/").json["name"]?.string == "userd")
    let page = try client.request("GET", "/problems/no_such_problem")
    #expect(page.status == 404)
    #expect(server.stop() == 0)
  }

  @Test func `no password, token or address reaches the log`() throws {
    let folder = TemporaryFolder("tour")
    let server = try RunningServer(data: folder.path, flags: ["--log-level", "debug"])
    let client = try server.connect()
    let registered = try client.request(
      "POST", "/api/auth/register",
      json: #"{"email":"ann@example.org","password":"correct horse battery","name":"Ann"}"#)
    let token = try #require(registered.json["token"]?.string), refresh = try #require(registered.json["refreshToken"]?.string)
    _ = try client.request("GET", "/api/auth/me?token=\(token)", token: token)
    _ = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(refresh)"}"#)
    _ = try client.request("POST", "/api/auth/login", json: #"{"email":"ann@example.org","password":"wrong horse"}"#)
    _ = try client.request("GET", "/ann@example.org")
    #expect(server.stop() == 0)
    let log = server.program.output + server.program.error
    let forbidden = ["horse", "ann@", "example.org", "urt1_", String(token.suffix(40)), String(refresh.suffix(20))]
    for secret in forbidden { #expect(!log.contains(secret), "\(secret) is in the log") }
    #expect(log.contains(#""route":"/api/auth/me""#))
    for line in log.split(separator: "\n") {
      #expect(throws: Never.self, "\(line)") { _ = try JSONDocument(Array(line.utf8).span) }
    }
  }

  private func expectAuthentication(_ answer: HTTPAnswer, email: String, name: String, role: String) throws {
    let json = answer.json
    #expect(json["tokenType"]?.string == "Bearer")
    #expect(json["token"]?.string?.split(separator: ".").count == 3)
    #expect(json["expiresIn"]?.integer == 600)
    #expect(json["refreshToken"]?.string?.hasPrefix("urt1_") == true)
    #expect(json["refreshExpiresIn"]?.integer == 1_209_600)
    let user = try #require(json["user"]), session = try #require(json["session"])
    #expect(user["email"]?.string == email)
    #expect(user["name"]?.string == name)
    #expect(user["role"]?.string == role)
    #expect(user["status"]?.string == "active")
    #expect(user["emailVerified"]?.boolean == false)
    #expect(user["id"]?.string.flatMap { UUID($0) } != nil)
    #expect(session["current"]?.boolean == true)
    #expect(session["ipPrefix"]?.string == "127.0.0.0/24")
    for forbidden in ["password", "hash", "salt", "argon2"] {
      #expect(!answer.text.lowercased().replacingAll("passwordchangedat", "mustchangepassword").contains(forbidden))
    }
  }

  private func expectPrivate(_ answer: HTTPAnswer) {
    expectEverywhere(answer)
    #expect(answer["cache-control"] == "no-store")
    #expect(answer["vary"]?.contains("Authorization") == true)
  }
}

/// The headers that every answer carries.
func expectEverywhere(_ answer: HTTPAnswer, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(answer["date"]?.hasSuffix(" GMT") == true, sourceLocation: sourceLocation)
  #expect(answer["x-api-version"] == "v1", sourceLocation: sourceLocation)
  #expect(answer["x-request-id"] != nil, sourceLocation: sourceLocation)
  #expect(answer["x-content-type-options"] == "nosniff", sourceLocation: sourceLocation)
  #expect(answer["referrer-policy"] == "no-referrer", sourceLocation: sourceLocation)
  #expect(
    answer["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'", sourceLocation: sourceLocation)
}

extension String {
  /// Without the newline at the end.
  var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }

  /// Without any of the words.
  func replacingAll(_ words: String...) -> String {
    var rest = self[...], kept = ""
    while !rest.isEmpty {
      if let word = words.first(where: { rest.hasPrefix($0) }) {
        rest = rest.dropFirst(word.count)
      } else {
        kept.append(rest.removeFirst())
      }
    }
    return kept
  }
}
