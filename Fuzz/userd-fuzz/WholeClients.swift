// What the clients of a simulated server do: they ask, repeat, race, pipeline, lie, and go away.

import Platform
import TestSupport

extension WholeWorld {
  private static let passwordCount = 3
  private static func password(_ number: Int) -> String { "pw \(number) of somebody" }

  // MARK: Asking

  /// Somebody asks something about some address.
  func ask() throws(Complaint) {
    let house = random.number(0..<neighbours.count)
    if openCount(of: house) >= 4 { return }
    let isAdministrator = random.once(in: 4)
    guard let verb = isAdministrator ? administration(of: house) : ownWish(of: house) else { return }
    let wire = try wire(isAdministrator: isAdministrator)
    queue(verb, of: house, on: wire)
    switch verb {
    case .register(_, _, .some), .create(_, _, .some), .refresh(_, _, .some):
      if !neighbours[house].repeated.contains(verb) { neighbours[house].repeated.append(verb) }
      if neighbours[house].repeated.count > 6 { neighbours[house].repeated.removeFirst() }
    default: break
    }
  }

  private func wire(isAdministrator: Bool) throws(Complaint) -> Wire {
    let fitting = wires.filter { $0.isAdministrator == isAdministrator && $0.takesRequests && $0.expected.count < 6 }
    if !fitting.isEmpty, wires.count >= 8 || !random.once(in: 4) { return random.pick(fitting) }
    do throws(Errno) {
      let wire = try Wire(to: isAdministrator ? administratorSocket : clientSocket, isAdministrator: isAdministrator)
      wires.append(wire)
      return wire
    } catch { throw Complaint("nobody accepts a connection: \(error)") }
  }

  private func ownWish(of house: Int) -> House.Verb? {
    let neighbour = neighbours[house]
    if random.once(in: 8), let verb = neighbour.repeated.randomElement(using: &random) {
      // What was asked with a key comes again: the answer may have been lost, or both are under way.
      if case .create = verb { return nil }
      return verb
    }
    let key = random.once(in: 3) ? nextNumber() : nil
    let password = random.once(in: 4) ? random.number(0..<Self.passwordCount) : neighbour.password
    guard let ticket = random.once(in: 5) ? neighbour.tickets.randomElement(using: &random) : neighbour.tickets.last else {
      return random.once(in: neighbour.accounts.isEmpty ? 2 : 5)
        ? .register(password: password, name: nextNumber(), key: key) : .login(password: password)
    }
    switch random.number(0..<24) {
    case 0: return .register(password: password, name: nextNumber(), key: key)
    case 1..<4: return .login(password: password)
    case 4..<10: return .refresh(session: ticket.session, generation: ticket.generation, key: key)
    case 10..<15: return .me(session: ticket.session)
    case 15..<17: return .rename(session: ticket.session, name: nextNumber())
    case 17:
      let other = (password + 1 + random.number(0..<Self.passwordCount - 1)) % Self.passwordCount
      return .changePassword(session: ticket.session, from: password, to: other, keepsOthers: random.once(in: 2))
    case 18: return .logout(session: ticket.session, everywhere: random.once(in: 3))
    case 19: return .endSession(own: ticket.session, other: random.pick(neighbour.tickets).session)
    case 20: return .endOthers(session: ticket.session)
    case 21, 22: return .listSessions(session: ticket.session)
    default: return random.once(in: 3) ? .leave(session: ticket.session, password: password) : .me(session: ticket.session)
    }
  }

  private func administration(of house: Int) -> House.Verb? {
    let neighbour = neighbours[house]
    if random.once(in: 8), let verb = neighbour.repeated.randomElement(using: &random), case .create = verb { return verb }
    let id = (random.once(in: 6) ? neighbour.accounts.randomElement(using: &random) : neighbour.accounts.last) ?? ""
    if id.isEmpty || random.once(in: 6) {
      let key = random.once(in: 2) ? nextNumber() : nil
      return random.once(in: 2)
        ? .find : .create(password: random.number(0..<Self.passwordCount), name: nextNumber(), key: key)
    }
    switch random.number(0..<20) {
    case 0..<4: return .get(id: id)
    case 4: return .find
    case 5: return .disable(id: id)
    case 6..<10: return .enable(id: id)
    case 10: return .delete(id: id)
    case 11..<14: return .restore(id: id)
    case 14: return .erase(id: id)
    case 15, 16: return .renameOther(id: id, name: nextNumber())
    case 17, 18: return .setRole(id: id, role: random.pick(["user", "support"]))
    default: return .endAll(id: id)
    }
  }

  // MARK: Requests as bytes

  private func queue(_ verb: House.Verb, of house: Int, on wire: Wire) {
    let number = nextNumber(), neighbour = neighbours[house], address = Self.address(house)
    func access(_ session: String) -> String? { neighbour.tickets.last { $0.session == session }?.access ?? "forgotten" }
    func refresh(_ session: String, _ generation: Int) -> String {
      neighbour.tickets.last { $0.session == session && $0.generation == generation }?.refresh ?? "forgotten"
    }
    var (method, target, body, token, key): (String, String, String?, String?, Int?) = ("GET", "", nil, nil, nil)
    switch verb {
    case .register(let password, let name, let given):
      (method, target, key) = ("POST", "/api/auth/register", given)
      body = #"{"email":"\#(address)","password":"\#(Self.password(password))","name":"name \#(name)"}"#
    case .login(let password):
      (method, target) = ("POST", "/api/auth/login")
      body = #"{"email":"\#(address)","password":"\#(Self.password(password))"}"#
    case .refresh(let session, let generation, let given):
      let text = refresh(session, generation)
      if text == "forgotten" { return }
      (method, target, key) = ("POST", "/api/auth/refresh", given)
      body = #"{"refreshToken":"\#(text)"}"#
    case .me(let session): (target, token) = ("/api/auth/me", access(session))
    case .rename(let session, let name):
      (method, target, token) = ("PATCH", "/api/auth/me", access(session))
      body = #"{"name":"name \#(name)"}"#
    case .changePassword(let session, let from, let to, let keepsOthers):
      (method, target, token) = ("POST", "/api/auth/password/change", access(session))
      body =
        #"{"currentPassword":"\#(Self.password(from))","newPassword":"\#(Self.password(to))","keepSessions":\#(keepsOthers)}"#
    case .logout(let session, let everywhere):
      (method, target, token) = ("POST", "/api/auth/logout", access(session))
      body = #"{"scope":"\#(everywhere ? "all" : "current")"}"#
    case .endSession(let own, let other):
      (method, target, token) = ("DELETE", "/api/auth/sessions/" + other, access(own))
    case .endOthers(let session): (method, target, token) = ("DELETE", "/api/auth/sessions", access(session))
    case .listSessions(let session): (target, token) = ("/api/auth/sessions?limit=200", access(session))
    case .leave(let session, let password):
      (method, target, token) = ("DELETE", "/api/auth/me", access(session))
      body = #"{"password":"\#(Self.password(password))"}"#
    case .create(let password, let name, let given):
      (method, target, key) = ("POST", "/api/v1/users", given)
      body = #"{"email":"\#(address)","password":"\#(Self.password(password))","name":"name \#(name)"}"#
    case .find: target = "/api/v1/users?email=" + address
    case .get(let id): target = "/api/v1/users/" + id
    case .disable(let id): (method, target) = ("POST", "/api/v1/users/\(id)/disable")
    case .enable(let id): (method, target) = ("POST", "/api/v1/users/\(id)/enable")
    case .delete(let id): (method, target) = ("DELETE", "/api/v1/users/" + id)
    case .restore(let id): (method, target) = ("POST", "/api/v1/users/\(id)/restore")
    case .erase(let id): (method, target) = ("DELETE", "/api/v1/users/\(id)?erase=true")
    case .renameOther(let id, let name):
      (method, target) = ("PATCH", "/api/v1/users/" + id)
      body = #"{"name":"name \#(name)"}"#
    case .setRole(let id, let role):
      (method, target) = ("PATCH", "/api/v1/users/" + id)
      body = #"{"role":"\#(role)"}"#
    case .endAll(let id): (method, target) = ("DELETE", "/api/v1/users/\(id)/sessions")
    }
    if token == "forgotten" { return }
    var fields = ["X-Forwarded-For: 203.0.113.\(house)"]
    if let token { fields.append("Authorization: Bearer \(token)") }
    if let key, bug != .forgottenKeys { fields.append("Idempotency-Key: k\(key)") }
    let ends = random.once(in: 12)
    if ends { fields.append("Connection: close") }
    tell("\(number) asks \(verb)")
    wire.queue(
      request(method, target, fields, body, number), .verb(house: house, number: number, verb), marker: "r\(number)", ends: ends,
      isRead: method == "GET")
    if random.once(in: 30) { wire.endsDirection = true }
  }

  func request(_ method: String, _ target: String, _ fields: [String], _ body: String?, _ number: Int) -> [UInt8] {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: userd\r\nX-Request-Id: r\(number)\r\n"
    for field in fields { text += field + "\r\n" }
    guard let body else { return Array((text + "\r\n").utf8) }
    text += "Content-Type: application/json\r\n"
    if random.once(in: 10) { text += "Expect: 100-continue\r\n" }
    if !random.once(in: 4) { return Array((text + "Content-Length: \(body.utf8.count)\r\n\r\n" + body).utf8) }
    text += "Transfer-Encoding: chunked\r\n\r\n"
    var rest = Array(body.utf8)[...]
    while !rest.isEmpty {
      let part = rest.prefix(random.number(1..<60))
      rest = rest.dropFirst(part.count)
      text += String(part.count, radix: 16) + "\r\n" + String(decoding: part, as: UTF8.self) + "\r\n"
    }
    return Array((text + "0\r\n\r\n").utf8)
  }

  // MARK: Lies

  /// Something is sent that no honest client sends; what must come for it is known.
  func lie() throws(Complaint) {
    let wire = try wire(isAdministrator: false), number = nextNumber(), marker = "r\(number)"
    let token = neighbours.lazy.compactMap(\.tickets.last).first
    tell("\(number) lies")
    func send(_ text: String, _ statuses: [Int], ends: Bool, isNamed: Bool = true) {
      wire.queue(Array(text.utf8), .refusal(statuses), marker: isNamed ? marker : nil, ends: ends)
    }
    let head = "Host: userd\r\nX-Request-Id: \(marker)\r\n", json = "Content-Type: application/json\r\n"
    switch random.number(0..<13) {
    case 0: send("\u{1}\u{2} / HTTP/1.1\r\n\r\n", [400], ends: true, isNamed: false)
    case 1: send("POST /api/auth/login HTTP/1.1\r\n\(head)\(json)Content-Length: 70000\r\n\r\n", [413], ends: true)
    case 2:
      let long = String(repeating: "x", count: 17_000)
      send("GET /livez HTTP/1.1\r\n\(head)X-Long: \(long)\r\n\r\n", [431], ends: true, isNamed: false)
    case 3:
      send(
        "POST /api/auth/login HTTP/1.1\r\n\(head)\(json)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400],
        ends: true, isNamed: false)
    case 4:
      send(
        "POST /api/auth/login HTTP/1.1\r\n\(head)\(json)Transfer-Encoding: chunked\r\n\r\nzz\r\n", [400], ends: true,
        isNamed: false)
    case 5:
      guard let token else { return }
      var forged = Array(token.access.utf8)
      forged[random.number(0..<forged.count)] ^= 1
      send(
        "GET /api/auth/me HTTP/1.1\r\n\(head)Authorization: Bearer \(String(decoding: forged, as: UTF8.self))\r\n\r\n",
        [400, 401],
        ends: false)
    case 6:
      guard let token else { return }
      var forged = Array(token.refresh.utf8)
      // Not in the last digit, some of whose bits mean nothing.
      forged[random.number(5..<forged.count - 1)] ^= UInt8(1 << random.number(0..<5))
      let body = #"{"refreshToken":"\#(String(decoding: forged, as: UTF8.self))"}"#
      let isText = forged.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }
      send(
        "POST /api/auth/refresh HTTP/1.1\r\n\(head)\(json)Content-Length: \(body.utf8.count)\r\n\r\n\(body)",
        isText ? [401] : [400, 401, 422], ends: false)
    case 7: send("GET /api/nothing HTTP/1.1\r\n\(head)\r\n", [404], ends: false)
    case 8: send("DELETE /api/auth/login HTTP/1.1\r\n\(head)\r\n", [405], ends: false)
    case 9:
      // A length that is too short: the rest of the body is no request.
      let body = #"{"email":"nobody@example.org","password":"pw 1 of somebody"}"#
      send(
        "POST /api/auth/login HTTP/1.1\r\n\(head)\(json)Content-Length: \(body.utf8.count - 3)\r\n\r\n"
          + body.prefix(body.count - 3), [400], ends: false)
      send(body.suffix(3) + "\r\n\r\n", [400], ends: true, isNamed: false)
    case 10:
      // A length that is too long, and then nothing more.
      send(
        "POST /api/auth/register HTTP/1.1\r\n\(head)\(json)Content-Length: 90\r\n\r\n{}", [400], ends: true, isNamed: false)
      wire.endsDirection = true
    case 11:
      send("POST /api/auth/login HTTP/1.1\r\n\(head)Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", [415], ends: false)
    default: send("GET /livez HTTP/1.1\r\n\(head)\r\n", [200], ends: false)
    }
  }

  /// A head, or a body, that never comes to its end is answered when its time is over.
  func dawdle() throws(Complaint) {
    let wire: Wire
    do throws(Errno) { wire = try Wire(to: clientSocket, isAdministrator: false) } catch {
      throw Complaint("nobody accepts a connection: \(error)")
    }
    wires.append(wire)
    tell("a slow head")
    let part =
      random.once(in: 2) ? "GET /livez HTT" : "POST /api/auth/login HTTP/1.1\r\nHost: userd\r\nContent-Length: 9\r\n\r\n{"
    wire.queue(Array(part.utf8), .refusal([408]), marker: nil, ends: true)
    push(wire, 4096)
    process?.turnLoops()
    process?.turnLoops()
    jump(milliseconds: 10_500)
    process?.turnLoops()
    try receive(wire, 4096)
    guard wire.expected.isEmpty else { throw Complaint("a request that does not end is not answered") }
  }

  /// The role that accounts get besides the one they begin with.
  func defineRole() throws(Complaint) {
    for _ in 0..<20 {
      if try process?.hasRole("support") ?? true { return }
      let wire = try wire(isAdministrator: true), number = nextNumber()
      wire.queue(
        request("POST", "/api/v1/roles", [], #"{"name":"support","permissions":["users:read"]}"#, number), .status([201]),
        marker: "r\(number)")
      try rest()
    }
    throw Complaint("a role is never defined")
  }
}
