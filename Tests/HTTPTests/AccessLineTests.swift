// What the line of a request says, in both forms.

import Codecs
@testable import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

struct AccessLineTests {
  /// The members of the line that a request has.
  private func line(_ format: LogFormat, _ request: String, from client: SocketAddress = .loopback(port: 7)) throws -> String {
    let seen = Mutex<[String]>([])
    var peer = PeerState()
    peer.address = client
    let conversation = try Conversation(
      peer: peer,
      access: { entry in
        var line = LogLine(continuing: ByteBuffer(), format)
        line.access(entry)
        let text = line.end().text()
        seen.withLock { $0.append(text) }
      })
    conversation.receive(request)
    return try #require(seen.withLock { $0.first })
  }

  @Test func `a line of JSON has what is known of a request, by the order of operations.md`() throws {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    let text = try line(
      .json, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine.1\r\ntraceparent: 00-\(trace)-00f067aa0ba902b7-01\r\n\r\n")
    #expect(
      text.hasPrefix(
        #","requestId":"mine.1","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","method":"GET","route":"/","status":200,"#))
    #expect(text.contains(#","durationMs":0.000,"bytes":"#))
    #expect(text.hasSuffix(#","clientIp":"127.0.0.1"}"# + "\n"))
  }

  @Test func `a request that was not understood has a line, and every kind of client its own spelling`() throws {
    let clients: [(SocketAddress, String)] = [
      (.loopback(port: 1), "127.0.0.1"), (SocketAddress(ipv4: 0xff0a_6400, port: 1), "255.10.100.0"), (.local, "local"),
      (SocketAddress(ipv6High: 0x2001_0db8_0000_0000, low: 1, port: 1), "2001:db8::1"),
    ]
    for (client, address) in clients {
      let text = try line(.text, "NEVER /x HTTP/1.1\r\nHost: a\r\nX-Request-Id: r\r\n\r\n", from: client)
      #expect(text.hasPrefix(" requestId=r method=? route=none status=501 durationMs=0.000 bytes="))
      #expect(text.hasSuffix(" clientIp=\(address) code=not_implemented\n"), "\(text)")
    }
  }
}
