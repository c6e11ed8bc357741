// What is stored beside what the model says: every account, factor, token and session, and the newest words of the audit trail.

import Auth
import Codecs
import Repositories
import Storage

extension SessionWorld {
  func compareStore() throws(Complaint) {
    if let difference = try difference(from: published) { throw Complaint("the store is not what it should be: \(difference)") }
    let report = database.checkIntegrity()
    if !report.isSound { throw Complaint("the store is damaged: \(report.problems)") }
  }

  /// The first difference between the store and a model; nil if there is none.
  func difference(from model: SessionModel) throws(Complaint) -> String? {
    do throws(RepositoryError) {
      return try store.read { (transaction) throws(RepositoryError) -> String? in
        let live = try store.users.count(nil, nil, in: &transaction),
          deleted = try store.users.count(.deleted, nil, in: &transaction)
        if live + deleted != model.people.count { return "\(live + deleted) accounts instead of \(model.people.count)" }
        var sessionCount = 0
        for (number, person) in model.people {
          guard let id = person.id, let row = try store.users.find(id.uuid, in: &transaction) else {
            return "account \(number) is lost"
          }
          if let what = difference(of: row, from: person) { return "account \(number) has another \(what) than \(person)" }
          let factors = try store.secondFactors.find(of: id.uuid, in: &transaction)
          if let what = difference(of: factors, from: person) { return "account \(number) has other factors: \(what)" }
          for purpose in OneTimePurpose.allCases {
            let rows = try store.oneTimeTokens.all(of: id.uuid, purpose, in: &transaction)
              .map { [$0.expiresAt, Int64($0.tries)] }
            let expected = model.tokens
              .filter { $0.isThere && $0.person == number && $0.purpose == purpose }
              .map { [$0.endsAt, Int64($0.tries)] }
            if rows.sorted(by: { $0.lexicographicallyPrecedes($1) }) != expected {
              return "account \(number) has tokens for \(purpose) \(rows), not \(expected)"
            }
          }
          sessionCount += try store.sessions.all(of: id.uuid, in: &transaction).count
        }
        var expected = 0
        for (index, login) in model.logins.enumerated() {
          guard let id = login.id else { return "session \(index) has no name" }
          let row = try store.sessions.find(id.uuid, in: &transaction)
          if (row != nil) != login.isThere { return "session \(index) is \(row == nil ? "gone" : "still there")" }
          guard let row else { continue }
          expected += 1
          if let what = difference(of: row, from: login) { return "session \(index) has another \(what) than \(login)" }
        }
        if sessionCount != expected { return "\(sessionCount) sessions instead of \(expected)" }
        let trail = try store.audit.trail(in: &transaction)
        let newest = try store.audit.page(before: nil, limit: 30, in: &transaction).map(\.event)
        if trail.next - trail.first != UInt64(model.trail.count) || newest != model.trail.suffix(30).reversed() {
          return "\(trail.next - trail.first) records, \(newest), instead of \(model.trail.count), \(model.trail.suffix(30))"
        }
        return nil
      }
    } catch { throw Complaint("the store cannot be read: \(error)") }
  }

  private func difference(of row: UserRecord, from person: SessionModel.Person) -> String? {
    if row.email != Self.address(person.address) { return "address (\(row.email))" }
    if row.isEmailVerified != person.isVerified { return "word on its address" }
    if row.epoch != person.epoch { return "epoch (\(row.epoch))" }
    if (row.role.text == "admin") != person.isAdmin { return "role (\(row.role.text))" }
    if row.passwordChangedAt != person.passwordChangedAt { return "password" }
    if row.isDisabledWhenRestored != person.isDisabledWhenRestored { return "status once it is restored" }
    if row.status != person.status.stored { return "status (\(row.status))" }
    if row.recoveryCodesLeft != person.app?.codes.count { return "number of recovery codes" }
    return nil
  }

  private func difference(of factors: SecondFactorRecord?, from person: SessionModel.Person) -> String? {
    if (factors != nil) != (person.app != nil || person.waiting != nil) { return "a row, or none" }
    guard let factors else { return nil }
    if factors.isEnabled != (person.app != nil) { return "enabled or not" }
    if let app = person.app, factors.lastStep != UInt64(app.lastStep) || factors.recoveryDigests.count != app.codes.count {
      return "step \(factors.lastStep) and \(factors.recoveryDigests.count) codes"
    }
    return factors.pending?.endsAt == person.waiting?.endsAt ? nil : "another enrolment"
  }

  private func difference(of row: SessionRecord, from login: SessionModel.Login) -> String? {
    if row.generation != login.generation { return "generation (\(row.generation))" }
    if row.authenticatedAt != login.authenticatedAt { return "time of proof" }
    if Int(row.replayCount) != login.replays { return "number of repeats (\(row.replayCount))" }
    return row.idleExpiresAt == login.idleEnd && row.expiresAt == login.end ? nil : "end"
  }
}

extension SessionModel.Status {
  var stored: UserRecord.Status {
    switch self {
    case .active: .active
    case .disabled: .disabled
    case .deleted: .deleted
    }
  }
}
