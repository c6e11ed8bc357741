// The conventions of docs/http-api.md §1, held over every row of the routing table: fields, methods, paths and media types.

import Codecs
import HTTP
import Testing

@testable import API

@Suite struct ConventionTests {
  /// A path of each pattern, with something in the places of its parameters.
  private static let paths: [(path: String, methods: [String])] = {
    var methods: [String: Set<String>] = [:]
    for endpoint in Endpoint.all {
      methods[path(endpoint), default: ["OPTIONS"]].insert("\(endpoint.method.name)")
      if endpoint.method == .get { methods[path(endpoint), default: []].insert("HEAD") }
    }
    return methods.map { ($0.key, $0.value.sorted()) }.sorted { $0.path < $1.path }
  }()

  private static func path(_ endpoint: Endpoint) -> String {
    let parts = "\(endpoint.pattern)".split(separator: "/").map { $0.hasPrefix("{") ? "internal" : String($0) }
    return "/" + parts.joined(separator: "/")
  }

  /// What every answer says, whatever it answers.
  private func expectEverywhere(_ answer: Answer, _ path: String, _ shown: String) {
    let date = answer.header("Date")
    #expect(date?.hasSuffix(" GMT") == true && date?.utf8.count == 29, "\(shown)")
    for (name, value) in [
      ("X-API-Version", "v1"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
      ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ] { #expect(answer.header(name) == value, "\(shown): \(name)") }
    #expect(answer.header("X-Request-Id")?.isEmpty == false, "\(shown)")
    if path.hasPrefix("/api/auth/") || path.hasPrefix("/api/v1/") {
      let caching = answer.header("ETag") == nil || answer.status != 200 ? "no-store" : "private, no-cache"
      #expect(answer.header("Cache-Control") == caching && answer.header("Vary") == "Authorization", "\(shown): \(answer.head)")
    }
    for name in ["Access-Control-Allow-Credentials", "Access-Control-Allow-Origin", "Set-Cookie", "Server", "X-Powered-By"] {
      #expect(answer.header(name) == nil, "\(shown): \(name)")
    }
  }

  @Test func `every path answers each method as it should, and says which ones it has`() throws {
    let server = try APIServer()
    let rest = Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    for (path, methods) in Self.paths {
      let listener: APIServer.Listener = path == "/metrics" ? .admin : .internet
      let options = try server.ask("OPTIONS", path, over: listener)
      #expect(options.status == 204 && options.text.isEmpty, "\(path)")
      let allowed = (options.header("Allow") ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
      #expect(allowed.sorted() == methods, "\(path)")
      expectEverywhere(options, path, "OPTIONS \(path)")
      for method in rest.subtracting(methods).sorted() {
        let answer = try server.ask(method, path, over: listener)
        #expect(answer.status == 405 && (method == "HEAD" || answer.code == "method_not_allowed"), "\(method) \(path)")
        #expect(answer.header("Allow") == options.header("Allow"), "\(method) \(path)")
        expectEverywhere(answer, path, "\(method) \(path)")
      }
      #expect(try server.ask("BREW", path, over: listener).status == 501)
    }
  }

  @Test func `every endpoint's answer carries what every answer carries, to whoever has no token`() throws {
    let server = try APIServer()
    for endpoint in Endpoint.all {
      let path = Self.path(endpoint), shown = "\(endpoint.method.name) \(path)"
      let answer = try server.ask(
        "\(endpoint.method.name)", path, endpoint.body.schema == nil ? nil : "{}", fields: ["X-Request-Id: Aa0._-9"])
      expectEverywhere(answer, path, shown)
      #expect(answer.header("X-Request-Id") == "Aa0._-9", "\(shown)")
      if answer.status >= 400, let code = answer.code {
        #expect(answer["requestId"]?.string == "Aa0._-9" && answer["instance"]?.string == path, "\(shown)")
        #expect(answer["type"]?.string == "/problems/\(code)", "\(shown)")
      }
      #expect(answer.status != 401 || answer.header("WWW-Authenticate")?.hasPrefix(#"Bearer realm="userd""#) == true, "\(shown)")
    }
  }

  @Test func `HEAD is GET without its body`() throws {
    let server = try APIServer()
    for endpoint in Endpoint.all where endpoint.method == .get {
      let path = Self.path(endpoint)
      let get = try server.ask("GET", path), head = try server.ask("HEAD", path)
      #expect(head.status == get.status && head.text.isEmpty, "\(path)")
      for name in ["Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary", "WWW-Authenticate", "Link"] {
        // Problem documents name their request, whose names are equally long.
        #expect(head.header(name) == get.header(name), "\(path): \(name)")
      }
    }
  }

  @Test func `a path has one spelling`() throws {
    let server = try APIServer()
    for (path, _) in Self.paths where path != "/" {
      let last = path.split(separator: "/").last.map(String.init) ?? ""
      let start = String(path.dropLast(last.count))
      for other in [
        path + "/", "/" + path, path + "//", path.uppercased(), start + "%2F" + last, start + "./" + last, start + "x/../" + last,
        path + ";a=b", path + "%00", path + ".json", "/api" + path,
      ] where other != path {
        let answer = try server.ask("GET", other)
        // What stands in the place of a parameter may be anything but a part of a path.
        let isParameter = last == "internal" && [path.uppercased(), path + ";a=b", path + "%00", path + ".json"].contains(other)
        #expect(answer.status == 404 || isParameter && [401, 405].contains(answer.status), "\(other): \(answer.status)")
        #expect([404, 401, 405].contains(answer.status), "\(other)")
      }
      for broken in ["%", "%2", "%zz"] {
        #expect(try server.ask("GET", path + broken).code == "malformed_request", "\(path)\(broken)")
      }
    }
  }

  @Test func `a body is of a type that the endpoint takes, or nothing is looked at`() throws {
    let server = try APIServer()
    let accepted = [
      "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"",
    ]
    let refused = [
      "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
      "application/json; charset=latin1", "application/json; version=1", "application/json, text/plain", "application/jsonx",
      "application/vnd.api+json", "application", "*/*", "", "application/json;",
    ]
    for endpoint in Endpoint.all where endpoint.body.schema != nil {
      let path = Self.path(endpoint), method = "\(endpoint.method.name)"
      let isPatch: Bool
      if case .mergePatch = endpoint.body { isPatch = true } else { isPatch = false }
      let takesForm = path.hasSuffix("/introspect")
      for type in accepted + (isPatch ? ["application/merge-patch+json"] : []) {
        #expect(try server.ask(method, path, "[", type: type).status != 415, "\(method) \(path) \(type)")
      }
      for type in refused + (isPatch ? [] : ["application/merge-patch+json"]) {
        if takesForm, type.hasSuffix("urlencoded") { continue }
        // A parameter list that ends in nothing is allowed by RFC 9110 section 5.6.6.
        if type == "application/json;" { continue }
        let answer = try server.ask(method, path, "{}", type: type)
        #expect(answer.status == 415 && answer.code == "unsupported_media_type", "\(method) \(path) \(type): \(answer.status)")
      }
      for (coding, isFine) in [("gzip", false), ("br", false), ("identity, gzip", false), ("identity", true)] {
        let answer = try server.ask(method, path, "[", fields: ["Content-Encoding: \(coding)"])
        #expect((answer.status == 415) != isFine, "\(method) \(path) \(coding): \(answer.status)")
      }
    }
  }

  @Test func `a body is strict JSON, an object, and there where it is needed`() throws {
    let server = try APIServer()
    let ann = try server.register()
    for endpoint in Endpoint.all where endpoint.body.schema != nil {
      let path = Self.path(endpoint), method = "\(endpoint.method.name)", shown = "\(method) \(path)"
      // Introspection is no business of one's own account.
      let isPersonal = path.hasPrefix("/api/auth/") && !path.hasSuffix("/introspect")
      // What a path names that is not there is 404 before or after its body.
      if path.contains("internal") { continue }
      func ask(_ body: String?) throws -> Answer {
        try server.ask(
          method, path, body, token: isPersonal ? ann.access : nil, fields: ["If-Match: *"], over: isPersonal ? .internet : .admin
        )
      }
      for body in [
        "{", "{}x", "{}{}", "{'a':1}", #"{"a":1,}"#, #"{"a":1,"a":2}"#, #"{"a":01}"#, #"{"a":"\ud800"}"#, "\u{feff}{}", "nul",
        " ",
        String(repeating: "[", count: 65) + String(repeating: "]", count: 65), #"{"a":NaN}"#, "{\"a\":\"\u{1}\"}", "// x\n{}",
      ] {
        let answer = try ask(body)
        #expect(answer.status == 400 && answer.code == "malformed_json", "\(shown) \(body.prefix(20)): \(answer.status)")
      }
      for body in ["[]", "null", "7", #""x""#, "true", String(repeating: "[", count: 64) + String(repeating: "]", count: 64)] {
        let answer = try ask(body)
        #expect(answer.status == 422 && answer.fieldErrors == ["# invalid_type"], "\(shown) \(body.prefix(20)): \(answer.text)")
      }
      if case .json = endpoint.body { #expect(try ask("").code == "malformed_json", "\(shown)") }
    }
  }

  @Test func `parameters that nobody knows matter in lists alone`() throws {
    let server = try APIServer()
    let root = try server.administrator()
    for endpoint in Endpoint.all where endpoint.method == .get {
      let path = Self.path(endpoint).filled("internal", endpoint.parameters.contains(.problemCode) ? "internal" : root.userID)
      guard path.hasPrefix("/api/") || endpoint.parameters.isEmpty else { continue }
      if case .owner = endpoint.access { continue }
      if case .observer = endpoint.access { continue }
      let plain = try server.ask("GET", path, token: root.access),
        more = try server.ask("GET", path + "?colour=red", token: root.access)
      // Lists of one page refuse them too, and verify, because its query protects something (docs/decisions/0010).
      let isStrict =
        endpoint.parameters.contains(.cursor) || ["/api/v1/roles", "/api/v1/permissions", "/api/auth/verify"].contains(path)
      #expect(isStrict ? more.code == "invalid_request" : more.status == plain.status, "\(path): \(more.status) \(more.text)")
    }
  }
}
