// What the contract says about accounts and sessions, as plainly as it can be said: lists, loops, and the table of refresh tokens.

import Auth

/// People, sessions and what must be answered. It knows nothing of records, keys or transactions. Times are milliseconds since 1970.
struct SessionModel {
  enum Status {
    case active, disabled, deleted
  }

  struct Person {
    /// Unknown of somebody whose registration was never answered.
    var id: UserID?
    var password: Int
    var passwordChangedAt: Int64
    /// Tells two people apart of whom the second took the address of the first, who was erased.
    let birth: Int
    var status = Status.active
    var isDisabledWhenRestored = false
    var isAdmin = false
    /// How often everything that the person had was made void.
    var epoch: UInt32 = 1
  }

  /// One login. Those that have ended stay, so that their tokens can be tried again.
  struct Login {
    var id: SessionID?
    let person: Int
    let birth: Int
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
    var maxReplays = 3
    var maxSessions = 4
  }

  let rules: Rules
  /// By address: the n-th is of `person(n)`.
  var people: [Int: Person] = [:]
  private var births = 0
  var logins: [Login] = []

  init(_ rules: Rules) { self.rules = rules }

  func lives(_ login: Login, at now: Int64) -> Bool {
    let person = people[login.person]
    return login.isThere && now < login.idleEnd && now < login.end && person?.birth == login.birth && person?.epoch == login.epoch
  }

  /// The rows of a person, in the order of their beginning.
  func rows(of person: Int) -> [Int] { logins.indices.filter { logins[$0].person == person && logins[$0].isThere } }

  // MARK: Verbs: what changes, and the refusal if there is one

  mutating func register(_ number: Int, password: Int, at now: Int64) -> AuthError? {
    if people[number] != nil { return .emailExists }
    births += 1
    people[number] = Person(password: password, passwordChangedAt: now, birth: births)
    begin(number, at: now)
    return nil
  }

  mutating func logIn(_ number: Int, password: Int, at now: Int64) -> AuthError? {
    guard let person = people[number], person.status != .deleted, person.password == password else { return .invalidCredentials }
    if person.status == .disabled { return .accountDisabled }
    var living: [Int] = []
    for row in rows(of: number) {
      if lives(logins[row], at: now) { living.append(row) } else { logins[row].isThere = false }
    }
    while living.count >= rules.maxSessions {
      // The one idle longest; of two, the older.
      let oldest = living.min { (logins[$0].rotatedAt, $0) < (logins[$1].rotatedAt, $1) }!
      logins[oldest].isThere = false
      living.removeAll { $0 == oldest }
    }
    begin(number, at: now)
    return nil
  }

  private mutating func begin(_ person: Int, at now: Int64) {
    logins.append(
      Login(
        person: person, birth: people[person]?.birth ?? 0, epoch: people[person]?.epoch ?? 1, authenticatedAt: now,
        rotatedAt: now,
        idleEnd: now + rules.idleSeconds * 1000,
        end: now + rules.absoluteSeconds * 1000))
  }

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
    if let access, let refreshRow, logins[access.login].birth != logins[refreshRow.login].birth { return .invalidToken }
    let named = [accessRow?.login, refreshRow?.login].compactMap { $0 }
    guard let first = named.first else { return nil }
    if scope == .current {
      for login in named { logins[login].isThere = false }
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
        return .refreshReused
      }
      if lives(logins[refreshRow.login], at: now) { mayAct = true }
    }
    guard mayAct else { return accessRow == nil ? .refreshInvalid : .tokenExpired }
    for row in rows(of: person) where scope == .all || !named.contains(row) { logins[row].isThere = false }
    return nil
  }

  /// - Parameter isSigned: whether a key that is still accepted has signed it.
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

  /// A new password from within a session, which goes on; the others end unless they shall not.
  mutating func changePassword(
    in login: Int, from current: Int, to new: Int, keepsSessions: Bool, at now: Int64
  ) -> AuthError? {
    let person = logins[login].person
    guard people[person]?.password == current else { return .invalidCredentials }
    people[person]?.password = new
    people[person]?.passwordChangedAt = now
    for row in rows(of: person) where row != login && !keepsSessions { logins[row].isThere = false }
    return nil
  }

  /// The password once more: the login is a recent one again.
  mutating func reauthenticate(in login: Int, with password: Int, at now: Int64) -> AuthError? {
    guard people[logins[login].person]?.password == password else { return .invalidCredentials }
    logins[login].authenticatedAt = now
    return nil
  }

  // MARK: Administration, by whom nothing is forbidden

  /// What an administrator does to an account.
  enum Change: CaseIterable {
    case disable, enable, delete, restore, erase, promote, demote
  }

  mutating func change(_ number: Int, _ change: Change) -> AuthError? {
    guard var person = people[number] else { return .notFound }
    let wasActive = person.status == .active, wasAdmin = wasActive && person.isAdmin
    switch change {
    case .disable:
      if person.status == .deleted { person.isDisabledWhenRestored = true } else { person.status = .disabled }
    case .enable:
      if person.status == .deleted { person.isDisabledWhenRestored = false } else { person.status = .active }
    case .delete:
      if person.status != .deleted { person.isDisabledWhenRestored = person.status == .disabled }
      person.status = .deleted
    case .restore:
      if person.status == .deleted {
        person.status = person.isDisabledWhenRestored ? .disabled : .active
        person.isDisabledWhenRestored = false
      }
    case .promote: person.isAdmin = true
    case .demote: person.isAdmin = false
    case .erase: break
    }
    let isAdmin = person.status == .active && person.isAdmin && change != .erase
    let others = people.contains { $0.key != number && $0.value.status == .active && $0.value.isAdmin }
    if wasAdmin && !isAdmin && !others { return .lastAdmin }
    if wasActive && person.status != .active { person.epoch += 1 }
    if change == .erase || wasActive && person.status != .active {
      for row in rows(of: number) { logins[row].isThere = false }
    }
    people[number] = change == .erase ? nil : person
    return nil
  }

  /// Removes rows of sessions that nothing can bring back.
  mutating func sweep(at now: Int64) {
    for index in logins.indices where logins[index].isThere {
      if !lives(logins[index], at: now) || people[logins[index].person]?.status == .deleted { logins[index].isThere = false }
    }
  }
}
