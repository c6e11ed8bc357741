// The real executable behind a proxy and below a page: whose address the session and the log tell, and which pages may read answers.

import Codecs
import Platform
import TestSupport
import Testing

@Suite struct ProxyTests {
  /// Registers through a proxy that tells `client`, and returns the network that the session remembers.
  private func network(_ server: RunningServer, _ email: String, behind client: String) throws -> String? {
    let answer = try server.connect().request(
      "POST", "/api/auth/register", headers: ["X-Forwarded-For: 192.0.2.66, \(client)"],
      json: #"{"email":"\#(email)","name":"Ann","password":"a long enough one"}"#)
    #expect(answer.status == 201)
    return try JSONDocument(answer.body.span).root["session"]?["ipPrefix"]?.string
  }

  @Test func `a trusted proxy tells the client to the session and to the log`() throws {
    let folder = TemporaryFolder("proxy")
    let server = try RunningServer(
      data: folder.path, flags: ["--http-trusted-proxies", "10.0.0.0/8", "--http-trusted-proxies=127.0.0.1"])
    #expect(try network(server, "ann@example.org", behind: "203.0.113.9") == "203.0.113.0/24")
    #expect(try network(server, "bob@example.org", behind: "2001:db8::9, 10.1.1.1") == "2001:db8::/64")
    #expect(server.stop() == 0)
    #expect(server.program.output.contains("\"clientIp\":\"203.0.113.9\""))
    #expect(server.program.output.contains("\"clientIp\":\"2001:db8::9\""))
    #expect(!server.program.output.contains("192.0.2.66"))
    #expect(!server.program.output.contains("http.trusted_proxies"))
  }

  @Test func `a proxy that is not trusted is the client, and one line of the log says so`() throws {
    let folder = TemporaryFolder("proxy")
    let server = try RunningServer(data: folder.path)
    for email in ["ann@example.org", "bob@example.org"] {
      #expect(try network(server, email, behind: "203.0.113.9") == "127.0.0.0/24")
    }
    #expect(server.stop() == 0)
    #expect(!server.program.output.contains("203.0.113.9"))
    #expect(server.program.output.split(separator: "\n").filter { $0.contains("http.trusted_proxies") }.count == 1)
  }

  @Test func `pages of the origins in the settings may read answers, and no others`() throws {
    let folder = TemporaryFolder("proxy")
    let server = try RunningServer(data: folder.path, flags: ["--http-cors-origins", "https://app.example.org"])
    for (origin, allowed) in [("https://app.example.org", ["https://app.example.org"]), ("https://example.org", [])] {
      let answer = try server.connect().request("GET", "/api/auth/me", headers: ["Origin: \(origin)"])
      #expect(answer.status == 401)
      #expect(answer.headers.filter { $0.name == "access-control-allow-origin" }.map(\.value) == allowed)
      #expect(answer.headers.filter { $0.name == "vary" }.map(\.value) == ["Authorization, Origin"])
    }
    #expect(server.stop() == 0)
  }
}
