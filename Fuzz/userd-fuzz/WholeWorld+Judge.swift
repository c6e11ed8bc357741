// What the clients of a simulated server demand of every answer, and of every connection that ends. docs/testing.md §7.

import TestSupport

extension WholeWorld {
  /// Takes what came on a connection and judges every answer in it.
  func receive(_ wire: Wire, _ limit: Int) throws(Complaint) {
    let goesOn = wire.pull(limit)
    var answers: [WireAnswer] = []
    while let answer = try wire.next() { answers.append(answer) }
    if bug == .swappedAnswers, answers.count > 1 { answers.swapAt(0, 1) }
    for answer in answers { try judge(answer, on: wire) }
    if !goesOn { try end(wire) }
  }

  private func judge(_ answer: WireAnswer, on wire: Wire) throws(Complaint) {
    answerCount += 1
    guard !wire.expected.isEmpty else {
      throw Complaint("an answer \(answer.status) \(answer.body?["code"]?.text ?? "") to nothing")
    }
    let expectation = wire.expected.removeFirst()
    let code = answer.body?["code"]?.text ?? "", name = answer.field("x-request-id") ?? ""
    tell("\(expectation.marker ?? "?") answered \(answer.status) \(code)")
    if expectation.unsentByteCount > 0, case .verb = expectation.kind {
      if answer.status == 408, wire.mayEnd, answer.closes { return }
      throw Complaint("an answer \(answer.status) \(code) to a request that is not whole")
    }
    let isLate = answer.status == 408 && wire.mayEnd
    if let marker = expectation.marker, name != marker, !isLate {
      throw Complaint("the answer to \(name) came for request \(marker)")
    }
    if expectation.ends, !answer.closes { throw Complaint("\(answer.status) \(code) does not end the connection") }
    if answer.status == 500 { throw Complaint("500 for request \(name): \(process?.takeReport() ?? "nothing in the log")") }
    switch expectation.kind {
    case .status(let statuses), .refusal(let statuses):
      let isExcused =
        isLate || answer.status == 503 && (wire.mayEnd || mayFail || code == "overloaded") || answer.status == 507 && wasFull
      if !statuses.contains(answer.status), !isExcused {
        throw Complaint("\(answer.status) \(code) for \(name), not \(statuses)")
      }
    case .verb(let house, let number, let verb):
      try judge(answer, code, number, verb, of: house, isRead: expectation.isRead, mayBeLate: wire.mayEnd)
    }
  }

  private func judge(
    _ answer: WireAnswer, _ code: String, _ number: Int, _ verb: House.Verb, of house: Int, isRead: Bool, mayBeLate: Bool
  ) throws(Complaint) {
    switch (answer.status, code) {
    case (503, "overloaded"), (409, "idempotency_in_flight"): return try neighbours[house].ledger.endWithoutEffect(number)
    case (429, "rate_limited"):
      // A client has room for so many kept answers.
      guard case .register(_, _, .some) = verb else { throw Complaint("\(verb) is limited") }
      return try neighbours[house].ledger.endWithoutEffect(number)
    case (503, "timeout") where mayBeLate: return
    case (503, "read_only") where mayFail && !isRead: return try neighbours[house].ledger.endWithoutEffect(number)
    case (503, "commit_outcome_unknown") where mayFail && !isRead: return
    case (503, "draining") where isStopping: return try neighbours[house].ledger.endWithoutEffect(number)
    case (507, "storage_full") where wasFull && !isRead: return try neighbours[house].ledger.endWithoutEffect(number)
    case (408, _) where mayBeLate: return try neighbours[house].ledger.endWithoutEffect(number)
    case (503, _), (507, _), (408, _): throw Complaint("\(answer.status) \(code) for \(verb) without a reason")
    default: break
    }
    let seen = answer.seen
    try neighbours[house].ledger.end(number, seen)
    learn(verb, seen.status, at: house)
    if let access = answer.body?["token"]?.text, let refresh = answer.body?["refreshToken"]?.text, let session = seen.session {
      guard RefreshText(refresh)?.session == session else { throw Complaint("a refresh token of another session") }
      neighbours[house].tickets.append(Ticket(session: session, generation: seen.generation, access: access, refresh: refresh))
      if neighbours[house].tickets.count > 12 { neighbours[house].tickets.remove(at: random.number(0..<6)) }
    }
    if let id = seen.account, !neighbours[house].accounts.contains(id) { neighbours[house].accounts.append(id) }
  }

  /// What a client makes of an answer: which password is good, and which tokens are mostly not worth another try.
  private func learn(_ verb: House.Verb, _ status: Int, at house: Int) {
    switch verb {
    case .login(let password), .register(let password, _, _), .create(let password, _, _):
      if status < 300 { neighbours[house].password = password }
    case .changePassword(_, _, let password, _):
      if status < 300 { neighbours[house].password = password }
    case .me(let session), .refresh(let session, _, _), .rename(let session, _), .listSessions(let session):
      if status == 401, !random.once(in: 3) { neighbours[house].tickets.removeAll { $0.session == session } }
    default: break
    }
  }

  /// The server has ended a connection.
  private func end(_ wire: Wire) throws(Complaint) {
    let isExcused = wire.mayEnd || wire.isLastAnswered || isStopping
    if !isExcused, !wire.expected.isEmpty || wire.hasPart || !wire.hasEndedDirection {
      throw Complaint("a connection ended with \(wire.expected.count) requests unanswered, and nobody knows why")
    }
    wires.removeAll { $0 === wire }
  }

  /// A client lets a connection go, whatever is under way on it.
  func hangUp(_ wire: Wire) {
    tell("hung up on \(wire.expected.count) requests")
    wires.removeAll { $0 === wire }
  }
}
