// Administration over HTTP: who may make, read and list accounts, and what comes back.

import Codecs
import Platform
import TestSupport
import Testing

@testable import API

@Suite struct UserRoutesTests {
  static func body(_ email: String, role: String? = nil, name: String = "Somebody") -> String {
    let role = role.map { #","role":"\#($0)""# } ?? ""
    return #"{"email":"\#(email)","password":"\#(APIServer.password)","name":"\#(name)"\#(role)}"#
  }

  @Test func `an administrator makes an account that can log in`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let made = try server.ask("POST", "/api/v1/users", Self.body("bob@example.org"), token: root.access)
    #expect(made.status == 201)
    let id = try #require(made["id"]?.string)
    #expect(made.header("Location") == "/api/v1/users/\(id)")
    #expect(made.header("ETag") == "\"r1\"")
    #expect(made.members == SessionRoutesTests.userMembers)
    #expect(made["lastLoginAt"]?.isNull == true)
    SessionRoutesTests.expectNoSecrets(made)
    #expect(try server.login("bob@example.org").userID == id)

    let read = try server.ask("GET", "/api/v1/users/\(id)", token: root.access)
    #expect(read.status == 200)
    #expect(read["email"]?.string == "bob@example.org" && read["role"]?.string == "user")
    SessionRoutesTests.expectNoSecrets(read)
    let tag = try #require(read.header("ETag"))
    #expect(try server.ask("GET", "/api/v1/users/\(id)", token: root.access, fields: ["If-None-Match: \(tag)"]).status == 304)
    #expect(try server.ask("POST", "/api/v1/users", Self.body("BOB@example.org"), token: root.access).code == "email_exists")
  }

  @Test func `an account without a password waits for one`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let made = try server.ask("POST", "/api/v1/users", #"{"email":"bob@example.org","name":"Bob"}"#, token: root.access)
    #expect(made.status == 201)
    #expect(made["passwordChangedAt"]?.isNull == true)
    for password in ["", "x", APIServer.password] {
      let login = try server.ask("POST", "/api/auth/login", #"{"email":"bob@example.org","password":"\#(password)"}"#)
      #expect(login.code == "invalid_credentials")
    }
  }

  @Test func `nobody but an administrator makes, reads or lists accounts`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let ann = try server.register()
    for target in ["/api/v1/users", "/api/v1/users/\(root.userID)", "/api/v1/users/\(ann.userID)"] {
      let answer = try server.ask("GET", target, token: ann.access)
      #expect(answer.status == 403 && answer.code == "forbidden", "\(target): \(answer.text)")
      #expect(!answer.text.contains("example.org"))
    }
    let made = try server.ask("POST", "/api/v1/users", Self.body("eve@example.org", role: "admin"), token: ann.access)
    #expect(made.status == 403)
    #expect(try server.ask("POST", "/api/auth/login", Self.body("eve@example.org")).status == 422)
    #expect(try server.ask("GET", "/api/v1/users", token: root.access)["data"]?.count == 2)
  }

  @Test(arguments: ["id", "status", "revision", "createdAt", "passwordChangedAt", "epoch"])
  func `what an account is made of is not taken from outside`(_ member: String) throws {
    let server = try APIServer()
    let root = try server.administrator()
    let answer = try server.ask(
      "POST", "/api/v1/users", #"{"email":"eve@example.org","name":"Eve","\#(member)":"x"}"#, token: root.access)
    #expect(answer.status == 422)
    #expect(answer.fieldErrors == ["#/\(member) unknown_field"])
    #expect(try server.ask("GET", "/api/v1/users", token: root.access)["data"]?.count == 1)
  }

  @Test(arguments: [
    "01a1fd5f-9f4f-78fd-907c-5875a9664b83", "01A1FD5F-9F4F-78FD-907C-5875A9664B83", "nobody", "0", "..%2f", "%00", "1%201",
    String(repeating: "a", count: 5000),
  ]) func `an account that is not there is 404, whatever its name looks like`(_ id: String) throws {
    let server = try APIServer()
    let root = try server.administrator()
    let answer = try server.ask("GET", "/api/v1/users/\(id)", token: root.access)
    #expect(answer.status == 404 && answer.code == "not_found", "\(answer.text)")
  }

  @Test func `pages follow each other through everybody, once, in either order`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    for index in 0..<12 {
      server.clock.advance(milliseconds: 5)
      #expect(
        try server.ask("POST", "/api/v1/users", Self.body("u\(index)@example.org"), token: root.access).status == 201)
    }
    for (sort, isReversed) in [("createdAt", false), ("-createdAt", true)] {
      var emails: [String] = []
      var target: String? = "/api/v1/users?limit=5&sort=\(sort)"
      var pages = 0
      while let next = target {
        let page = try server.ask("GET", next, token: root.access)
        #expect(page.status == 200, "\(page.text)")
        #expect(page.members == ["data", "page"])
        emails += page["data"]?.elements.compactMap { $0["email"]?.string } ?? []
        let cursor = page["page"]?["nextCursor"]
        #expect(page["page"]?["hasMore"]?.boolean == (cursor?.string != nil))
        if let cursor = cursor?.string {
          let link = try #require(page.header("Link"))
          #expect(link == "</api/v1/users?limit=5&sort=\(sort)&cursor=\(cursor)>; rel=\"next\"")
          target = String(link.dropFirst().prefix { $0 != ">" })
        } else {
          #expect(cursor?.isNull == true && page.header("Link") == nil)
          target = nil
        }
        pages += 1
        try #require(pages < 10)
      }
      let expected = ["root@example.org"] + (0..<12).map { "u\($0)@example.org" }
      #expect(emails == (isReversed ? expected.reversed() : expected))
      #expect(pages == 3)
    }
  }

  @Test func `a cursor works in its own list only, and unchanged`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    _ = try server.register()
    let page = try server.ask("GET", "/api/v1/users?limit=1", token: root.access)
    let cursor = try #require(page["page"]?["nextCursor"]?.string)
    #expect(
      cursor.utf8.allSatisfy { $0 == 0x2d || $0 == 0x5f || (0x30...0x39).contains($0) || (0x41...0x5a).contains($0 & ~0x20) })
    var edited = Array(cursor)
    edited[20] = edited[20] == "A" ? "B" : "A"
    for wrong in [String(edited), cursor + "A", String(cursor.dropLast()), "", "x", "%00"] {
      let answer = try server.ask("GET", "/api/v1/users?limit=1&cursor=\(wrong)", token: root.access)
      #expect(answer.status == 400 && answer.code == "invalid_cursor", "\(wrong): \(answer.text)")
    }
    let turned = try server.ask("GET", "/api/v1/users?limit=1&sort=-createdAt&cursor=\(cursor)", token: root.access)
    #expect(turned.code == "invalid_cursor")
  }

  @Test func `a list takes at most so long a beginning`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let exact = String(repeating: "a", count: 254)
    #expect(try server.ask("GET", "/api/v1/users?q=\(exact)", token: root.access).status == 200)
    #expect(try server.ask("GET", "/api/v1/users?q=\(exact)a", token: root.access).code == "invalid_request")
  }

  @Test func `filters, sorts and counts go together, and the link repeats them`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    for (email, name) in [
      ("zoe@example.org", "Ann B"), ("ann@example.org", "Zoe"), ("bob@example.org", "Bob"), ("anna@example.org", "Ann A"),
    ] {
      #expect(try server.ask("POST", "/api/v1/users", Self.body(email, name: name), token: root.access).status == 201)
    }
    func emails(_ answer: Answer) -> [String] {
      answer["data"]?.elements.map { String(($0["email"]?.string ?? "?").prefix { $0 != "@" }) } ?? []
    }
    let found = try server.ask("GET", "/api/v1/users?q=AN&count=true&limit=2", token: root.access)
    #expect(emails(found) == ["ann", "anna"], "addresses come first")
    #expect(found["total"]?.integer == 3 && found.members == ["data", "page", "total"])
    let cursor = try #require(found["page"]?["nextCursor"]?.string)
    #expect(found.header("Link") == "</api/v1/users?limit=2&q=AN&count=true&cursor=\(cursor)>; rel=\"next\"")
    let next = try server.ask("GET", "/api/v1/users?limit=2&q=AN&count=true&cursor=\(cursor)", token: root.access)
    #expect(emails(next) == ["zoe"] && next["page"]?["nextCursor"]?.isNull == true, "then names, without those who were there")
    let odd = try server.ask("GET", "/api/v1/users?limit=1&q=ann%20&sort=createdAt&count=true", token: root.access)
    #expect(emails(odd) == ["zoe"] && odd["total"]?.integer == 2)
    #expect(odd.header("Link")?.hasPrefix("</api/v1/users?limit=1&q=ann%20&sort=createdAt&count=true&cursor=") == true)
    #expect(
      try emails(server.ask("GET", "/api/v1/users?sort=email", token: root.access)) == ["ann", "anna", "bob", "root", "zoe"])
    let admins = try server.ask("GET", "/api/v1/users?role=admin&count=true", token: root.access)
    #expect(emails(admins) == ["root"] && admins["total"]?.integer == 1)
    let id = try #require(next["data"]?.elements.map { $0["id"]?.string ?? "" }.first)
    #expect(try server.ask("DELETE", "/api/v1/users/\(id)", token: root.access).status == 204)
    let deleted = try server.ask("GET", "/api/v1/users?status=deleted&count=true", token: root.access)
    #expect(emails(deleted) == ["zoe"] && deleted["total"]?.integer == 1)
    #expect(try server.ask("GET", "/api/v1/users?count=true", token: root.access)["total"]?.integer == 4)
    // Who may not read users is not told how many there are.
    let bob = try server.login("bob@example.org")
    #expect(try server.ask("GET", "/api/v1/users?count=true", token: bob.access).code == "forbidden")
    for filter in ["q=an&limit=2", "q=AN&limit=2", "q=AN&count=true&status=active", "q=AN&sort=email", "q=AN&role=user"] {
      let other = try server.ask("GET", "/api/v1/users?\(filter)&cursor=\(cursor)", token: root.access)
      #expect(filter == "q=AN&limit=2" ? other.status == 200 : other.code == "invalid_cursor", "\(filter)")
    }
  }

  @Test(arguments: [
    "limit=0", "limit=201", "limit=-1", "limit=1.5", "limit=", "limit=00000000000000001", "limit=1&limit=2", "sort=name", "sort=",
    "colour=red", "Limit=1", "=", "limit=%31%00", "limit=%ff", "q=", "q=a&q=b", "status=gone", "status=", "role=", "role=A",
    "count=1", "count=", "count=true&count=true",
  ]) func `a list refuses what it does not understand`(_ query: String) throws {
    let server = try APIServer()
    let root = try server.administrator()
    let answer = try server.ask("GET", "/api/v1/users?\(query)", token: root.access)
    #expect(answer.status == 400 && answer.code == "invalid_request", "\(answer.text)")
  }

  @Test(arguments: [
    "limit=1", "limit=200", "limit=%31", "&&limit=5&", "sort=-createdAt", "", "sort=email&q=a+b", "status=deleted&role=nobody",
    "q=%c3%84&count=false", "email=x&count=true&status=active", "q=%00",
  ])
  func `a list takes what it understands`(_ query: String) throws {
    let server = try APIServer()
    let root = try server.administrator()
    #expect(try server.ask("GET", "/api/v1/users?\(query)", token: root.access).status == 200)
  }
}

@Suite struct AdminSocketTests {
  @Test func `the owner of the data folder needs no token on its socket`() throws {
    let server = try APIServer()
    let made = try server.ask("POST", "/api/v1/users", UserRoutesTests.body("root@example.org", role: "admin"), over: .admin)
    #expect(made.status == 201 && made["role"]?.string == "admin")
    let id = try #require(made["id"]?.string)
    #expect(try server.ask("GET", "/api/v1/users/\(id)", over: .admin).status == 200)
    #expect(try server.ask("GET", "/api/auth/me", over: .admin).code == "missing_token", "the owner is no account")
  }

  @Test func `another Unix socket gives its peers nothing`() throws {
    let server = try APIServer()
    #expect(try server.ask("GET", "/api/v1/users", over: .local).code == "missing_token")
    #expect(try server.ask("POST", "/api/v1/users", UserRoutesTests.body("a@example.org"), over: .local).code == "missing_token")
  }

  @Test(.enabled(if: effectiveUserID() != 0)) func `other users are refused on the admin socket`() throws {
    let server = try APIServer(ownerUserID: effectiveUserID() + 1)
    let answer = try server.ask("GET", "/api/v1/users", over: .admin)
    #expect(answer.status == 403 && answer.code == "forbidden")
  }
}
