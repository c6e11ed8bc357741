// Guessing and flooding: what is refused, for whom, what it costs, and what no attack can do to others.

import Codecs
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct ThrottleTests {
  /// A client with an IPv4 address.
  private static func client(_ number: UInt64, network: String = "198.51.100.0/24") -> SessionOrigin {
    SessionOrigin(ipPrefix: network, userAgent: "", clientKey: 0xff00_0000_0000_0000 | number)
  }

  private static let home = client(1, network: "203.0.113.0/24")

  private func login(
    _ server: TestServer, _ email: String = "ann@example.org", _ password: String = "wrong password", from origin: SessionOrigin,
    proof: String? = nil
  ) throws -> Authentication {
    let form = LoginForm(
      email: .text(email), password: .text(password), refreshToken: proof.map { .text($0) } ?? .absent)
    do {
      return try server.settle(server.sessions.login(form, from: origin))
    } catch {
      try server.database.waitUntilDurable(server.sessions.heldPosition)
      throw error
    }
  }

  private func register(_ server: TestServer, _ email: String = "ann@example.org", from origin: SessionOrigin = home) throws
    -> Authentication
  {
    let form = RegistrationForm(email: .text(email), password: .text("correct horse"), name: .text("Ann"))
    return try server.settle(server.sessions.register(form, from: origin))
  }

  private func throttled(_ policy: String, _ limit: Int, _ window: Int, after seconds: Int) -> AuthError {
    .loginThrottled(ThrottleRefusal(policy: policy, limit: limit, windowSeconds: window, retryAfter: seconds))
  }

  private func events(_ server: TestServer) throws -> [AuditRecord] {
    var found: [AuditRecord] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: nil, in: &transaction) { record in
        found.append(record)
        return .next
      }
    }
    return found.reversed()
  }

  @Test func `the pair of address and client is refused from the fifth failure on, known or unknown alike`() throws {
    let server = try TestServer()
    _ = try register(server)
    for email in ["ann@example.org", "unknown@example.org"] {
      for _ in 0..<5 {
        let hashes = server.hashes.during {
          #expect(refusal { try login(server, email, from: Self.client(7)) } == .invalidCredentials)
        }
        #expect(hashes == 1)
      }
      for seconds in [2, 4, 8] {
        let before = server.database.statistics().commits
        let hashes = server.hashes.during {
          #expect(
            refusal { try login(server, email, from: Self.client(7)) } == throttled("login-pair", 4, 3600, after: seconds))
          // Even the right password is not looked at, and a try that is refused does not prolong it.
          #expect(
            refusal { try login(server, email, "correct horse", from: Self.client(7)) }
              == throttled("login-pair", 4, 3600, after: seconds))
        }
        #expect(hashes == 0 && server.database.statistics().commits == before)
        server.clock.advance(milliseconds: Int64(seconds) * 1000 - 1)
        #expect(
          refusal { try login(server, email, from: Self.client(7)) } == throttled("login-pair", 4, 3600, after: 1))
        server.clock.advance(milliseconds: 1)
        #expect(refusal { try login(server, email, from: Self.client(7)) } == .invalidCredentials)
      }
      // In another spelling of the address it is the same pair; from another client it is not.
      #expect(refusal { try login(server, email.uppercased(), from: Self.client(7)) } != .invalidCredentials)
      #expect(refusal { try login(server, email, from: Self.client(8)) } == .invalidCredentials)
    }
    #expect(server.isSound)
  }

  @Test func `a failure costs the same commits and records whether or not there is an account`() throws {
    let server = try TestServer()
    _ = try register(server)
    func cost(_ email: String) throws -> (commits: UInt64, records: Int) {
      let before = (server.database.statistics().commits, try events(server).count)
      #expect(refusal { try login(server, email, from: Self.client(7)) } == .invalidCredentials)
      return (UInt64(server.database.statistics().commits - before.0), try events(server).count - before.1)
    }
    let known = try cost("ann@example.org")
    let unknown = try cost("bob@example.org")
    #expect(known == (1, 1) && unknown == (1, 1))
    let found = try events(server)
    #expect(found.map(\.event) == [.userRegistered, .sessionBegun, .loginFailed, .loginFailed])
    #expect(found[2].details.reason == .wrongPassword && found[2].subject != nil && found[2].addressTag == nil)
    #expect(found[3].details.reason == .unknownAddress && found[3].subject == nil && found[3].addressTag != nil)
    #expect(found[3].network == "198.51.100.0/24" && found[3].actor == .nobody)
  }

  @Test func `a success clears the pair and gives the slots back`() throws {
    let server = try TestServer()
    _ = try register(server)
    for _ in 0..<3 {
      for _ in 0..<4 { #expect(refusal { try login(server, from: Self.client(7)) } == .invalidCredentials) }
      _ = try login(server, "ann@example.org", "correct horse", from: Self.client(7))
    }
    #expect(server.sessions.throttle.underWayCount == 0)
    #expect(try events(server).contains { $0.event == .loginThrottled } == false)
  }

  @Test func `an address bears a hundred failures an hour, then only known devices and refresh tokens go on`() throws {
    let server = try TestServer { $0.throttle.loginPerHour = 20 }
    let ann = try register(server)
    for email in ["ann@example.org", "unknown@example.org"] {
      for number in 0..<20 {
        #expect(refusal { try login(server, email, from: Self.client(100 + UInt64(number))) } == .invalidCredentials)
      }
      let hashes = server.hashes.during {
        let error = refusal { try login(server, email, from: Self.client(200)) }
        guard case .loginThrottled(let refusal)? = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        #expect(refusal.policy == "login-id" && refusal.limit == 20 && refusal.windowSeconds == 3600)
        #expect((3600...3840).contains(refusal.retryAfter))
      }
      #expect(hashes == 0)
    }
    // Her session lives and is refreshed; she logs in from home, and elsewhere with any of her refresh tokens.
    let next = try server.refresh(ann.refreshToken)
    #expect(server.refusal(next.accessToken) == nil)
    _ = try login(server, "ann@example.org", "correct horse", from: Self.client(3, network: "203.0.113.0/24"))
    #expect(refusal { try login(server, "ann@example.org", "correct horse", from: Self.client(201)) } != nil)
    _ = try login(server, "ann@example.org", "correct horse", from: Self.client(201), proof: ann.refreshToken)
    let bob = try register(server, "bob@example.org")
    for proof in [bob.refreshToken, "urt1_nonsense", String(ann.refreshToken.dropLast(2)) + "AA"] {
      #expect(
        refusal {
          try login(server, "ann@example.org", "correct horse", from: Self.client(240, network: "192.0.2.0/24"), proof: proof)
        }
          != nil, "\(proof.prefix(6))")
    }
    // After the hour everybody may try again.
    server.clock.advance(seconds: 3840)
    _ = try login(server, "ann@example.org", "correct horse", from: Self.client(202))
    #expect(server.isSound)
  }

  @Test func `a network is known for ninety days after the last login`() throws {
    let server = try TestServer { $0.throttle.loginPerHour = 3 }
    _ = try register(server)
    func isKnown(after milliseconds: Int64) -> Bool {
      server.clock.advance(milliseconds: milliseconds)
      for number in 0..<3 { _ = refusal { try login(server, from: Self.client(50 + UInt64(number))) } }
      return refusal { try login(server, "ann@example.org", "correct horse", from: Self.home) } == nil
    }
    let ninetyDays: Int64 = 90 * 86_400_000
    #expect(isKnown(after: ninetyDays - 1))
    #expect(isKnown(after: ninetyDays - 1), "the login before was noted")
    #expect(!isKnown(after: ninetyDays))
  }

  @Test func `a client bears sixty failures an hour over all addresses, and so does the network around an IPv6 one`() throws {
    let server = try TestServer { $0.throttle.loginIPPerHour = 12 }
    _ = try register(server)
    for number in 0..<12 {
      #expect(refusal { try login(server, "a\(number)@example.org", from: Self.client(9)) } == .invalidCredentials)
    }
    guard case .loginThrottled(let one)? = refusal({ try login(server, "z@example.org", from: Self.client(9)) }) else {
      Issue.record("not refused")
      return
    }
    #expect(one.policy == "login-ip" && one.limit == 12)
    #expect(refusal { try login(server, "z@example.org", from: Self.client(10)) } == .invalidCredentials)
    func sixth(_ number: UInt64) -> SessionOrigin {
      SessionOrigin(
        ipPrefix: "2001:db8:1:\(number)::/64", userAgent: "", clientKey: 0x2001_0db8_0001_0000 | number,
        clientNetworkKey: 0x2001_0db8_0001_0000)
    }
    for number in 0..<12 {
      #expect(refusal { try login(server, "b\(number)@example.org", from: sixth(UInt64(number))) } == .invalidCredentials)
    }
    guard case .loginThrottled(let two)? = refusal({ try login(server, "z@example.org", from: sixth(77)) }) else {
      Issue.record("the network is not refused")
      return
    }
    #expect(two.policy == "login-ip")
    // Without an address there is no such limit.
    let local = SessionOrigin(ipPrefix: "local", userAgent: "")
    for number in 0..<13 {
      #expect(refusal { try login(server, "c\(number)@example.org", from: local) } == .invalidCredentials)
    }
  }

  @Test func `a client makes ten accounts an hour, and tries that fail count`() throws {
    let server = try TestServer()
    for number in 0..<9 { _ = try register(server, "a\(number)@example.org", from: Self.client(5)) }
    #expect(refusal { try register(server, "a0@example.org", from: Self.client(5)) } == .emailExists)
    let hashes = server.hashes.during {
      for email in ["new@example.org", "a0@example.org"] {
        guard case .rateLimited(let one)? = refusal({ try register(server, email, from: Self.client(5)) }) else {
          Issue.record("not refused")
          return
        }
        #expect(one.policy == "register" && one.limit == 10 && (3600...3840).contains(one.retryAfter))
      }
    }
    #expect(hashes == 0)
    _ = try register(server, "new@example.org", from: Self.client(6))
    #expect(server.isSound)
  }

  @Test func `a session refreshes thirty times a minute, and only tokens of ours count`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    var token = try register(server).refreshToken
    // One tag in 65,536 ends like this already.
    let forged = String(token.dropLast(3)) + (token.hasSuffix("AAA") ? "BBA" : "AAA")
    for _ in 0..<50 { #expect(refusal { try server.refresh(forged) } == .refreshInvalid) }
    for _ in 0..<30 { token = try server.refresh(token).refreshToken }
    #expect(
      refusal { try server.refresh(token) }
        == .rateLimited(ThrottleRefusal(policy: "refresh", limit: 30, windowSeconds: 60, retryAfter: 3)))
    server.clock.advance(seconds: 2)
    _ = try server.refresh(token)
  }

  @Test func `ten wrong codes in fifteen minutes, whatever else goes well`() throws {
    let server = try TestServer { $0.throttle.isEnabled = false }
    let user = try register(server).user.id.uuid
    let throttle = server.sessions.throttle
    func tryOnce() throws(AuthError) {
      let slot = try throttle.codeSlot(user)
      defer { slot.giveBack() }
      let moment = throttle.moment()
      _ = try server.store.writing { (transaction) throws(RepositoryError) in
        try throttle.count(slot, at: moment, in: &transaction)
      }
    }
    for number in 0..<10 {
      if number == 5 { _ = try login(server, "ann@example.org", "correct horse", from: Self.home) }
      try tryOnce()
    }
    #expect(refusal { try tryOnce() } == throttled("mfa-user", 10, 900, after: 960 - Int(throttle.moment() / 1000 % 60)))
    server.clock.advance(seconds: 899)
    #expect(refusal { try tryOnce() } != nil)
    server.clock.advance(seconds: 61)
    try tryOnce()
    let moment = throttle.moment()
    _ = try server.store.writing { (transaction) throws(RepositoryError) in
      try throttle.forgive(codesOf: user, at: moment, in: &transaction)
    }
    for _ in 0..<10 { try tryOnce() }
  }

  @Test func `requests for a message are counted alike for every address, and for the client`() throws {
    let server = try TestServer { $0.throttle.forgotClientPerHour = 5 }
    _ = try register(server)
    let throttle = server.sessions.throttle
    func forgot(_ email: String, _ client: UInt64) throws -> ThrottleRefusal? {
      let address = try EmailAddress(email)
      let moment = throttle.moment()
      return try server.settle(
        server.store.writing { (transaction) throws(RepositoryError) in
          try throttle.countForgot(address, from: Self.client(client), at: moment, in: &transaction)
        })
    }
    for (number, email) in ["ann@example.org", "unknown@example.org"].enumerated() {
      for _ in 0..<3 { #expect(try forgot(email, 20 + UInt64(number)) == nil) }
      let one = try #require(try forgot(email, 20 + UInt64(number)))
      #expect(one.policy == "forgot-address" && one.limit == 3)
    }
    for number in 0..<5 { #expect(try forgot("p\(number)@example.org", 30) == nil) }
    #expect(try forgot("p9@example.org", 30)?.policy == "forgot-client")
    #expect(try forgot("p9@example.org", 31) == nil)
  }

  @Test func `a reset or an unlock opens the address at once`() throws {
    let server = try TestServer { $0.throttle.loginPerHour = 6 }
    _ = try register(server)
    for number in 0..<6 { _ = refusal { try login(server, from: Self.client(40 + UInt64(number / 5))) } }
    #expect(refusal { try login(server, "ann@example.org", "correct horse", from: Self.client(40)) } != nil)
    let throttle = server.sessions.throttle
    let address = try EmailAddress("Ann@example.org")
    let moment = throttle.moment()
    _ = try server.settle(
      server.store.writing { (transaction) throws(RepositoryError) in
        try throttle.forgive(address, at: moment, in: &transaction)
      })
    _ = try login(server, "ann@example.org", "correct horse", from: Self.client(40))
    #expect(server.isSound)
  }

  @Test func `a wrong setup token is throttled like a login`() throws {
    let server = try TestServer()
    let throttle = server.sessions.throttle
    func tryOnce() throws(AuthError) {
      let slot = try throttle.setupSlot(from: Self.client(3))
      defer { slot.giveBack() }
      let moment = throttle.moment()
      _ = try server.store.writing { (transaction) throws(RepositoryError) in
        try throttle.count(slot, at: moment, in: &transaction)
      }
    }
    for _ in 0..<5 { try tryOnce() }
    #expect(refusal { try tryOnce() } == throttled("login-pair", 4, 3600, after: 2))
  }

  @Test func `guesses at the same time never outrun a limit`() throws {
    let server = try TestServer { $0.throttle.loginPerHour = 20 }
    _ = try register(server)
    let tried = Atomic<Int>(0), refused = Atomic<Int>(0)
    let sessions = server.sessions
    // One pair: five may fail, whoever comes at the same time.
    let hashes = server.hashes.during {
      inParallel(64) { _ in
        let form = LoginForm(email: .text("ann@example.org"), password: .text("wrong password"))
        do throws(AuthError) { _ = try sessions.login(form, from: Self.client(7)) } catch {
          if error == .invalidCredentials {
            tried.wrappingAdd(1, ordering: .relaxed)
          } else {
            refused.wrappingAdd(1, ordering: .relaxed)
          }
        }
      }
    }
    #expect((1...5).contains(hashes) && tried.load(ordering: .relaxed) == hashes)
    #expect(refused.load(ordering: .relaxed) == 64 - hashes)
    // One address from ever new clients: as many as the hour bears.
    let more = server.hashes.during {
      inParallel(64) { thread in
        for number in 0..<4 {
          let form = LoginForm(email: .text("bob@example.org"), password: .text("wrong password"))
          let origin = Self.client(UInt64(1000 + thread * 4 + number))
          do throws(AuthError) { _ = try sessions.login(form, from: origin) } catch {
            if error == .invalidCredentials { tried.wrappingAdd(1, ordering: .relaxed) }
          }
        }
      }
    }
    #expect((1...20).contains(more))
    #expect(sessions.throttle.underWayCount == 0)
    #expect(server.isSound)
  }

  @Test func `counters outlive a restart, and no wall clock opens or locks anything`() throws {
    let server = try TestServer()
    _ = try register(server)
    for _ in 0..<8 {
      _ = refusal { try login(server, from: Self.client(7)) }
      server.clock.advance(seconds: 20)
    }
    #expect(refusal { try login(server, from: Self.client(7)) } == .invalidCredentials)
    #expect(refusal { try login(server, from: Self.client(7)) } == throttled("login-pair", 4, 3600, after: 32))
    // While it runs nothing but the time that passes counts.
    for days in [-400, 800, -400] as [Int64] {
      server.clock.shiftWall(milliseconds: days * 86_400_000)
      #expect(refusal { try login(server, from: Self.client(7)) } == throttled("login-pair", 4, 3600, after: 32))
    }
    try server.reopen()
    #expect(refusal { try login(server, from: Self.client(7)) } == throttled("login-pair", 4, 3600, after: 32))
    // Set back by a year while it was down: the refusal is no longer than it was.
    server.clock.shiftWall(milliseconds: -365 * 86_400_000)
    try server.reopen()
    #expect(refusal { try login(server, from: Self.client(7)) } == throttled("login-pair", 4, 3600, after: 32))
    server.clock.advance(seconds: 32)
    #expect(refusal { try login(server, from: Self.client(7)) } == .invalidCredentials)
    #expect(server.isSound)
  }

  @Test func `a million different keys stay within the bound, and do not free the one under attack`() throws {
    let server = try TestServer {
      $0.throttle.maxRowCount = 60
      $0.throttle.loginPerHour = 30
    }
    _ = try register(server)
    for number in 0..<30 { _ = refusal { try login(server, from: Self.client(300 + UInt64(number))) } }
    for number in 0..<(100 * testScale) {
      #expect(
        refusal { try login(server, "f\(number)@example.org", from: Self.client(5000 + UInt64(number))) } == .invalidCredentials)
    }
    guard case .loginThrottled(let one)? = refusal({ try login(server, from: Self.client(999)) }) else {
      Issue.record("the flood opened the address")
      return
    }
    #expect(one.policy == "login-id")
    var count = 0
    try server.database.read { (transaction) throws(StorageError) in
      let lower: [UInt8] = [0x48], upper: [UInt8] = [0x49]
      try transaction.scan(from: lower.span, below: upper.span, .ascending) { (_, _) throws(StorageError) in
        count += 1
        return .next
      }
    }
    #expect(count == 60)
    // Swept when their time is over.
    server.clock.advance(seconds: 8000)
    #expect(try server.sessions.throttle.sweep(limit: 50) == 50)
    #expect(try server.sessions.throttle.sweep(limit: 50) == 10)
    #expect(server.isSound)
  }

  @Test func `a right password of a disabled account is noted and not counted`() throws {
    let server = try TestServer()
    let ann = try register(server)
    try server.change(ann.user.id) { $0.status = .disabled }
    for _ in 0..<6 {
      #expect(refusal { try login(server, "ann@example.org", "correct horse", from: Self.client(7)) } == .accountDisabled)
    }
    #expect(try events(server).last?.details.reason == .accountDisabled)
  }

  @Test func `the trail says when a policy begins to refuse, and a reuse of a refresh token`() throws {
    let server = try TestServer { $0.refreshGrace = 0 }
    let ann = try register(server)
    for _ in 0..<6 { _ = refusal { try login(server, from: Self.client(7)) } }
    _ = try server.refresh(ann.refreshToken)
    #expect(refusal { try server.refresh(ann.refreshToken) } == .refreshReused)
    let found = try events(server)
    #expect(found.filter { $0.event == .loginThrottled }.map(\.details.policy) == [.loginPair])
    #expect(found.filter { $0.event == .loginFailed }.count == 5)
    #expect(found.last?.event == .sessionReuseDetected && found.last?.session == ann.session.id.uuid)
  }
}
