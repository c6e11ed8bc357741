// Blocks of addresses: what is read as one, and what lies within.

import Platform
import Testing

private func address(_ text: String) throws -> SocketAddress {
  let address = SocketAddress(host: text.utf8.span)
  return try #require(address, "\(text)")
}

@Suite struct AddressPrefixTests {
  @Test(arguments: [
    ("192.0.2.1", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.0", "192.0.2.2", "::c000:201", "::1"]),
    (
      "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
      ["9.255.255.255", "11.0.0.0", "::a00:1", "2001:db8::a00:1"]
    ),
    ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
    ("192.0.2.254/31", ["192.0.2.254", "192.0.2.255"], ["192.0.2.253", "192.0.3.0"]),
    ("192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]), ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
    ("128.0.0.0/1", ["128.0.0.0", "255.0.0.1"], ["127.255.255.255"]),
    ("::1", ["::1"], ["::", "::2", "127.0.0.1", "1::1"]), ("::/0", ["::", "ffff::1"], ["0.0.0.0", "::ffff:1.2.3.4"]),
    ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"], ["2001:db7:ffff::", "2001:db9::"]),
    ("2001:db8::/64", ["2001:db8::ffff:ffff:ffff:ffff"], ["2001:db8:0:1::"]),
    ("2001:db8::/63", ["2001:db8:0:1::"], ["2001:db8:0:2::"]),
    ("2001:db8::/65", ["2001:db8::7fff:0:0:0"], ["2001:db8::8000:0:0:0"]),
    ("2001:db8::1/128", ["2001:db8::1"], ["2001:db8::", "2001:db8::2"]),
    ("::ffff:10.0.0.0/104", ["10.0.0.0", "10.255.0.1"], ["11.0.0.0"]), ("::ffff:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
    ("::ffff:0.0.0.0/96", ["1.2.3.4"], ["::1"]),
  ]) func `a block holds what begins with its bits and nothing else`(_ text: String, _ inside: [String], _ outside: [String])
    throws
  {
    let block = try #require(AddressPrefix(text))
    for other in inside { #expect(try block.contains(address(other)), "\(other)") }
    for other in outside { #expect(try !block.contains(address(other)), "\(other)") }
    #expect(!block.contains(.local))
    #expect(AddressPrefix(block.description) == block)
  }

  @Test(arguments: [
    "", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8 ", " 10.0.0.0/8",
    "10.0.0.0/8/8",
    "10.0.0.1/8", "10.0.0/8", "10.0.0.0/a", "10.0.0.0/0008", "10.0.0.0/255.0.0.0", "::/129", "::1/127", "2001:db8::1/64", "[::1]",
    "[::]/0",
    "10.0.0.0:80", "::ffff:10.0.0.0/95", "::ffff:10.0.0.1/104", "::ffff:10.0.0.0/129", "localhost", "fe80::1%1", "0x0a.0.0.0",
    "10.0.0.010",
    "*", "10.0.0.*", "unix:", "\u{661}0.0.0.0/8", "::1\u{0}",
  ]) func `anything else is no block`(_ text: String) {
    #expect(AddressPrefix(text) == nil)
  }

  @Test func `an address alone has neither port nor brackets and at most 45 bytes`() throws {
    #expect(try address("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255").host == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    #expect(try address("::ffff:192.0.2.1") == address("192.0.2.1"))
    for text in [
      "", "0ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "1.2.3.4:5", "[::1]", "::1 ", "1.2.3", "1.2.3.4.5", "1.2.3.256", ":",
    ] {
      let address = SocketAddress(host: text.utf8.span)
      #expect(address == nil, "\(text)")
    }
  }
}
