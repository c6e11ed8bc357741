// Accepting connections and giving each its turns.

import Codecs
import Platform
import Synchronization

extension EventLoop {
  /// How many connections are accepted before those that are open have their turn.
  private static var maxAcceptBurst: Int { 64 }

  mutating func accept(_ index: Int) {
    guard index < listeners.count else { return }
    let listener = listeners[index]
    for _ in 0..<Self.maxAcceptBurst {
      var address = SocketAddress.local
      do throws(Errno) {
        guard let socket = try listener.socket.accept(peer: &address) else { return }
        try admit(socket, address, listener)
      } catch {
        // Whatever it is, the queue may stay as it is, as it does without descriptors, and epoll would tell so again and again.
        pauseAccepting()
        return
      }
    }
  }

  private mutating func admit(_ socket: consuming Socket, _ address: SocketAddress, _ listener: Listener) throws(Errno) {
    var peer = PeerState(address: address, credentials: nil, listenerIndex: listener.index)
    peer.isTrusted = listener.isLocal || context.server.edge.withCurrent { $0.trusts(address) }
    peer.audience = context.server.options.audiences[listener.index] ?? .clients
    if listener.isLocal { peer.credentials = try socket.peerCredentials() }
    let count = context.server.connectionCount.add(1, ordering: .relaxed).newValue
    if count > context.server.options.maxConnectionCount {
      context.server.connectionCount.subtract(1, ordering: .relaxed)
      return turnAway(socket, peer, .overloaded)
    }
    if let clients = context.server.clientConnections, !peer.isTrusted, !clients.enter(address) {
      context.server.connectionCount.subtract(1, ordering: .relaxed)
      return turnAway(socket, peer, .tooManyConnections)
    }
    let token = connections.reserve()
    let connection = Connection(socket, ConnectionState(token: token, peer: peer, context))
    connections.place(connection, at: token)
    do throws(Errno) {
      try epoll.add(
        connection.socket.descriptor, for: [.readable, .writable, .peerEnded, .edgeTriggered], token: token.rawValue)
    } catch {
      close(connection)
      throw error
    }
    timers.schedule(Int(token.slot), at: connection.deadline)
  }

  /// Answers a connection beyond the limit and closes it, without waiting for what it wants.
  private mutating func turnAway(_ socket: consuming Socket, _ peer: PeerState, _ problem: Problem) {
    context.beginUnknownExchange(peer)
    context.response.reset()
    context.response.become(problem, instance: Span(), requestID: context.request.exchange.requestID)
    let byteCount = context.write(to: &scratchOutput)
    context.report(peer, byteCount: byteCount)
    scratchOutput.withSpan { bytes in
      // The peer may be gone already; that is what was wanted.
      do throws(Errno) { _ = try socket.send(bytes) } catch { return }
    }
    scratchOutput.removeAll()
  }

  private mutating func pauseAccepting() {
    if acceptPauseEnd != nil { return }
    acceptPauseEnd = context.now &+ 100_000_000
    for index in listeners.indices { unwatch(index) }
  }

  mutating func resumeAccepting() {
    acceptPauseEnd = nil
    do throws(Errno) {
      for index in listeners.indices { try Self.watch(listeners[index], index, epoll) }
    } catch {
      // The kernel has no memory for it now; perhaps in a while.
      for index in listeners.indices { unwatch(index) }
      acceptPauseEnd = context.now &+ 100_000_000
    }
  }

  /// Stops watching a listener, if it is watched.
  func unwatch(_ index: Int) {
    do throws(Errno) { try epoll.remove(listeners[index].socket.socket.descriptor) } catch { return }
  }

  /// One turn of a connection: send what waits, read once, answer, send, and see what is next.
  ///
  /// Answers that were made before the turn are in `scratchOutput` already.
  mutating func serve(_ connection: Connection) {
    do throws(Errno) {
      if try !connection.sendRest(by: context.writeDeadline) { return keepUnsent(connection) }
      var step = ConnectionState.Step.wait
      if connection.state.phase == .lingering {
        step = try discardInput(connection)
      } else if connection.state.phase == .open {
        step = try takeTurn(connection)
      }
      if scratchOutput.count > 0 { try sendScratch(connection) }
      if connection.state.phase == .streaming, connection.output == nil {
        step = connection.state.pull(&scratchOutput, &context)
        if scratchOutput.count > 0 { try sendScratch(connection) }
      }
      if connection.output == nil, connection.state.outputSent(lingerUntil: context.lingerDeadline) {
        try connection.socket.shutdownSending()
      }
      settle(connection, step)
    } catch {
      // The peer is gone, or the system has no memory for it: there is nobody to tell.
      scratchOutput.removeAll()
      close(connection)
    }
  }

  /// Reads, unless there is enough to do already, and answers.
  private mutating func takeTurn(_ connection: Connection) throws(Errno) -> ConnectionState.Step {
    var input: ByteBuffer
    var isOwn = false
    if let own = connection.input.take() {
      input = own
      isOwn = true
    } else if let scratch = scratchInput.take() {
      input = scratch
    } else {
      preconditionFailure("a turn within a turn")
    }
    var consumed = 0
    var failure: Errno?
    var step = ConnectionState.Step.wait
    do throws(Errno) {
      if connection.isReadable && connection.state.wantsInput && !connection.hasMoreToDo {
        try connection.receive(
          into: &input, upTo: isOwn ? connection.state.readByteCount(having: input.count) : Self.readByteCount)
      }
      step = connection.state.advance(&input, &consumed, &scratchOutput, &context)
    } catch {
      failure = error
    }
    connection.hasMoreToDo = step == .again
    keep(input, from: consumed, isOwn: isOwn, for: connection)
    if let failure { throw failure }
    return step
  }

  /// Gives the loop's buffer back, and the connection what is left in it.
  private mutating func keep(_ input: consuming ByteBuffer, from consumed: Int, isOwn: Bool, for connection: Connection) {
    let rest = input.count - consumed
    if isOwn {
      if rest > 0 {
        if consumed > 0 { input.removeFirst(consumed) }
        connection.input = consume input
      }
      return
    }
    if rest > 0 {
      var own = ByteBuffer(capacity: max(rest, 512))
      input.withSpan { own.append($0.extracting(consumed..<$0.count)) }
      connection.input = consume own
    }
    input.removeAll()
    scratchInput = consume input
  }

  private mutating func discardInput(_ connection: Connection) throws(Errno) -> ConnectionState.Step {
    guard connection.isReadable, var scratch = scratchInput.take() else { return .wait }
    var failure: Errno?
    do throws(Errno) { try connection.receive(into: &scratch, upTo: Self.readByteCount) } catch { failure = error }
    let count = scratch.count
    scratch.removeAll()
    scratchInput = consume scratch
    if let failure { throw failure }
    return connection.state.discard(count, of: context.limits.maxDiscardedByteCount)
  }

  private mutating func sendScratch(_ connection: Connection) throws(Errno) {
    try connection.send(scratchOutput, by: context.writeDeadline)
    if scratchOutput.count <= Self.maxScratchByteCount {
      scratchOutput.removeAll()
    } else {
      scratchOutput = ByteBuffer(capacity: Self.scratchByteCount)
    }
  }

  /// The peer still does not read what it was sent; answers made meanwhile line up behind.
  private mutating func keepUnsent(_ connection: Connection) {
    if scratchOutput.count > 0 {
      scratchOutput.withSpan { connection.output?.append($0) }
      scratchOutput.removeAll()
    }
    settle(connection, .wait)
  }

  /// After a turn: end it, queue another, or wait.
  private mutating func settle(_ connection: Connection, _ step: ConnectionState.Step) {
    if step == .close || connection.state.phase == .closed { return close(connection) }
    let token = connection.state.token
    if connection.output == nil, !connection.isQueued,
      step == .again || connection.isReadable && connection.state.wantsInput
    {
      connection.isQueued = true
      queued.append(token)
    }
    if connection.state.phase == .held, !connection.isHeld {
      connection.isHeld = true
      held.append(token)
    }
    timers.schedule(Int(token.slot), at: connection.deadline)
  }

  /// Sees to it that the peer does not take the end of the connection for that of the body.
  private func reset(_ connection: Connection) {
    // The connection of a peer that is gone cannot be set any more, and need not be.
    do throws(Errno) { try connection.socket.resetOnClose() } catch { return }
  }

  mutating func close(_ connection: Connection) {
    let token = connection.state.token
    connection.state.abandonWork()
    connection.state.abandonTrace(&context)
    if connection.state.cutStream(&context) { reset(connection) }
    timers.cancel(Int(token.slot))
    connections.remove(token)
    if let clients = context.server.clientConnections, !connection.state.peer.isTrusted {
      clients.leave(connection.state.peer.address)
    }
    context.server.connectionCount.subtract(1, ordering: .relaxed)
  }
}
