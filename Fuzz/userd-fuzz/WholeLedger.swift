// Whether the answers about one address have an order in which each is right. docs/testing.md §7.
//
// Every request happened at one moment between its last byte and its answer, or, without an answer, at most once.

/// An answer as a client got it, or what it says.
struct Seen {
  var status = 0
  var code: String?
  var account: String?
  var session: String?
  var generation = 0
  var name: Int?
  var role: String?
  var state: String?
  /// The identifiers of a list of sessions.
  var sessions: [String]?
}

/// What lies in the store for one address.
struct Found {
  struct Account {
    let id: String
    let name: Int
    let role: String
    let state: String
    let sessions: [(id: String, generation: Int)]
  }

  let account: Account?
}

/// Every state that one address may be in, given all answers so far.
///
/// The search of Wing and Gong, made step by step as Lowe describes ("Testing for linearizability", 2017): requests that are open are done as
/// late as possible, when an answer cannot be explained without them.
struct Ledger {
  private struct Possibility: Hashable {
    var house = House()
    /// What open requests will be answered that have happened already.
    var done: [Int: House.Answer] = [:]
  }

  private let rules: House.Rules
  private var possibilities: Set<Possibility> = [Possibility()]
  private var open: [Int: House.Verb] = [:]
  /// What was last asked and answered, for a complaint.
  private var story: [String] = []

  init(_ rules: House.Rules) { self.rules = rules }

  var openCount: Int { open.count }
  var possibilityCount: Int { possibilities.count }

  private mutating func tell(_ what: String) {
    story.append(what)
    if story.count > 24 { story.removeFirst(8) }
  }

  /// The last byte of a request was sent.
  mutating func begin(_ number: Int, _ verb: House.Verb) {
    open[number] = verb
    tell("\(number): \(verb)")
  }

  /// A request was answered.
  mutating func end(_ number: Int, _ seen: Seen) throws(Complaint) {
    tell("\(number) -> \(seen.status) \(seen.code ?? "")")
    let before = possibilities
    var after: Set<Possibility> = []
    for possibility in possibilities { explain(number, seen, possibility, &after) }
    open[number] = nil
    possibilities = after
    if after.isEmpty {
      throw Complaint(
        "no order of requests explains the answer \(seen) to request \(number); before it \(story); known \(before.prefix(3).map(\.house))"
      )
    }
  }

  /// A request was refused before anything happened.
  mutating func endWithoutEffect(_ number: Int) throws(Complaint) {
    tell("\(number) had no effect")
    possibilities = possibilities.filter { $0.done[number] == nil }
    open[number] = nil
    if possibilities.isEmpty { throw Complaint("request \(number) was refused as unavailable and had an effect; \(story)") }
  }

  private func explain(_ number: Int, _ seen: Seen, _ possibility: Possibility, _ after: inout Set<Possibility>) {
    if let answer = possibility.done[number] {
      var possibility = possibility
      possibility.done[number] = nil
      if possibility.house.takes(answer, as: seen) { after.insert(possibility) }
      return
    }
    for (other, verb) in open where possibility.done[other] == nil {
      var next = possibility
      next.done[other] = next.house.answer(verb, other, rules)
      explain(number, seen, next, &after)
    }
  }

  /// Nothing that is open can have an effect any more, because its connection or its process has ended.
  mutating func settle() {
    if open.isEmpty { return }
    tell("settled \(open.keys.sorted())")
    var after: Set<Possibility> = []
    func add(_ possibility: Possibility) {
      after.insert(Possibility(house: possibility.house))
      for (other, verb) in open where possibility.done[other] == nil {
        var next = possibility
        next.done[other] = next.house.answer(verb, other, rules)
        add(next)
      }
    }
    for possibility in possibilities { add(possibility) }
    possibilities = after
    open = [:]
  }

  /// Compares with what is stored while nothing is open.
  mutating func look(_ found: Found) throws(Complaint) {
    var after: Set<Possibility> = []
    for var possibility in possibilities where possibility.house.isStored(as: found) { after.insert(possibility) }
    if after.isEmpty {
      throw Complaint("the store has \(found), which nothing explains; \(story); known \(possibilities.prefix(4).map(\.house))")
    }
    possibilities = after
  }
}

extension House {
  /// Whether a client may have got this for the answer; learns the identifiers in it.
  fileprivate mutating func takes(_ answer: Answer, as seen: Seen) -> Bool {
    switch answer {
    case .done: return seen.status == 204
    case .refused(let status, let code): return seen.status == status && seen.code == code
    case .nobody: return seen.status == 200 && seen.account == nil && seen.sessions == nil
    case .tokens(let status, let account, let session, let generation):
      guard seen.status == status, seen.generation == generation, let id = seen.account, let own = seen.session else {
        return false
      }
      return learn(account, id) && learn(session: session, own)
    case .view(let status, let account, let name, let role, let state):
      guard seen.status == status, seen.name == name, seen.role == role, seen.state == state.rawValue, let id = seen.account
      else { return false }
      return learn(account, id)
    case .sessions(let sessions):
      guard seen.status == 200, let ids = seen.sessions, ids.count == sessions.count else { return false }
      return sessions.allSatisfy { session in session.id.map { ids.contains($0) } ?? true }
    }
  }

  /// False if it has another identifier. What is gone cannot be compared.
  private mutating func learn(_ origin: Int, _ id: String) -> Bool {
    guard account?.origin == origin else { return account?.id != id }
    if account?.id == nil { account?.id = id }
    return account?.id == id
  }

  private mutating func learn(session origin: Int, _ id: String) -> Bool {
    guard let place = account?.sessions.firstIndex(where: { $0.origin == origin }) else { return true }
    if account?.sessions[place].id == nil { account?.sessions[place].id = id }
    return account?.sessions[place].id == id
  }

  fileprivate mutating func isStored(as found: Found) -> Bool {
    guard let account else { return found.account == nil }
    guard let row = found.account, row.name == account.name, row.role == account.role, row.state == account.status.rawValue,
      row.sessions.count == account.sessions.count, learn(account.origin, row.id)
    else { return false }
    var rest = row.sessions
    for session in account.sessions {
      guard let id = session.id else { continue }
      guard let place = rest.firstIndex(where: { $0.id == id }), rest[place].generation == session.generation else {
        return false
      }
      rest.remove(at: place)
    }
    let unknown = account.sessions.indices.filter { account.sessions[$0].id == nil }
    if unknown.count == 1 { self.account?.sessions[unknown[0]].id = rest[0].id }
    return rest.allSatisfy { $0.generation == 1 }
  }
}
