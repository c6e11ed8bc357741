// What all connections of one loop share: scratch memory, the time, and the way from a request to its answer.

import Codecs
import Platform
import Synchronization

/// Passed down through every step of a connection, so that nothing on the way needs a reference or an allocation.
struct LoopContext: ~Copyable {
  let server: ServerState
  let limits: HTTPLimits
  private let parser: RequestParser
  private let mailbox: Mailbox
  /// What this loop has answered so far.
  let counts: RequestCounts
  /// The request that is being looked at, and where the connection's input lies while it is.
  var request = Request(bytes: ByteBuffer(capacity: 16))
  /// The answer that is being made.
  var response = Response()
  /// On the monotonic clock, read when the loop woke and before each access entry.
  private(set) var now: UInt64
  private var wallMilliseconds: Int64 = 0
  /// `Date` and the fixed header fields, each with its line end, and the name of the field that comes next: `X-Request-Id`.
  private(set) var headerBlock = ByteBuffer(capacity: 512)
  private var headerBlockExpiry: UInt64 = 0
  var requestIDs: RequestIDSource
  /// The traced requests that are at work.
  var traces: OpenTraces

  init(_ server: ServerState, mailbox: Mailbox) throws(Errno) {
    counts = try RequestCounts(server.router)
    self.server = server
    self.mailbox = mailbox
    limits = server.options.limits
    parser = RequestParser(limits: limits)
    requestIDs = RequestIDSource(random: server.random)
    traces = OpenTraces(server.options.tracing, seed: requestIDs.takeNumber())
    now = server.clock.monotonicNanoseconds()
    refresh()
  }

  /// Reads the clock; what depends on the second is made anew when it has passed.
  mutating func refresh() {
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
    headerBlock.append("X-Request-Id: ")
  }

  var isDraining: Bool { server.isDraining.load(ordering: .relaxed) }

  func after(milliseconds: Int) -> UInt64 { now &+ UInt64(milliseconds) &* 1_000_000 }

  var writeDeadline: UInt64 { after(milliseconds: limits.writeTimeoutMilliseconds) }
  var lingerDeadline: UInt64 { after(milliseconds: limits.lingerTimeoutMilliseconds) }
}

extension LoopContext {
  /// Parses the head of the request that begins at `request.base`; false if it is not whole.
  mutating func parseHead() throws(Refusal) -> Bool {
    try Self.parse(parser, request.bytes, from: request.base, into: &request.head)
  }

  private static func parse(
    _ parser: RequestParser, _ bytes: borrowing ByteBuffer, from base: Int, into head: inout RequestHead
  ) throws(Refusal) -> Bool {
    try bytes.withSpan { span throws(Refusal) in try parser.parse(span.extracting(base..<span.count), into: &head) }
  }

  /// Begins an exchange whose request was not understood.
  mutating func beginUnknownExchange(_ peer: PeerState) {
    request.exchange.startNanoseconds = now
    request.exchange.client = peer.address
    request.exchange.origin = -1
    request.exchange.method = nil
    request.exchange.endpoint = -1
    request.exchange.minorVersion = 1
    request.exchange.keepsAlive = false
    request.exchange.isPrivate = false
    request.exchange.trace = TraceContext()
    request.exchange.tracePlace = -1
    requestIDs.replace(&request.exchange.requestID, milliseconds: wallMilliseconds)
  }

  /// Begins the exchange of the request whose head was parsed.
  mutating func beginExchange(_ peer: PeerState) {
    request.exchange.startNanoseconds = now
    request.exchange.client = peer.address
    if request.head.lineCount(.forwardedFor) > 0 { findClient(behind: peer) }
    request.exchange.origin = server.hasAllowedOrigins.load(ordering: .relaxed) ? allowedOrigin() : -1
    request.exchange.method = request.head.method
    request.exchange.minorVersion = request.head.minorVersion
    request.exchange.keepsAlive = request.head.isPersistent && !isDraining
    nameRequest()
    findTrace()
    let base = request.base
    let path = request.head.path
    var parameters = RouteParameters()
    let endpoint = request.bytes.withSpan { span in
      server.router.match(span.extracting(base..<span.count), path: path, &parameters)
    }
    request.parameters = parameters
    if let endpoint, !request.head.isAsterisk, !server.router[endpoint: endpoint].audience.isDisjoint(with: peer.audience) {
      request.exchange.endpoint = endpoint
      request.exchange.isPrivate = server.router[endpoint: endpoint].isPrivate
    } else {
      request.exchange.endpoint = -1
      request.exchange.isPrivate = request.withPath { $0.isUnder(server.options.privatePrefixes) }
    }
  }

  /// The request keeps the name it brought if that has the right form, else it gets a new one.
  private mutating func nameRequest() {
    if request.head.lineCount(.requestID) == 1, let given = request.withHeader(.requestID, { RequestID($0) }) ?? nil {
      request.exchange.requestID = given
    } else {
      requestIDs.replace(&request.exchange.requestID, milliseconds: wallMilliseconds)
    }
  }

  /// The index of the route that answers; nil if the server answers by itself.
  func routeIndex(_ exchange: borrowing Exchange) -> Int? {
    guard exchange.endpoint >= 0, let method = exchange.method else { return nil }
    return server.router[endpoint: exchange.endpoint].route(for: method)
  }

  /// The limit for the body of the request.
  var maxBodyByteCount: Int {
    guard let route = routeIndex(request.exchange), let own = server.routes[route].body.maxByteCount else {
      return limits.maxBodyByteCount
    }
    return own
  }

  /// Why the request cannot go to a handler; nil if it can, or if it is an OPTIONS.
  func judge(bodyByteCount: Int) -> Problem? {
    guard let method = request.exchange.method else { return .methodNotImplemented }
    if request.head.isAsterisk { return nil }
    let endpoint = request.exchange.endpoint
    guard endpoint >= 0 else { return .notFound }
    if method == .options { return nil }
    guard let route = server.router[endpoint: endpoint].route(for: method) else {
      return .methodNotAllowed(allowed: server.router.allowed(at: endpoint))
    }
    return server.routes[route].body.judge(request, bodyByteCount: bodyByteCount)
  }

  /// Answers an OPTIONS, a preflight among them.
  mutating func answerOptions() {
    response.status = .noContent
    let endpoint = request.exchange.endpoint
    let methods = endpoint >= 0 ? server.router.allowed(at: endpoint) : "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    response.header("Allow", methods)
    if isPreflight { allow(methods: methods) }
  }

  /// Whether the request may go to the handler; if not, the response says why.
  mutating func admits(to route: Int) -> Bool {
    guard let admission = server.routes[route].admission else { return true }
    do throws(Problem) {
      try admission(request)
      return true
    } catch {
      response.become(error, request)
      return false
    }
  }

  /// Runs a route's handler on this thread. A problem becomes the response, unless it says on which pool the handler must run.
  mutating func runHandler(of route: Int) -> Route.Executor? {
    request.exchange.tracePlace < 0 ? run(route) : runTraced { (loop: inout LoopContext) in loop.run(route) }
  }

  private mutating func run(_ route: Int) -> Route.Executor? {
    do throws(Problem) {
      try server.routes[route].handler(request, &response)
      return nil
    } catch {
      if let worker = error.worker { return worker }
      response.become(error, request)
      return nil
    }
  }

  /// Queues a copy of the current request; nil if the pool is full.
  func submit(to executor: Route.Executor, route: Int, for connection: ConnectionToken) -> Job? {
    let job = Job(
      request.copy(), executor, server.routes[route].handler, for: connection, to: mailbox, traced: queuedTrace)
    return submit(job) ? job : nil
  }

  private func submit(_ job: Job) -> Bool {
    switch job.executor {
    case .hashPool: server.hashPool.submit(.request(job))
    case .diskPool, .loop: server.diskPool.submit(.request(job))
    }
  }

  /// Readies a producer for its first step.
  func body(from source: BodySource, for connection: ConnectionToken) -> StreamedBody {
    StreamedBody(source, for: connection, to: mailbox)
  }

  /// Queues the next step of a producer; false if the pool is full.
  func submit(_ body: StreamedBody) -> Bool { server.diskPool.submit(.body(body)) }
}
