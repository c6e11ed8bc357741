// Whose request it is when proxies stand between: what is believed of X-Forwarded-For, and what is not.

import Codecs
@testable import HTTP
import Platform
import Synchronization
import Testing

/// What the access hook was told.
private final class Clients: Sendable {
  private let told = Mutex<[String]>([])
  var all: [String] { told.withLock { $0 } }
  func add(_ client: String) { told.withLock { $0.append(client) } }
}

private func network(_ text: String) throws -> AddressPrefix { try #require(AddressPrefix(text)) }

private let routes = [
  Route(.get, "/") { request, response throws(Problem) in
    response.json { $0.string("\(request.client.host) \(request.clientNetwork) \(request.isFromThisMachine)") }
  },
  Route(.get, "/pool", on: .diskPool) { request, response throws(Problem) in response.json { $0.string(request.client.host) } },
]

@Suite struct ForwardedClientTests {
  private func conversation(
    _ peer: String, trusting proxies: [String] = ["10.0.0.0/8", "2001:db8:1::/48"], clients: Clients = Clients(),
    notice: NoticeHook? = nil
  ) throws -> Conversation {
    var state = PeerState()
    if peer != "local", let address = SocketAddress(host: peer.utf8.span) { state.address = address }
    var options = ServerOptions(listeners: [])
    options.trustedProxies = try proxies.map(network)
    state.isTrusted = peer == "local" || options.trustedProxies.contains { $0.contains(state.address) }
    let trusted = options.trustedProxies
    return try Conversation(routes, peer: state, access: { clients.add($0.client.host) }, notice: notice) {
      $0.trustedProxies = trusted
    }
  }

  @Test(arguments: [
    // The peer, the lines, the client.
    ("10.0.0.1", [], "10.0.0.1"), ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"), ("10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
    ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"), ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
    ("10.0.0.1", ["[2001:db8::7]:80"], "2001:db8::7"), ("10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["[::ffff:192.0.2.7]:1"], "192.0.2.7"), ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
    ("2001:db8:1::1", ["192.0.2.7"], "192.0.2.7"), ("local", ["192.0.2.7"], "192.0.2.7"),
    // What is left of the first that is not trusted is what anyone may have written.
    ("10.0.0.1", ["198.51.100.9, 192.0.2.7"], "192.0.2.7"), ("10.0.0.1", ["127.0.0.1, 10.0.0.2,192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], "192.0.2.7"), ("10.0.0.1", ["192.0.2.7 ,\t10.0.0.2:80 , ::ffff:10.0.0.3"], "192.0.2.7"),
    ("10.0.0.1", ["192.0.2.7, 2001:db8:1::2"], "192.0.2.7"), ("local", ["198.51.100.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
    // Several lines are one list.
    ("10.0.0.1", ["198.51.100.9", "192.0.2.7"], "192.0.2.7"),
    ("10.0.0.1", ["198.51.100.9, 192.0.2.7", "10.0.0.3, 10.0.0.2"], "192.0.2.7"),
    ("10.0.0.1", ["192.0.2.7", "x", "10.0.0.2"], "10.0.0.2"),
    // All of them trusted: the farthest.
    ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"), ("local", ["10.0.0.3"], "10.0.0.3"),
    // What is no address ends the list.
    ("10.0.0.1", [""], "10.0.0.1"), ("10.0.0.1", ["unknown"], "10.0.0.1"), ("10.0.0.1", ["192.0.2.7,"], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.7, _hidden, 10.0.0.2"], "10.0.0.2"), ("10.0.0.1", ["192.0.2.7,,10.0.0.2"], "10.0.0.2"),
    ("10.0.0.1", ["192.0.2.7:"], "10.0.0.1"), ("10.0.0.1", ["192.0.2.7:65536"], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.7:+80"], "10.0.0.1"),
    ("10.0.0.1", ["[192.0.2.7]"], "10.0.0.1"), ("10.0.0.1", ["[2001:db8::7"], "10.0.0.1"),
    ("10.0.0.1", ["2001:db8::7]"], "10.0.0.1"),
    ("10.0.0.1", ["[2001:db8::7]80"], "10.0.0.1"), ("10.0.0.1", ["[]"], "10.0.0.1"), ("10.0.0.1", ["[2001:db8::7]:"], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.07"], "10.0.0.1"), ("10.0.0.1", ["\"192.0.2.7\""], "10.0.0.1"),
    ("10.0.0.1", ["192.0.2.7 192.0.2.8"], "10.0.0.1"),
    ("10.0.0.1", ["fe80::1%eth0"], "10.0.0.1"), ("local", ["unknown"], "local"), ("local", [], "local"),
    // A peer that is not trusted is the client, whatever it says.
    ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"), ("11.0.0.1", ["10.0.0.1"], "11.0.0.1"),
    ("127.0.0.1", ["198.51.100.9"], "127.0.0.1"),
  ]) func `a proxy is believed as far as it is trusted`(_ peer: String, _ lines: [String], _ client: String) throws {
    let clients = Clients()
    let conversation = try conversation(peer, clients: clients)
    let fields = lines.map { "X-Forwarded-For: \($0)\r\nX-Other: x\r\n" }.joined()
    let other = "Forwarded: for=203.0.113.5\r\nX-Real-IP: 203.0.113.5\r\n"
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\(other)\(fields)\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
    conversation.receive("GET /pool HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
    conversation.runJobs()
    let answers = try conversation.answers()
    #expect(answers.map(\.status) == [200, 404, 200])
    #expect(answers.first?.text.hasPrefix("\"\(client) ") == true, "\(answers.first?.text ?? "")")
    #expect(answers.last?.text == "\"\(client)\"")
    // The access log tells the same; and the next request on the connection begins anew.
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n(")
    let bare = peer == "::ffff:10.0.0.1" ? "10.0.0.1" : peer
    #expect(clients.all == [client, client, client, bare, bare])
  }

  @Test func `network and machine are the client's, not the proxy's`() throws {
    let conversation = try conversation("127.0.0.1", trusting: ["127.0.0.0/8"])
    for (client, text) in [
      ("192.0.2.7", "192.0.2.7 192.0.2.0/24 false"), ("2001:db8:1:2:3::7", "2001:db8:1:2:3::7 2001:db8:1:2::/64 false"),
      ("::1", "::1 ::/64 true"), ("x", "127.0.0.1 127.0.0.0/24 true"),
    ] {
      conversation.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\r\n")
      #expect(try conversation.answers().map(\.text) == ["\"\(text)\""])
    }
  }

  @Test func `a chain of 32 proxies is followed and no further`() throws {
    let conversation = try conversation("10.0.0.1")
    for (count, client) in [(31, "192.0.2.7"), (32, "10.0.0.3"), (500, "10.0.0.2")] {
      let chain = "10.0.0.3," + Array(repeating: "10.0.0.2", count: count - 1).joined(separator: ",")
      conversation.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7,\(chain)\r\n\r\n")
      #expect(try conversation.answers().first?.text.hasPrefix("\"\(client) ") == true, "\(count)")
    }
  }

  @Test func `an untrusted proxy on this machine is noticed once`() throws {
    let counter = Counter()
    let remote = try conversation("192.0.2.1", notice: { _ in counter.add() })
    remote.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
    #expect(counter.value == 0)
    let conversation = try conversation("127.0.0.1", notice: { _ in counter.add() })
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(counter.value == 0)
    for _ in 0..<3 { conversation.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n") }
    #expect(counter.value == 1)
  }
}
