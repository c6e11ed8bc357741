// What the contract says about one address and whoever has an account under it, one request after the other. docs/testing.md §7.

/// Everything that is kept for one address. Requests about different addresses have nothing to do with each other, so each is judged by itself.
///
/// A plain value: whoever does not know what happened keeps several of them.
struct House: Hashable {
  enum Status: String {
    case active, disabled, deleted
  }

  struct Session: Hashable {
    /// The request that made it.
    let origin: Int
    /// nil until an answer told it.
    var id: String?
    var generation = 1
    /// The key of the refresh that made the generation.
    var key: Int?
    var replays = 0
  }

  struct Account: Hashable {
    let origin: Int
    var id: String?
    var password: Int
    var name: Int
    var role = "user"
    var status = Status.active
    var isDisabledWhenRestored = false
    var sessions: [Session] = []
  }

  /// What a request asks for. Sessions and accounts are those that the asker was told of.
  enum Verb: Hashable {
    case register(password: Int, name: Int, key: Int?)
    case login(password: Int)
    case refresh(session: String, generation: Int, key: Int?)
    case me(session: String)
    case rename(session: String, name: Int)
    case changePassword(session: String, from: Int, to: Int, keepsOthers: Bool)
    case logout(session: String, everywhere: Bool)
    case endSession(own: String, other: String)
    case endOthers(session: String)
    case listSessions(session: String)
    case leave(session: String, password: Int)
    case create(password: Int, name: Int, key: Int?)
    case find
    case get(id: String)
    case disable(id: String)
    case enable(id: String)
    case delete(id: String)
    case restore(id: String)
    case erase(id: String)
    case renameOther(id: String, name: Int)
    case setRole(id: String, role: String)
    case endAll(id: String)
  }

  /// What must be answered. Accounts and sessions are named by the requests that made them, since their identifiers are the server's choice.
  enum Answer: Hashable {
    case tokens(status: Int, account: Int, session: Int, generation: Int)
    case view(status: Int, account: Int, name: Int, role: String, state: Status)
    case nobody
    case sessions([Session])
    case done
    case refused(Int, String)
  }

  struct Rules: Hashable {
    /// Whether a token that was replaced may come again, three times; else it ends its session.
    var hasGrace = false
  }

  var account: Account?
  /// Answers that are given again to whoever repeats a request with its key.
  var kept: [Int: Answer] = [:]

  /// Does what a request asks for, as if nothing else happened at the same time.
  mutating func answer(_ verb: Verb, _ number: Int, _ rules: Rules) -> Answer {
    switch verb {
    case .register(let password, let name, let key): return register(password, name, key, number)
    case .create(let password, let name, let key): return create(password, name, key, number)
    case .login(let password): return logIn(password, number)
    case .refresh(let session, let generation, let key): return refresh(session, generation, key, rules)
    case .me(let session): return acting(session) { house, _ in house.view(200) }
    case .rename(let session, let name):
      return acting(session) { house, _ in
        house.account?.name = name
        return house.view(200)
      }
    case .changePassword(let session, let from, let to, let keepsOthers):
      return acting(session) { house, own in
        if house.account?.password != from { return .refused(401, "invalid_credentials") }
        house.account?.password = to
        if !keepsOthers { house.account?.sessions.removeAll { $0.origin != own.origin } }
        return .done
      }
    case .logout(let session, let everywhere):
      if isThere(session) { account?.sessions.removeAll { everywhere || $0.id == session } }
      return .done
    case .endSession(let own, let other):
      return acting(own) { house, _ in
        guard house.isThere(other) else { return .refused(404, "not_found") }
        house.account?.sessions.removeAll { $0.id == other }
        return .done
      }
    case .endOthers(let session):
      return acting(session) { house, own in
        house.account?.sessions.removeAll { $0.origin != own.origin }
        return .done
      }
    case .listSessions(let session): return acting(session) { house, _ in .sessions(house.account?.sessions ?? []) }
    case .leave(let session, let password):
      return acting(session) { house, _ in
        if house.account?.password != password { return .refused(401, "invalid_credentials") }
        house.end(.deleted)
        return .done
      }
    case .find: return account == nil || account?.status == .deleted ? .nobody : view(200)
    case .get(let id): return administrating(id) { house in house.view(200) }
    case .disable(let id):
      return administrating(id) { house in
        if house.account?.status == .deleted { house.account?.isDisabledWhenRestored = true } else { house.end(.disabled) }
        return house.view(200)
      }
    case .enable(let id):
      return administrating(id) { house in
        if house.account?.status == .disabled { house.account?.status = .active }
        house.account?.isDisabledWhenRestored = false
        return house.view(200)
      }
    case .delete(let id):
      return administrating(id) { house in
        house.end(.deleted)
        return .done
      }
    case .restore(let id):
      return administrating(id) { house in
        if house.account?.status == .deleted {
          let isDisabled = house.account?.isDisabledWhenRestored ?? false
          house.account?.status = isDisabled ? .disabled : .active
          house.account?.isDisabledWhenRestored = false
        }
        return house.view(200)
      }
    case .erase(let id):
      return administrating(id) { house in
        house.account = nil
        return .done
      }
    case .renameOther(let id, let name):
      return administrating(id) { house in
        house.account?.name = name
        return house.view(200)
      }
    case .setRole(let id, let role):
      return administrating(id) { house in
        house.account?.role = role
        return house.view(200)
      }
    case .endAll(let id):
      return administrating(id) { house in
        house.account?.sessions = []
        return .done
      }
    }
  }

  private mutating func register(_ password: Int, _ name: Int, _ key: Int?, _ number: Int) -> Answer {
    if let key, let known = kept[key] { return known }
    if account != nil { return .refused(409, "email_exists") }
    account = Account(origin: number, password: password, name: name, sessions: [Session(origin: number)])
    return keep(.tokens(status: 201, account: number, session: number, generation: 1), key)
  }

  private mutating func create(_ password: Int, _ name: Int, _ key: Int?, _ number: Int) -> Answer {
    if let key, let known = kept[key] { return known }
    if account != nil { return .refused(409, "email_exists") }
    account = Account(origin: number, password: password, name: name)
    return keep(view(201), key)
  }

  private mutating func keep(_ answer: Answer, _ key: Int?) -> Answer {
    if let key { kept[key] = answer }
    return answer
  }

  private mutating func logIn(_ password: Int, _ number: Int) -> Answer {
    guard let account, account.status != .deleted, account.password == password else {
      return .refused(401, "invalid_credentials")
    }
    if account.status == .disabled { return .refused(403, "account_disabled") }
    self.account?.sessions.append(Session(origin: number))
    return .tokens(status: 200, account: account.origin, session: number, generation: 1)
  }

  private mutating func refresh(_ id: String, _ generation: Int, _ key: Int?, _ rules: Rules) -> Answer {
    guard let account, let place = account.sessions.firstIndex(where: { $0.id == id }) else {
      return .refused(401, "refresh_invalid")
    }
    var session = account.sessions[place]
    let isRepeated = key != nil && session.key == key
    if generation == session.generation {
      session.generation += 1
      session.key = key
      session.replays = 0
    } else if generation == session.generation - 1, isRepeated || rules.hasGrace && session.replays < 3 {
      if !isRepeated { session.replays += 1 }
    } else {
      self.account?.sessions.remove(at: place)
      return .refused(401, "refresh_reused")
    }
    self.account?.sessions[place] = session
    return .tokens(status: 200, account: account.origin, session: session.origin, generation: session.generation)
  }

  private func isThere(_ session: String) -> Bool { account?.sessions.contains { $0.id == session } ?? false }

  private mutating func acting(_ session: String, _ act: (inout House, Session) -> Answer) -> Answer {
    guard let own = account?.sessions.first(where: { $0.id == session }) else { return .refused(401, "session_revoked") }
    return act(&self, own)
  }

  private mutating func administrating(_ id: String, _ act: (inout House) -> Answer) -> Answer {
    account != nil && account?.id == id ? act(&self) : .refused(404, "not_found")
  }

  private mutating func end(_ status: Status) {
    let before = account?.status
    if status == .deleted, before != .deleted { account?.isDisabledWhenRestored = before == .disabled }
    account?.status = status
    account?.sessions = []
  }

  private func view(_ status: Int) -> Answer {
    guard let account else { return .nobody }
    return .view(status: status, account: account.origin, name: account.name, role: account.role, state: account.status)
  }
}
