// The thread of an event loop.

import Platform
import Synchronization

/// A loop on its way to its thread, and the way to reach it there.
final class LoopThread: Sendable {
  let mailbox: Mailbox
  let counts: RequestCounts
  /// nil once the thread has it. Its descriptors are open from the start, so that the thread cannot fail to get them.
  private let loop: Mutex<EventLoop?>
  private let thread = Mutex<JoinableThread?>(nil)

  init(_ server: ServerState, _ listeners: [EventLoop.Listener]) throws(Errno) {
    let mailbox = try Mailbox()
    self.mailbox = mailbox
    let loop = try EventLoop(server, mailbox, listeners)
    counts = loop.context.counts
    self.loop = Mutex(loop)
  }

  func start() throws(Errno) {
    let started = try JoinableThread(name: "userd-loop") { [self] in
      var loop = takeLoop()
      loop.context.server.options.onLoopStart()
      loop.run()
    }
    thread.withLock { $0 = started }
  }

  /// The loop itself, for the thread that turns it.
  func takeLoop() -> EventLoop {
    guard let taken = loop.withLock({ $0.take() }) else { preconditionFailure("a loop runs once") }
    return taken
  }

  func join() { thread.withLock { $0 }?.join() }
}
