// The verbs of a life: each is asked of the services and of the model, and both must say the same.

import Auth
import Platform
import Repositories
import Storage
import TestSupport

extension SessionWorld {
  private static let origin = SessionOrigin(ipPrefix: "203.0.113.0/24", userAgent: "rig")
  static let passwordCount = 3
  private static func password(_ number: Int) -> String { "pw \(number) of somebody" }

  /// Compares one answer with the model's.
  private func judge(_ verb: String, _ got: AuthError?, _ expected: AuthError?) throws(Complaint) {
    func said(_ error: AuthError?) -> String { error.map { "\($0)" } ?? "yes" }
    tell("\(verb): \(said(got))")
    if got != expected { throw Complaint("\(verb): \(said(got)), not \(said(expected))") }
  }

  /// Runs a verb whose answer is held, and says what it is held to. What has to wait runs again where the engine has gone on, as it would on
  /// a worker.
  private func held<Value>(
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

  private func keep(_ given: Authentication, login: Int, at now: Int64) throws(Complaint) {
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

  func register(_ number: Int, password: Int) throws(Complaint) {
    let now = now
    let form = RegistrationForm(
      email: .text(Self.address(number)), password: .text(Self.password(password)), name: .text("Ann"))
    let got = held { () throws(AuthError) in try sessions.register(form, from: Self.origin) }
    try judge("register", got.refusal, model.register(number, password: password, at: now))
    if let given = got.value {
      model.people[number]?.id = given.user.id
      model.logins[model.logins.count - 1].id = given.session.id
      try keep(given, login: model.logins.count - 1, at: now)
    }
    note(got.position)
  }

  /// - Parameter password: nil for the right one, if there is one.
  func logIn(_ number: Int, password: Int?) throws(Complaint) {
    // It looks the account up as readers do, before it writes.
    try deliver()
    let now = now
    let password = password ?? model.people[number]?.password ?? 0
    let form = LoginForm(email: .text(Self.address(number).uppercased()), password: .text(Self.password(password)))
    let got = held { () throws(AuthError) in try sessions.login(form, from: Self.origin) }
    try judge("login", got.refusal, model.logIn(number, password: password, at: now))
    if let given = got.value {
      model.logins[model.logins.count - 1].id = given.session.id
      try keep(given, login: model.logins.count - 1, at: now)
    }
    note(got.position)
  }

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
    let got = held { () throws(AuthError) in
      try sessions.refresh(RefreshForm(refreshToken: .text(text)), idempotencyKey: key?.sent)
    }
    try judge("refresh of session \(login)", got.refusal, model.refresh(login, generation: generation, key: key?.text, at: now))
    if let given = got.value { try keep(given, login: login, at: now) }
    if got.refusal == .refreshReused, bug == .forgivenReuse { try bringBack(login) }
    note(got.position)
  }

  /// The planted bug: the row of a session is there again.
  private func bringBack(_ login: Int) throws(Complaint) {
    guard let id = model.logins[login].id, let user = model.people[model.logins[login].person]?.id else { return }
    let row = SessionRecord(
      id: id.uuid, userID: user.uuid, userEpoch: model.logins[login].epoch, methods: .password, createdAt: now,
      idleExpiresAt: model.logins[login].idleEnd, expiresAt: model.logins[login].end, seed: InlineArray(repeating: 0),
      ipPrefix: "",
      userAgent: "", deviceName: nil)
    do throws(RepositoryError) {
      _ = try store.write { (transaction) throws(RepositoryError) in try store.sessions.insert(row, in: &transaction) }
    } catch { throw Complaint("\(error)") }
  }

  func logOut(_ random: inout SeededGenerator) throws(Complaint) {
    let now = now
    let scope = random.pick(SessionModel.Scope.allCases)
    let one = access.isEmpty || random.once(in: 4) ? nil : random.pick(access)
    let other = refreshes.isEmpty || !random.once(in: 2) ? nil : random.pick(refreshes)
    let form = LogoutForm(
      scope: random.once(in: 4) && scope == .current ? .absent : .text(scope.rawValue),
      refreshToken: other.map { .text($0.text) } ?? .absent)
    let got = held { () throws(AuthError) in
      if let one { return (true, try sessions.logout(form, accessToken: one.text.utf8.span)) }
      return (true, try sessions.logout(form, accessToken: nil))
    }
    let accepted = one.flatMap { isAccepted($0.key) ? (login: $0.login, expiresAt: $0.expiresAt, epoch: $0.epoch) : nil }
    let expected = model.logOut(scope, access: accepted, refresh: other.map { ($0.login, $0.generation) }, at: now)
    try judge("logout \(scope)", got.refusal, expected)
    note(max(got.position, sessions.heldPosition))
  }

  func authenticate(_ random: inout SeededGenerator) throws(Complaint) {
    guard !access.isEmpty else { return }
    let ticket = access[random.once(in: 3) ? random.number(0..<access.count) : max(0, access.count - 1 - random.number(0..<8))]
    let model = published
    var got: AuthError?
    do throws(AuthError) {
      let principal = try sessions.authenticate(ticket.text.utf8.span)
      guard ticket.login < model.logins.count else { throw .notFound }
      let row = model.logins[ticket.login]
      guard principal.sessionID == row.id, principal.userID == model.people[row.person]?.id else { throw .forbidden }
      if principal.permissions.contains(.usersWrite) != model.people[row.person]?.isAdmin { throw .forbidden }
      if principal.authenticatedAt != row.authenticatedAt { throw .reauthRequired }
    } catch { got = error }
    try judge(
      "a request of session \(ticket.login)", got,
      model.authenticate(
        ticket.login, expiresAt: ticket.expiresAt, epoch: ticket.epoch, isSigned: isAccepted(ticket.key), at: now))
  }

  /// A new password, or the old one once more, from within a session that lives.
  func proveAgain(_ random: inout SeededGenerator) throws(Complaint) {
    // Who asks and which password is right are read before anything is written.
    try deliver()
    guard let ticket = access.randomElement(using: &random), let principal = principal(of: ticket) else { return }
    let now = now
    let right = model.people[model.logins[ticket.login].person]?.password ?? 0
    let current = random.once(in: 3) ? (right + 1) % Self.passwordCount : right
    if random.once(in: 2) {
      let form = ReauthForm(password: .text(Self.password(current)), code: .absent)
      let got = held { () throws(AuthError) in try sessions.reauthenticate(form, by: principal, from: Self.origin) }
      try judge("reauth", got.refusal, model.reauthenticate(in: ticket.login, with: current, at: now))
      if let given = got.value { try keep(given, login: ticket.login, at: now) }
      return note(got.position)
    }
    let new = (current + random.number(1..<Self.passwordCount)) % Self.passwordCount
    let keeps = random.once(in: 2)
    let form = PasswordChangeForm(
      currentPassword: .text(Self.password(current)), newPassword: .text(Self.password(new)),
      keepSessions: keeps ? .flag(true) : .absent)
    let got = held { () throws(AuthError) in (true, try sessions.changePassword(form, by: principal, from: Self.origin)) }
    let expected = model.changePassword(in: ticket.login, from: current, to: new, keepsSessions: keeps, at: now)
    try judge("password change", got.refusal, expected)
    note(got.position)
  }

  private func principal(of ticket: AccessTicket) -> Principal? {
    do throws(AuthError) { return try sessions.authenticate(ticket.text.utf8.span) } catch { return nil }
  }

  /// Disabled, enabled, deleted, restored, erased, made an administrator or none: as the owner of the data folder does it.
  func changePerson(_ random: inout SeededGenerator) throws(Complaint) {
    guard let number = model.people.keys.sorted().randomElement(using: &random), let id = model.people[number]?.id else { return }
    let change = random.pick(SessionModel.Change.allCases)
    if change == .erase && !random.once(in: 3) { return }
    let expected = model.change(number, change)
    let got = held { () throws(AuthError) -> (value: User?, position: LogPosition) in
      switch change {
      case .disable:
        let done = try accounts.disable(id, by: .owner)
        return (done.value, done.position)
      case .enable:
        let done = try accounts.enable(id, by: .owner)
        return (done.value, done.position)
      case .delete:
        let done = try accounts.delete(id, by: .owner)
        return (done.value, done.position)
      case .restore:
        let done = try accounts.restore(id, by: .owner)
        return (done.value, done.position)
      case .promote:
        let done = try accounts.update(id, AccountEditForm(role: .text("admin")), by: .owner)
        return (done.value, done.position)
      case .demote:
        let done = try accounts.update(id, AccountEditForm(role: .text("user")), by: .owner)
        return (done.value, done.position)
      case .erase:
        return (nil, try accounts.erase(id, by: .owner))
      }
    }
    try judge("\(change) account \(number)", got.refusal, expected)
    note(got.position)
  }

  /// Removes the rows of what is over, as the process does from time to time.
  func sweep() throws(Complaint) {
    try deliver()
    model.sweep(at: now)
    let got = held { () throws(AuthError) in
      try sessions.sweepJob.run()
      return (true, sessions.heldPosition)
    }
    try judge("sweep", got.refusal, nil)
    note(sessions.heldPosition)
  }

  /// Lets time pass: a little, a lot, or up to the very edge of something.
  func passTime(_ random: inout SeededGenerator) {
    var edges: [Int64] = []
    if let login = model.logins.randomElement(using: &random) {
      edges = [login.rotatedAt + model.rules.graceSeconds * 1000, login.idleEnd, login.end]
    }
    if let ticket = access.randomElement(using: &random) { edges.append(ticket.expiresAt) }
    let target = (edges.randomElement(using: &random) ?? now) + Int64(random.pick([-1, 0, 1]))
    if random.once(in: 2), target > now, target - now < 2 * 3600 * 1000 {
      clock.advance(milliseconds: target - now)
    } else {
      clock.advance(milliseconds: Int64(random.pick([0, 1, 999, 1000, 4_000, 10_000, 60_000, 900_000])))
    }
  }
}
