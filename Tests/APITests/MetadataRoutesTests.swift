// What others keep beside an account: who may write it, merge patches, and its bounds.

import Codecs
import TestSupport
import Testing

@testable import API

@Suite struct MetadataRoutesTests {
  private static func object(_ byteCount: Int) -> String {
    #"{"a":""# + String(repeating: "x", count: byteCount - 8) + #""}"#
  }

  private static func text(_ answer: Answer, _ member: StaticString) -> String? {
    answer[member].map { value in
      var json = JSONWriter(ByteBuffer())
      json.value(value)
      return json.finish().text()
    }
  }

  @Test func `metadata are kept in compact form, merged by PATCH and replaced by PUT`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    let body =
      #"{"email":"ann@example.org","name":"Ann","metadata":{ "a" : "\u0041\u002f" , "n" : 1.50 },"appMetadata":{"plan":{"id":7,"x":null}}}"#
    let made = try server.ask("POST", "/api/v1/users", body, token: root.access)
    #expect(made.status == 201)
    #expect(made.text.contains(#""metadata":{"a":"A/","n":1.50},"appMetadata":{"plan":{"id":7,"x":null}}"#), "\(made.text)")
    let path = "/api/v1/users/\(try #require(made["id"]?.string))"
    #expect(try server.ask("GET", path, token: root.access).text == made.text)

    let patch = #"{"metadata":{"n":null,"b":{"c":null,"d":[null]}},"appMetadata":{"plan":{"id":8}}}"#
    let patched = try server.ask("PATCH", path, patch, token: root.access, type: "application/merge-patch+json")
    #expect(
      patched.text.contains(#""metadata":{"a":"A/","b":{"d":[null]}},"appMetadata":{"plan":{"id":8,"x":null}}"#),
      "\(patched.text)")
    #expect(patched["revision"]?.integer == 2)
    let same = try server.ask("PATCH", path, #"{"metadata":{"a":"A/"}}"#, token: root.access)
    #expect(same["revision"]?.integer == 2, "a change that changes nothing is none")
    let gone = try server.ask("PATCH", path, #"{"metadata":null}"#, token: root.access)
    #expect(Self.text(gone, "metadata") == "{}" && Self.text(gone, "appMetadata") == #"{"plan":{"id":8,"x":null}}"#)

    let put = #"{"email":"ann@example.org","name":"Ann","role":"user","metadata":{"new":null}}"#
    let replaced = try server.ask("PUT", path, put, token: root.access, fields: ["If-Match: \"r3\""])
    #expect(Self.text(replaced, "metadata") == #"{"new":null}"# && Self.text(replaced, "appMetadata") == "{}", "\(replaced.text)")
  }

  @Test func `a person changes their own metadata and nothing else of the kind`() throws {
    let server = try APIServer()
    let ann = try server.register()
    let patched = try server.ask("PATCH", "/api/auth/me", #"{"name":"Änn","metadata":{"theme":"dark"}}"#, token: ann.access)
    #expect(patched.status == 200 && Self.text(patched, "metadata") == #"{"theme":"dark"}"#)
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).text == patched.text)
    for member in ["appMetadata", "role", "status", "id", "email", "emailVerified", "mustChangePassword", "revision"] {
      let refused = try server.ask("PATCH", "/api/auth/me", #"{"\#(member)":{}}"#, token: ann.access)
      #expect(refused.fieldErrors == ["#/\(member) unknown_field"])
    }
    #expect(try server.ask("PATCH", "/api/auth/me", #"{"name":null}"#, token: ann.access).fieldErrors == ["#/name invalid_type"])
    #expect(try server.ask("GET", "/api/auth/me", token: ann.access).text == patched.text)
    let empty = try server.ask("PATCH", "/api/auth/me", #"{"metadata":{"theme":null}}"#, token: ann.access)
    #expect(Self.text(empty, "metadata") == "{}")
  }

  @Test func `an object may have 4 KiB and 32 levels, also after a merge, and no more`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    func create(_ object: String, _ email: String) throws -> Answer {
      try server.ask(
        "POST", "/api/v1/users", #"{"email":"\#(email)@example.org","name":"A","metadata":\#(object),"appMetadata":\#(object)}"#,
        token: root.access)
    }
    let exact = try create(Self.object(4096), "a")
    #expect(exact.status == 201, "\(exact.text)")
    let over = try create(Self.object(4097), "b")
    #expect(over.fieldErrors == ["#/metadata too_long", "#/appMetadata too_long"])
    #expect(over["errors"]?.elements.map { $0["max"]?.integer } == [4096, 4096])
    func nested(_ depth: Int) -> String {
      String(repeating: #"{"a":"#, count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
    }
    #expect(try create(nested(32), "c").status == 201)
    #expect(try create(nested(33), "d").fieldErrors == ["#/metadata invalid_value", "#/appMetadata invalid_value"])
    for other in ["[]", "null", "1", "\"{}\""] {
      #expect(try create(other, "e").fieldErrors == ["#/metadata invalid_type", "#/appMetadata invalid_type"], "\(other)")
    }
    let path = "/api/v1/users/\(try #require(exact["id"]?.string))"
    let more = try server.ask("PATCH", path, #"{"name":"B","appMetadata":{"b":1}}"#, token: root.access)
    #expect(more.fieldErrors == ["#/appMetadata too_long"])
    #expect(try server.ask("GET", path, token: root.access)["name"]?.string == "A", "nothing was changed")
    #expect(try server.ask("PATCH", path, #"{"appMetadata":{"b":1,"a":null}}"#, token: root.access).status == 200)
    let put = #"{"email":"a@example.org","name":"A","role":"user","metadata":null,"appMetadata":[]}"#
    let refused = try server.ask("PUT", path, put, token: root.access, fields: ["If-Match: *"])
    #expect(Set(refused.fieldErrors) == ["#/metadata invalid_type", "#/appMetadata invalid_type"])
  }
}
