// What the contract says about accounts and sessions, as plainly as it can be said: lists, loops, and the table of refresh tokens.

import Auth
import Repositories

/// People, sessions and what must be answered. It knows nothing of records, keys or transactions. Times are milliseconds since 1970.
struct SessionModel {
  enum Status {
    case active, disabled, deleted
  }

  struct Person {
    /// Unknown of somebody whose registration was never answered.
    var id: UserID?
    var address: Int
    var isVerified = false
    var password: Int
    var passwordChangedAt: Int64
    var status = Status.active
    var isDisabledWhenRestored = false
    var isAdmin = false
    /// How often everything that the person had was made void.
    var epoch: UInt32 = 1
    var app: App?
    /// An app that is set up and has not shown a code yet.
    var waiting: (secret: [UInt8], endsAt: Int64)?
    /// When each network was noted as one that the person logs in from.
    var networks: [String: Int64] = [:]
  }

  /// One login. Those that have ended stay, so that their tokens can be tried again.
  struct Login {
    var id: SessionID?
    let person: Int
    let epoch: UInt32
    var generation: UInt32 = 1
    var replays = 0
    var authenticatedAt: Int64
    var rotatedAt: Int64
    var key: String?
    var idleEnd: Int64
    let end: Int64
    /// Whether there is still a row of it; one that is over may stay for a while.
    var isThere = true
  }

  struct Rules {
    var accessSeconds: Int64 = 600
    var idleSeconds: Int64 = 3600
    var absoluteSeconds: Int64 = 3 * 3600
    var graceSeconds: Int64 = 10
    var recentSeconds: Int64 = 600
    var maxReplays = 3
    var maxSessions = 4
  }

  let rules: Rules
  /// By a number that nobody else gets, who may take the address of somebody erased.
  var people: [Int: Person] = [:]
  private(set) var births = 0
  var logins: [Login] = []
  var tokens: [OneTime] = []
  var throttle: ThrottleModel
  /// What the audit trail must say, oldest first.
  private(set) var trail: [AuditEvent] = []

  init(_ rules: Rules, _ throttle: ThrottleModel.Rules) {
    self.rules = rules
    self.throttle = ThrottleModel(throttle)
  }

  mutating func note(_ events: AuditEvent...) { trail += events }
  mutating func note(_ event: AuditEvent, times count: Int) { trail += [AuditEvent](repeating: event, count: count) }

  func person(at address: Int) -> Int? { people.first { $0.value.address == address }?.key }

  func lives(_ login: Login, at now: Int64) -> Bool {
    login.isThere && now < login.idleEnd && now < login.end && people[login.person]?.epoch == login.epoch
  }

  /// The rows of a person, in the order of their beginning.
  func rows(of person: Int) -> [Int] { logins.indices.filter { logins[$0].person == person && logins[$0].isThere } }

  // MARK: Beginning

  mutating func register(_ address: Int, password: Int, from client: PlainClient, at now: Int64) -> Refusal? {
    let keys = ThrottleModel.registration(from: client)
    if let refusal = throttle.refusal(keys, at: now) { return .limited(refusal) }
    throttle.count(keys, at: now)
    if person(at: address) != nil { return .error(.emailExists) }
    births += 1
    people[births] = Person(address: address, password: password, passwordChangedAt: now)
    note(.userRegistered)
    begin(births, from: client, at: now)
    issue(.verifyEmail, to: births, for: address, at: now)
    return nil
  }

  /// - Parameter proof: the login that a refresh token in the request belongs to.
  mutating func logIn(
    _ address: Int, password: Int, proof: Int?, from client: PlainClient, at now: Int64
  ) -> Refusal? {
    let number = person(at: address)
    let keys = ThrottleModel.login(address, from: client)
    let isKnown = knows(client, proof, number, at: now)
    if let refusal = throttle.refusal(keys, isKnown: isKnown, at: now) { return .throttled(refusal) }
    guard let number, let person = people[number], person.status != .deleted, person.password == password else {
      return fail(.loginFailed, keys, .invalidCredentials, at: now)
    }
    if person.status == .disabled {
      note(.loginFailed)
      return .error(.accountDisabled)
    }
    throttle.clear(keys)
    if let app = person.app {
      issue(.pendingLogin, to: number, for: address, at: now)
      note(.loginHalfway)
      return .halfway(app.codes.isEmpty ? [.totp] : [.totp, .recoveryCode])
    }
    makeRoom(number, at: now)
    begin(number, from: client, at: now)
    return nil
  }

  /// Whether somebody logs in from where they did before, or with a token of one of their sessions that is still there.
  func knows(_ client: PlainClient, _ proof: Int?, _ number: Int?, at now: Int64) -> Bool {
    guard let number else { return false }
    if let proof, logins[proof].isThere, logins[proof].person == number { return true }
    guard client.hasAddress, let last = people[number]?.networks[client.prefix] else { return false }
    return now - last < 90 * 86_400_000
  }

  /// A wrong try: counted, and in the trail with each limit that it fills.
  mutating func fail(_ event: AuditEvent, _ keys: [ThrottleModel.Key], _ error: AuthError, at now: Int64) -> Refusal {
    note(event)
    note(.loginThrottled, times: throttle.count(keys, at: now))
    return .error(error)
  }

  /// Ends what is over, then those idle longest, until there is room for one more.
  mutating func makeRoom(_ number: Int, at now: Int64) {
    var living: [Int] = []
    for row in rows(of: number) {
      if lives(logins[row], at: now) { living.append(row) } else { logins[row].isThere = false }
    }
    while living.count >= rules.maxSessions {
      // The one idle longest; of two, the older.
      let oldest = living.min { (logins[$0].rotatedAt, $0) < (logins[$1].rotatedAt, $1) }!
      logins[oldest].isThere = false
      living.removeAll { $0 == oldest }
      note(.sessionEnded)
    }
  }

  mutating func begin(_ number: Int, from client: PlainClient, at now: Int64) {
    if client.hasAddress, now - (people[number]?.networks[client.prefix] ?? .min / 2) >= 86_400_000 {
      people[number]?.networks[client.prefix] = now
    }
    logins.append(
      Login(
        person: number, epoch: people[number]?.epoch ?? 1, authenticatedAt: now, rotatedAt: now,
        idleEnd: now + rules.idleSeconds * 1000, end: now + rules.absoluteSeconds * 1000))
    note(.sessionBegun)
  }

  // MARK: Going on and ending

  /// - Parameters:
  ///   - generation: what the token says; nil for one that nobody made.
  mutating func refresh(_ login: Int, generation: UInt32?, key: String?, at now: Int64) -> AuthError? {
    guard let generation, lives(logins[login], at: now) else { return .refreshInvalid }
    switch people[logins[login].person]?.status {
    case .active: break
    case .disabled: return .accountDisabled
    case .deleted, nil: return .refreshInvalid
    }
    let current = logins[login].generation
    if generation == current {
      logins[login].generation += 1
      logins[login].replays = 0
      logins[login].rotatedAt = now
      logins[login].key = key
      logins[login].idleEnd = now + rules.idleSeconds * 1000
      return nil
    }
    if generation == current - 1 {
      if let key, key == logins[login].key { return nil }
      let isInGrace = rules.graceSeconds > 0 && now - logins[login].rotatedAt <= rules.graceSeconds * 1000
      if isInGrace && logins[login].replays < rules.maxReplays {
        logins[login].replays += 1
        return nil
      }
    }
    logins[login].isThere = false
    note(.sessionReuseDetected)
    return .refreshReused
  }

  enum Scope: String, CaseIterable {
    case current, others, all
  }

  /// - Parameters:
  ///   - access: the session that an access token names and when it expires, if there is one.
  ///   - refresh: the session and the generation of a refresh token, if there is one.
  mutating func logOut(
    _ scope: Scope, access: (login: Int, expiresAt: Int64, epoch: UInt32)?, refresh: (login: Int, generation: UInt32)?,
    at now: Int64
  ) -> AuthError? {
    let accessRow = access.flatMap { logins[$0.login].isThere ? $0 : nil }
    let refreshRow = refresh.flatMap { logins[$0.login].isThere ? $0 : nil }
    if let access, let refreshRow, logins[access.login].person != logins[refreshRow.login].person { return .invalidToken }
    let named = Set([accessRow?.login, refreshRow?.login].compactMap { $0 })
    guard let first = named.first else { return nil }
    if scope == .current {
      for login in named { logins[login].isThere = false }
      note(.sessionEnded, times: named.count)
      return nil
    }
    let person = logins[first].person
    var mayAct = false
    if let accessRow, now < accessRow.expiresAt, lives(logins[accessRow.login], at: now), accessRow.epoch == people[person]?.epoch
    {
      mayAct = true
    }
    if !mayAct, let refreshRow {
      let current = logins[refreshRow.login].generation
      if refreshRow.generation != current && refreshRow.generation + 1 != current {
        logins[refreshRow.login].isThere = false
        note(.sessionReuseDetected)
        return .refreshReused
      }
      if lives(logins[refreshRow.login], at: now) { mayAct = true }
    }
    guard mayAct else { return accessRow == nil ? .refreshInvalid : .tokenExpired }
    let ending = rows(of: person).filter { scope == .all || !named.contains($0) }
    for row in ending { logins[row].isThere = false }
    if !ending.isEmpty { note(.sessionsEnded) }
    return nil
  }

  func authenticate(_ login: Int, expiresAt: Int64, epoch: UInt32, isSigned: Bool, at now: Int64) -> AuthError? {
    if !isSigned { return .invalidToken }
    if now >= expiresAt { return .tokenExpired }
    guard login < logins.count else { return .sessionRevoked }
    let person = people[logins[login].person]
    guard lives(logins[login], at: now), epoch == person?.epoch else { return .sessionRevoked }
    switch person?.status {
    case .active: return nil
    case .disabled: return .accountDisabled
    case .deleted, nil: return .sessionRevoked
    }
  }

  /// Whether the session may do what asks for a login of late.
  func isRecent(_ login: Int, at now: Int64) -> Bool { now < logins[login].authenticatedAt + rules.recentSeconds * 1000 }

  /// Removes rows of sessions and tokens that nothing can bring back.
  mutating func sweep(at now: Int64) {
    for index in logins.indices where logins[index].isThere {
      if !lives(logins[index], at: now) || people[logins[index].person]?.status == .deleted { logins[index].isThere = false }
    }
    for index in tokens.indices where tokens[index].endsAt <= now { tokens[index].isThere = false }
  }
}

/// Why something was refused, with all that an answer says of it.
enum Refusal: Equatable {
  case error(AuthError)
  case throttled(ThrottleModel.Refusal)
  case limited(ThrottleModel.Refusal)
  /// A second factor is asked for.
  case halfway([SecondFactorMethod])

  init(_ error: AuthError) {
    func told(_ refusal: ThrottleRefusal) -> ThrottleModel.Refusal {
      .init(
        policy: refusal.policy, limit: refusal.limit, seconds: refusal.windowSeconds, retryAfter: refusal.retryAfter)
    }
    switch error {
    case .loginThrottled(let refusal): self = .throttled(told(refusal))
    case .rateLimited(let refusal): self = .limited(told(refusal))
    case .mfaRequired(let pending): self = .halfway(pending.methods)
    default: self = .error(error)
    }
  }
}
