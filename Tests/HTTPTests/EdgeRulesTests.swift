// Rules that change under a server that works: an answer under way names the origin that it was asked from.

@testable import HTTP
import Platform
import Testing

@Suite struct EdgeRulesTests {
  private func origin(_ text: String) throws -> WebOrigin { try #require(WebOrigin(text)) }

  private func place(of text: String, in rules: EdgeRules) -> Int {
    let bytes = Array(text.utf8)
    return rules.place(of: bytes.span)
  }

  @Test func `an origin keeps its place when others come and go, and is only found while it is allowed`() throws {
    let (a, b, c) = (try origin("https://a.example"), try origin("https://b.example"), try origin("https://c.example"))
    let first = EdgeRules(trustedProxies: [], allowedOrigins: [a, b])
    let second = EdgeRules(trustedProxies: [], allowedOrigins: [c, b], after: first)
    let third = EdgeRules(trustedProxies: [], allowedOrigins: [a], after: second)
    #expect([first, second, third].map { place(of: "https://a.example", in: $0) } == [0, -1, 0])
    #expect([first, second, third].map { place(of: "https://b.example", in: $0) } == [1, 1, -1])
    #expect([first, second, third].map { place(of: "https://c.example", in: $0) } == [-1, 2, -1])
    #expect(third.origins == [a, b, c])
    #expect(place(of: "https://d.example", in: third) == -1)
  }

  @Test func `a proxy is believed by the rules of the moment`() throws {
    let proxy = try #require(AddressPrefix("10.0.0.0/8")), address = try #require(SocketAddress("10.1.2.3:4"))
    let rules = EdgeRules(trustedProxies: [proxy], allowedOrigins: [])
    #expect(rules.trusts(address))
    #expect(!EdgeRules(trustedProxies: [], allowedOrigins: [], after: rules).trusts(address))
  }
}
