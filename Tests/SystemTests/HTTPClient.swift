// A blocking HTTP/1.1 client over one connection, for tests that know what bytes they want to send.

import Glibc
import Platform

enum ClientError: Error, Equatable {
  case cannotConnect(Errno)
  /// The connection ended, or broke, before a whole answer came.
  case closed
  /// No answer within the time limit.
  case tooSlow
  case malformed(String)
}

/// One connection. One thread uses it at a time.
final class HTTPClient {
  private let socket: FileDescriptor
  private var received: [UInt8] = []

  /// Connects to a port of this machine.
  init(port: UInt16, secondsToWait: Int = 20) throws(ClientError) {
    let raw = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard raw >= 0 else { throw .cannotConnect(Errno.last) }
    let socket = FileDescriptor(owning: raw)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
    // SAFETY: a local of the size that is given.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe connect(raw, address, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw .cannotConnect(Errno.last) }
    var limit = timeval(tv_sec: secondsToWait, tv_usec: 0)
    unsafe setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    unsafe setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var one: CInt = 1
    unsafe setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    self.socket = socket
  }

  /// Sends a request and waits for its answer.
  ///
  /// - Parameter json: a body of `application/json`; nil for none.
  func request(
    _ method: String, _ target: String, token: String? = nil, headers: [String] = [], json: String? = nil
  ) throws(ClientError) -> HTTPAnswer {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: localhost"] + headers
    if let token { lines.append("Authorization: Bearer \(token)") }
    if let json { lines += ["Content-Type: application/json", "Content-Length: \(json.utf8.count)"] }
    try send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (json ?? ""))
    return try receive(hasBody: method != "HEAD")
  }

  /// Sends bytes as they are.
  func send(_ text: String) throws(ClientError) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.send(socket.rawValue, buffer.baseAddress! + sent, buffer.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && Errno.last == .interrupted { continue }
      if count < 0 && Errno.last == .again { throw .tooSlow }
      guard count > 0 else { throw .closed }
      sent += count
    }
  }

  /// Waits for one answer.
  func receive(hasBody: Bool = true) throws(ClientError) -> HTTPAnswer {
    var headEnd = endOfHead()
    while headEnd == nil {
      guard try receiveMore() else { throw .closed }
      headEnd = endOfHead()
    }
    guard let headEnd else { throw .closed }
    let lines = String(decoding: received[0..<headEnd], as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
    received.removeFirst(headEnd + 4)
    let words = lines[0].split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else { throw .malformed("\(lines[0])") }
    var headers: [(name: String, value: String)] = []
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw .malformed("\(line)") }
      headers.append((parts[0].lowercased(), String(parts[1].drop { $0 == " " })))
    }
    var body: [UInt8] = []
    if hasBody && status != 204 && status != 304 {
      let lengths = headers.filter { $0.name == "content-length" }
      guard lengths.count == 1, let length = Int(lengths[0].value) else { throw .malformed("\(lengths.count) lengths") }
      while received.count < length { guard try receiveMore() else { throw .closed } }
      body = Array(received[0..<length])
      received.removeFirst(length)
    }
    return HTTPAnswer(status: status, headers: headers, body: body)
  }

  /// Whether the server ends the connection without another byte.
  func isClosedByPeer() throws(ClientError) -> Bool {
    guard received.isEmpty else { return false }
    return try !receiveMore()
  }

  private func endOfHead() -> Int? {
    guard received.count >= 4 else { return nil }
    for index in 0...(received.count - 4)
    where received[index] == 13 && received[index + 1] == 10 && received[index + 2] == 13 && received[index + 3] == 10 {
      return index
    }
    return nil
  }

  /// Takes what has come; false at the end of the connection.
  private func receiveMore() throws(ClientError) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      // SAFETY: the array's own memory and count.
      let count = unsafe recv(socket.rawValue, &chunk, chunk.count, 0)
      if count > 0 {
        received += chunk[0..<count]
        return true
      }
      if count == 0 { return false }
      switch Errno.last {
      case .interrupted: continue
      case .again: throw .tooSlow
      case .connectionReset: return false
      default: throw .closed
      }
    }
  }
}
