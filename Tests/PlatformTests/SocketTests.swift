// Sockets, epoll, eventfd and signals against the real kernel.

import Glibc
import Platform
import Testing

@Suite struct SocketTests {
  @Test func `an address reads what it writes`() {
    #expect(SocketAddress("127.0.0.1:8080")?.description == "127.0.0.1:8080")
    #expect(SocketAddress("[::1]:80")?.description == "[::1]:80")
  }
}
