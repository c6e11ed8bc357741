// A service on this machine that messages are posted to.

import Codecs
import Platform
import Synchronization
import TestSupport

/// Answers every POST, keeps what was posted, and ends with its owner.
final class LocalHook: Sendable {
  let port: UInt16
  private let state = Mutex((posts: [String](), isEnding: false))
  private let thread = Mutex<Thread?>(nil)

  /// - Parameter refusedCount: how many posts are turned away first.
  init(refusing refusedCount: Int = 0) throws {
    let listener = try ListeningSocket.bind(to: .loopback(port: 0), .exclusive)
    port = try listener.socket.localAddress().port
    let box = Mutex<ListeningSocket?>(consume listener)
    let serve: @Sendable () -> Void = { [self] in
      guard let listener = box.withLock({ $0.take() }) else { return }
      var peer = SocketAddress.local
      while !state.withLock({ $0.isEnding }) {
        guard (try? listener.socket.waitUntilReadable(milliseconds: 10)) == true, let socket = try? listener.accept(peer: &peer)
        else { continue }
        let post = Self.read(socket)
        let count = state.withLock { state in
          state.posts.append(String(decoding: post, as: UTF8.self))
          return state.posts.count
        }
        let answer = Array((count <= refusedCount ? "HTTP/1.1 503 Not Now\r\n\r\n" : "HTTP/1.1 204 No Content\r\n\r\n").utf8)
        _ = try? socket.send(answer.span)
      }
    }
    try thread.withLock { (thread) throws(Errno) in thread = try Thread(name: "hook", serve) }
  }

  private static func read(_ socket: borrowing Socket) -> [UInt8] {
    var post: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 4096)
    while post.last != UInt8(ascii: "}"), (try? socket.waitUntilReadable(milliseconds: 2000)) == true {
      var span = room.mutableSpan
      guard case .bytes(let count)? = try? socket.receive(into: &span) else { break }
      post += room[..<count]
    }
    return post
  }

  var posts: [String] { state.withLock { $0.posts } }

  /// The documents in the posts so far.
  var messages: [JSONValue] {
    posts.compactMap { post in
      let bytes = Array((post.split(separator: "\r\n").last ?? "").utf8)
      return try? JSONDocument(bytes.span).root
    }
  }

  func stop() {
    state.withLock { $0.isEnding = true }
    if let running = thread.withLock({ $0.take() }) { running.join() }
  }
}
