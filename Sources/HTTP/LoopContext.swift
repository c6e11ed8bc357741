// What all connections of one loop share: scratch memory, the time, and the way from a request to its answer.

import Codecs
import Platform
import Synchronization

/// Confined to the thread of its loop.
final class LoopContext {
  let server: ServerState
  let limits: HTTPLimits
  let parser: RequestParser
  let mailbox: Mailbox
  /// The request that is being looked at; its bytes change places with the connection's input while a handler runs.
  var request = Request(bytes: ByteBuffer(capacity: 16))
  var response = Response()
  /// On the monotonic clock, read when the loop woke and after each answer.
  private(set) var now: UInt64
  private var wallMilliseconds: Int64 = 0
  /// `Date` and the fixed header fields, each with its line end.
  private(set) var headerBlock = ByteBuffer(capacity: 512)
  private var headerBlockExpiry: UInt64 = 0
  private var requestIDs: RequestIDSource

  init(_ server: ServerState, mailbox: Mailbox) {
    self.server = server
    self.mailbox = mailbox
    limits = server.limits
    parser = RequestParser(limits: server.limits)
    requestIDs = RequestIDSource(random: server.random)
    now = server.clock.monotonicNanoseconds()
    refresh()
  }

  /// Reads the clock; what depends on the second is made anew when it has passed.
  func refresh() {
    now = server.clock.monotonicNanoseconds()
    if now < headerBlockExpiry { return }
    wallMilliseconds = server.clock.wallMilliseconds()
    let rest = 1000 - wallMilliseconds % 1000
    headerBlockExpiry = now &+ UInt64(rest) &* 1_000_000
    headerBlock.removeAll()
    headerBlock.append("Date: ")
    HTTPDate.append(milliseconds: wallMilliseconds, to: &headerBlock)
    headerBlock.append("\r\n")
    for field in server.options.fixedHeaders {
      headerBlock.append(field.name)
      headerBlock.append(": ")
      headerBlock.append(field.value)
      headerBlock.append("\r\n")
    }
  }

  var isDraining: Bool { server.isDraining.load(ordering: .relaxed) }

  func makeRequestID() -> RequestID { requestIDs.next(milliseconds: wallMilliseconds) }

  /// The request's own name if it brought one of the right form, else a new one.
  func requestID(_ bytes: Span<UInt8>) -> RequestID {
    if let place = request.head.firstValue(.requestID), request.head.lineCount(.requestID) == 1,
      let given = RequestID(bytes.extracting(place.range(from: 0)))
    {
      return given
    }
    return makeRequestID()
  }
}

extension LoopContext {
  /// What is known of a request once its head is whole.
  ///
  /// - Parameter bytes: begin with the request that was parsed into `request.head`.
  func identify(_ bytes: Span<UInt8>) -> Exchange {
    var exchange = Exchange()
    exchange.startNanoseconds = now
    exchange.method = request.head.method
    exchange.minorVersion = request.head.minorVersion
    exchange.keepsAlive = request.head.isPersistent && !isDraining
    exchange.requestID = requestID(bytes)
    if let endpoint = server.router.match(bytes, path: request.head.path, &request.parameters), !request.head.isAsterisk {
      exchange.endpoint = endpoint
      exchange.isPrivate = server.router.endpoints[endpoint].isPrivate
    } else {
      exchange.isPrivate = bytes.extracting(request.head.path.range(from: 0)).isUnder(server.options.privatePrefixes)
    }
    return exchange
  }

  /// The index of the route that answers; nil if the server answers by itself.
  func route(of exchange: Exchange) -> Int? {
    guard exchange.endpoint >= 0, let method = exchange.method else { return nil }
    return server.router.endpoints[exchange.endpoint].route(for: method)
  }

  /// Why the request cannot go to a handler; nil if it can, or if it is an OPTIONS.
  func judge(_ bytes: Span<UInt8>, _ exchange: Exchange, bodyByteCount: Int) -> Problem? {
    guard let method = exchange.method else { return .methodNotImplemented }
    if request.head.isAsterisk { return nil }
    guard exchange.endpoint >= 0 else { return .notFound }
    if method == .options { return nil }
    guard let route = route(of: exchange) else {
      return .methodNotAllowed(allowed: server.router.endpoints[exchange.endpoint].allowed)
    }
    return server.routes[route].body.judge(bytes, request.head, bodyByteCount: bodyByteCount)
  }

  /// Answers an OPTIONS that is no preflight.
  func answerOptions(_ exchange: Exchange) {
    response.status = .noContent
    response.header(
      "Allow",
      exchange.endpoint >= 0 ? server.router.endpoints[exchange.endpoint].allowed : "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    )
  }

  /// Queues a copy of the current request; false if the pool is full.
  func submit(_ exchange: Exchange, to executor: Route.Executor, route: Int, for connection: ConnectionToken) -> Bool {
    submit(
      Job(request.copy(), exchange, executor, server.routes[route].handler, for: connection, to: mailbox))
  }

  /// Queues a job that came back from a loop's or the hash pool's attempt.
  func resubmit(_ job: Job) -> Bool {
    guard let route = route(of: job.exchange) else { return false }
    return submit(
      Job(job.request.copy(), job.exchange, .diskPool, server.routes[route].handler, for: job.connection, to: mailbox))
  }

  private func submit(_ job: Job) -> Bool {
    switch job.executor {
    case .hashPool: server.hashPool.submit(job)
    case .diskPool, .loop: server.diskPool.submit(job)
    }
  }
}

extension LoopContext {
  func after(milliseconds: Int) -> UInt64 { now &+ UInt64(milliseconds) &* 1_000_000 }

  /// `judge` for the request that owns its bytes.
  func judgeRequest(_ exchange: Exchange) -> Problem? {
    let base = request.base
    let bodyByteCount = Int(request.body.count)
    return request.bytes.withSpan { judge($0.extracting(base..<$0.count), exchange, bodyByteCount: bodyByteCount) }
  }

  /// Tells the request what a handler may ask it.
  func prepareRequest(_ exchange: Exchange, _ peer: PeerState) {
    request.method = exchange.method ?? .get
    request.requestID = exchange.requestID
    request.peer = peer.address
    request.peerCredentials = peer.credentials
    request.listenerIndex = peer.listenerIndex
    request.arrivalNanoseconds = exchange.startNanoseconds
    request.deadlineNanoseconds = after(milliseconds: limits.handlerTimeoutMilliseconds)
    request.isServerDraining = isDraining
  }

  /// Turns the response into a problem about the current request.
  func become(_ problem: Problem, _ exchange: Exchange) {
    request.withPath { path in response.become(problem, instance: path, requestID: exchange.requestID) }
  }
}
