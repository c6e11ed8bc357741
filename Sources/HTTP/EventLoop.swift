// One thread that serves its own connections: waits, reads, answers, writes.

import Codecs
import Platform
import Synchronization

/// All of it belongs to the thread that calls `run`; others reach it through its mailbox alone. A value, so that no step on the way to an answer
/// looks anything up.
struct EventLoop: ~Copyable {
  var context: LoopContext
  let mailbox: Mailbox
  var epoll: Epoll
  var listeners: [Listener]
  var connections = ConnectionTable()
  var timers: TimerWheel
  /// Connections that want another turn before the loop sleeps.
  var queued: [ConnectionToken] = []
  /// Connections whose answer waits for the disk.
  var held: [ConnectionToken] = []
  /// Taken out while a connection is served, so nil in between only then.
  var scratchInput: ByteBuffer? = ByteBuffer(capacity: EventLoop.readByteCount)
  var scratchOutput = ByteBuffer(capacity: EventLoop.scratchByteCount)
  /// When accepting goes on after the system ran out of descriptors.
  var acceptPauseEnd: UInt64?
  var hasBegunDraining = false

  static let readByteCount = 32 * 1024
  static let scratchByteCount = 64 * 1024
  /// A scratch buffer that grew beyond this for one large answer is given back.
  static let maxScratchByteCount = 1024 * 1024
  private static let mailboxToken: UInt64 = 1 << 63
  static let listenerToken: UInt64 = 1 << 62

  /// A listening socket in a loop's care.
  final class Listener: Sendable {
    let socket: ListeningSocket
    /// Which of the server's listeners it belongs to.
    let index: Int
    /// Whether it is a Unix socket, whose peers speak for others.
    let isLocal: Bool
    /// Whether all loops accept from its one queue.
    let isShared: Bool

    init(_ socket: consuming ListeningSocket, index: Int, isLocal: Bool, isShared: Bool) {
      self.socket = socket
      self.index = index
      self.isLocal = isLocal
      self.isShared = isShared
    }
  }

  init(_ server: ServerState, _ mailbox: Mailbox, _ listeners: [Listener]) throws(Errno) {
    let context = try LoopContext(server, mailbox: mailbox)
    let epoll = try Epoll()
    try epoll.add(mailbox.wakeup.descriptor, for: .readable, token: Self.mailboxToken)
    for (index, listener) in listeners.enumerated() { try Self.watch(listener, index, epoll) }
    self.mailbox = mailbox
    self.epoll = epoll
    self.listeners = listeners
    timers = TimerWheel(now: context.now)
    self.context = context
  }

  static func watch(_ listener: Listener, _ index: Int, _ epoll: borrowing Epoll) throws(Errno) {
    // One loop is enough for a connection in a queue that all of them watch.
    let interest: Readiness = listener.isShared ? [.readable, .exclusive] : .readable
    try epoll.add(listener.socket.socket.descriptor, for: interest, token: Self.listenerToken | UInt64(index))
  }

  /// Serves until the server goes down and every connection has ended or was cut.
  mutating func run() {
    begin()
    while !isFinished { turn(milliseconds: timeout) }
    end()
  }

  func begin() { context.server.durability.subscribe(mailbox.wakeup.descriptor.rawValue) }

  func end() { context.server.durability.unsubscribe(mailbox.wakeup.descriptor.rawValue) }

  /// Waits for something to do, and does it.
  mutating func turn(milliseconds: Int?) {
    let count = epoll.wait(milliseconds: milliseconds)
    mailbox.turns.store(mailbox.turns.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    context.refresh()
    for index in 0..<count { handle(epoll.readiness(at: index), epoll.token(at: index)) }
    serveQueued()
    expireTimers()
    if let end = acceptPauseEnd, context.now >= end { resumeAccepting() }
    if context.isDraining { drain() }
  }

  var isFinished: Bool { hasBegunDraining && connections.count == 0 }

  private var timeout: Int? {
    if !queued.isEmpty { return 0 }
    let next = timers.millisecondsToNext(now: context.now)
    let isImpatient = acceptPauseEnd != nil || hasBegunDraining
    return isImpatient ? min(next ?? 20, 20) : next
  }

  private mutating func handle(_ readiness: Readiness, _ token: UInt64) {
    if token & Self.mailboxToken != 0 {
      mailbox.wakeup.take()
      takeFinishedWork()
      releaseHeld()
    } else if token & Self.listenerToken != 0 {
      accept(Int(token & 0xffff))
    } else if let connection = connections[ConnectionToken(rawValue: token)] {
      if readiness.wantsReading { connection.isReadable = true }
      if readiness.hasEnded { connection.sawEnd = true }
      if readiness.isBroken && connection.state.isBusy {
        close(connection)
      } else {
        serve(connection)
      }
    }
  }

  private mutating func takeFinishedWork() {
    for work in mailbox.takeAll() {
      switch work {
      case .request(let job):
        guard let connection = connections[job.connection] else { continue }
        connection.state.complete(job, &scratchOutput, &context)
        serve(connection)
      case .body(let body):
        guard let connection = connections[body.connection] else { continue }
        if connection.state.complete(body, &scratchOutput, &context) == .close {
          close(connection)
        } else {
          serve(connection)
        }
      }
    }
  }

  private mutating func releaseHeld() {
    if held.isEmpty { return }
    var waiting: [ConnectionToken] = []
    swap(&waiting, &held)
    for token in waiting {
      guard let connection = connections[token] else { continue }
      if connection.state.release(&scratchOutput, &context) {
        connection.isHeld = false
        serve(connection)
      } else if connection.state.phase == .held {
        held.append(token)
      } else {
        connection.isHeld = false
      }
    }
  }

  private mutating func serveQueued() {
    if queued.isEmpty { return }
    var turns: [ConnectionToken] = []
    swap(&turns, &queued)
    for token in turns {
      guard let connection = connections[token] else { continue }
      connection.isQueued = false
      serve(connection)
    }
  }

  private mutating func expireTimers() {
    while let slot = timers.takeDue(now: context.now) {
      guard let connection = connections[slot: slot] else { continue }
      if connection.deadline > context.now {
        timers.schedule(slot, at: connection.deadline)
      } else if connection.output != nil {
        // The peer does not read. Whatever it is still owed is lost with the connection.
        close(connection)
      } else {
        switch connection.state.expire(&scratchOutput, &context) {
        case .close: close(connection)
        case .wait, .again: serve(connection)
        }
      }
    }
  }

  /// Stops accepting, ends idle connections, and cuts what is left when the grace is over.
  private mutating func drain() {
    if !hasBegunDraining {
      hasBegunDraining = true
      acceptPauseEnd = nil
      for index in listeners.indices {
        // Whoever waits to be accepted may have sent a request already.
        accept(index)
        unwatch(index)
      }
      listeners.removeAll()
      for connection in connections.all {
        // What was sent before the end is still read and answered.
        connection.isReadable = true
        serve(connection)
      }
    }
    let isOver = context.now >= context.server.drainDeadline.load(ordering: .relaxed)
    for connection in connections.all {
      if connection.state.isIdle && connection.output == nil && !connection.isQueued {
        close(connection)
      } else if isOver {
        if connection.state.phase != .lingering { context.server.cutConnectionCount.add(1, ordering: .relaxed) }
        close(connection)
      }
    }
  }
}
