// The verbs of a life: each is asked of the services and of the model, and both must say the same.

import Auth
import Platform
import Repositories
import Storage
import TestSupport

extension SessionWorld {
  static let passwordCount = 3
  static func password(_ number: Int) -> String { "pw \(number) of somebody" }

  /// Compares one answer with the model's.
  func judge(_ verb: String, _ got: AuthError?, _ expected: Refusal?) throws(Complaint) {
    func said(_ refusal: Refusal?) -> String { refusal.map { "\($0)" } ?? "yes" }
    let got = got.map { Refusal($0) }
    tell("\(verb): \(said(got))")
    if got != expected { throw Complaint("\(verb): \(said(got)), not \(said(expected))") }
  }

  func judge(_ verb: String, _ got: AuthError?, _ expected: AuthError?) throws(Complaint) {
    try judge(verb, got, expected.map { Refusal.error($0) })
  }

  /// Runs a verb whose answer is held, and says what it is held to. What has to wait runs again where the engine has gone on, as it would on
  /// a worker.
  func held<Value>(
    _ call: () throws(AuthError) -> (value: Value, position: LogPosition)
  ) -> (value: Value?, refusal: AuthError?, position: LogPosition) {
    var refusal = AuthError.wouldBlock
    for _ in 0..<50 where refusal == .wouldBlock {
      do throws(AuthError) {
        let done = try call()
        return (done.value, nil, done.position)
      } catch { refusal = error }
      if refusal == .wouldBlock { turnEngine() }
    }
    return (nil, refusal, sessions.heldPosition)
  }

  /// The same for a verb that answers with nothing.
  func held(_ call: () throws(AuthError) -> LogPosition) -> (refusal: AuthError?, position: LogPosition) {
    let done = held { () throws(AuthError) in (value: true, position: try call()) }
    return (done.refusal, done.position)
  }

  func keep(_ given: Authentication, login: Int, at now: Int64) throws(Complaint) {
    let row = model.logins[login]
    guard given.session.id == row.id, given.user.id == model.people[row.person]?.id else {
      throw Complaint("tokens of somebody else")
    }
    let ends = max(0, min(row.idleEnd, row.end) - now) / 1000
    if given.refreshExpiresIn != Int(ends) {
      throw Complaint("a session that ends in \(ends) s is said to end in \(given.refreshExpiresIn) s")
    }
    if let known = refreshes.last(where: { $0.login == login && $0.generation == row.generation }) {
      if known.text != given.refreshToken { throw Complaint("generation \(row.generation) has two tokens") }
    } else {
      if refreshes.contains(where: { $0.text == given.refreshToken }) { throw Complaint("a refresh token came back") }
      refreshes.append(RefreshTicket(login: login, generation: row.generation, text: given.refreshToken))
    }
    access.append(
      AccessTicket(
        login: login, expiresAt: (now / 1000 + model.rules.accessSeconds) * 1000, epoch: row.epoch, key: signingKey,
        text: given.accessToken))
  }

  /// The tokens of a session that has just begun.
  func keepNew(_ given: Authentication, at now: Int64) throws(Complaint) {
    model.logins[model.logins.count - 1].id = given.session.id
    try keep(given, login: model.logins.count - 1, at: now)
  }

  // MARK: Beginning

  func register(_ random: inout SeededGenerator) throws(Complaint) {
    let now = now
    let (address, password) = (random.number(0..<Self.addressCount), random.number(0..<Self.passwordCount))
    let client = random.pick(PlainClient.all)
    let form = RegistrationForm(
      email: .text(Self.address(address)), password: .text(Self.password(password)), name: .text("Ann"))
    let got = held { () throws(AuthError) in try sessions.register(form, from: client.origin) }
    try judge("register \(address)", got.refusal, model.register(address, password: password, from: client, at: now))
    if let given = got.value {
      model.people[model.births]?.id = given.user.id
      try keepNew(given, at: now)
    }
    note(got.position)
  }

  func logIn(_ random: inout SeededGenerator) throws(Complaint) {
    // It looks the account up as readers do, before it writes.
    try deliver()
    // Of two that wait for a code since the same moment nobody can say which one goes first.
    clock.advance(milliseconds: 1)
    let now = now
    let address = random.number(0..<Self.addressCount)
    let right = model.person(at: address).flatMap { model.people[$0]?.password } ?? 0
    let password = random.once(in: 4) ? random.number(0..<Self.passwordCount) : right
    let client = random.pick(PlainClient.all)
    let proof = refreshes.isEmpty || !random.once(in: 4) ? nil : random.pick(refreshes)
    let form = LoginForm(
      email: .text(Self.address(address).uppercased()), password: .text(Self.password(password)),
      refreshToken: proof.map { .text($0.text) } ?? .absent)
    let got = held { () throws(AuthError) in try sessions.login(form, from: client.origin) }
    let expected = model.logIn(address, password: password, proof: proof?.login, from: client, at: now)
    try judge("login \(address) from \(client.number)", got.refusal, expected)
    if let given = got.value { try keepNew(given, at: now) }
    if case .mfaRequired(let pending)? = got.refusal {
      letters.append(Letter(token: model.tokens.count - 1, purpose: .pendingLogin, text: pending.token))
    }
    note(got.position)
  }

  // MARK: Going on and ending

  /// New, old, retried with the same key or another, several tabs at once, forged.
  func refresh(_ random: inout SeededGenerator) throws(Complaint) {
    guard !refreshes.isEmpty else { return }
    // Mostly tokens of late: older ones end their sessions.
    let place = random.once(in: 5) ? random.number(0..<refreshes.count) : max(0, refreshes.count - 1 - random.number(0..<6))
    let ticket = refreshes[place]
    let key = random.pick([nil, nil, "a", "b"])
    if random.once(in: 12) {
      var forged = Array(ticket.text.utf8)
      forged[random.number(5..<forged.count)] ^= UInt8(1 << random.number(0..<6))
      return try refresh(String(decoding: forged, as: UTF8.self), login: ticket.login, generation: nil, key: key)
    }
    // Tabs share what they have: the same token several times in a row.
    for _ in 0..<random.pick([1, 1, 1, 2, 5]) {
      try refresh(ticket.text, login: ticket.login, generation: ticket.generation, key: key)
    }
  }

  private func refresh(_ text: String, login: Int, generation: UInt32?, key: String?) throws(Complaint) {
    let now = now
    let key = key.flatMap { key in IdempotencyKey(key.utf8.span).map { (text: key, sent: $0) } }
    // Whether it counts is read before anything is written. Nobody has a token before its session can be read.
    let isCounted = generation != nil && login < published.logins.count && published.logins[login].isThere
    let got = held { () throws(AuthError) in
      try sessions.refresh(RefreshForm(refreshToken: .text(text)), idempotencyKey: key?.sent)
    }
    if isCounted, let refusal = buckets.take(login, at: now) {
      return try judge("refresh of session \(login)", got.refusal, .limited(refusal))
    }
    try judge("refresh of session \(login)", got.refusal, model.refresh(login, generation: generation, key: key?.text, at: now))
    if let given = got.value { try keep(given, login: login, at: now) }
    if got.refusal == .refreshReused, bug == .forgivenReuse { try bringBack(login) }
    note(got.position)
  }

  func logOut(_ random: inout SeededGenerator) throws(Complaint) {
    let now = now
    let scope = random.pick(SessionModel.Scope.allCases)
    let one = access.isEmpty || random.once(in: 4) ? nil : random.pick(access)
    let other = refreshes.isEmpty || !random.once(in: 2) ? nil : random.pick(refreshes)
    let form = LogoutForm(
      scope: random.once(in: 4) && scope == .current ? .absent : .text(scope.rawValue),
      refreshToken: other.map { .text($0.text) } ?? .absent)
    let got = held { () throws(AuthError) -> LogPosition in
      if let one { return try sessions.logout(form, accessToken: one.text.utf8.span) }
      return try sessions.logout(form, accessToken: nil)
    }
    let accepted = one.flatMap { isAccepted($0.key) ? (login: $0.login, expiresAt: $0.expiresAt, epoch: $0.epoch) : nil }
    let expected = model.logOut(scope, access: accepted, refresh: other.map { ($0.login, $0.generation) }, at: now)
    try judge("logout \(scope)", got.refusal, expected)
    note(max(got.position, sessions.heldPosition))
  }

  func authenticate(_ random: inout SeededGenerator) throws(Complaint) {
    guard let ticket = accessTicket(&random) else { return }
    let model = published
    var got: AuthError?
    do throws(AuthError) {
      let principal = try sessions.authenticate(ticket.text.utf8.span)
      guard ticket.login < model.logins.count else { throw .notFound }
      let row = model.logins[ticket.login]
      guard principal.session == row.id, principal.userID == model.people[row.person]?.id else { throw .forbidden }
      if principal.permissions.contains(.usersWrite) != model.people[row.person]?.isAdmin { throw .forbidden }
      if principal.authenticatedAt != row.authenticatedAt { throw .reauthRequired }
    } catch { got = error }
    try judge(
      "a request of session \(ticket.login)", got,
      model.authenticate(
        ticket.login, expiresAt: ticket.expiresAt, epoch: ticket.epoch, isSigned: isAccepted(ticket.key), at: now))
  }

  /// Mostly one of late.
  private func accessTicket(_ random: inout SeededGenerator) -> AccessTicket? {
    if access.isEmpty { return nil }
    return access[random.once(in: 3) ? random.number(0..<access.count) : max(0, access.count - 1 - random.number(0..<8))]
  }

  /// Somebody who asks for something in a session that lives. Who that is, is read before anything is written.
  func somebody(_ random: inout SeededGenerator) throws(Complaint) -> (login: Int, principal: Principal)? {
    try deliver()
    guard let ticket = accessTicket(&random) else { return nil }
    do throws(AuthError) { return (ticket.login, try sessions.authenticate(ticket.text.utf8.span)) } catch { return nil }
  }

  // MARK: What nobody asks for

  /// Removes the rows of what is over, as the process does from time to time.
  func sweep() throws(Complaint) {
    try deliver()
    model.sweep(at: now)
    let got = held { () throws(AuthError) -> LogPosition in
      for job in [sessions.sweepJob, services.recovery.sweepJob, sessions.throttle.sweepJob, services.keys.sweepJob] {
        try job.run()
      }
      return sessions.heldPosition
    }
    try judge("sweep", got.refusal, Refusal?.none)
    note(sessions.heldPosition)
  }

  /// Lets time pass: a little, a lot, or up to the very edge of something.
  func passTime(_ random: inout SeededGenerator) {
    var edges: [Int64] = []
    if let login = model.logins.randomElement(using: &random) {
      edges = [login.rotatedAt + model.rules.graceSeconds * 1000, login.idleEnd, login.end]
      edges.append(login.authenticatedAt + model.rules.recentSeconds * 1000)
    }
    if let ticket = access.randomElement(using: &random) { edges.append(ticket.expiresAt) }
    if let token = model.tokens.randomElement(using: &random) { edges += [token.endsAt, token.endsAt] }
    if let waiting = model.people.values.compactMap(\.waiting).first { edges.append(waiting.endsAt) }
    if let until = accepted.compactMap(\.until).first { edges.append(until) }
    edges += [(now / 30_000 + 1) * 30_000, (now / 240_000 + 1) * 240_000]
    let target = (edges.randomElement(using: &random) ?? now) + Int64(random.pick([-1, 0, 1]))
    let most: Int64 = random.once(in: 8) ? 25 : 2
    if random.once(in: 2), target > now, target - now < most * 3_600_000 {
      clock.advance(milliseconds: target - now)
    } else {
      clock.advance(milliseconds: Int64(random.pick([0, 1, 999, 1000, 4_000, 10_000, 30_000, 60_000, 300_000, 900_000])))
    }
  }
}
