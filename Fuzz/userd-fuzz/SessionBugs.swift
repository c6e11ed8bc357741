// The planted bugs of the session rigs that change the store behind the services' back.

import Auth
import Codecs
import Repositories
import Storage

extension SessionWorld {
  private func plant(_ body: (inout Writing) throws(RepositoryError) -> Void) throws(Complaint) {
    do throws(RepositoryError) { _ = try store.write(body) } catch { throw Complaint("\(error)") }
  }

  /// The row of a session is there again.
  func bringBack(_ login: Int) throws(Complaint) {
    guard let id = model.logins[login].id, let user = model.people[model.logins[login].person]?.id else { return }
    let row = SessionRecord(
      id: id.uuid, userID: user.uuid, userEpoch: model.logins[login].epoch, methods: .password, createdAt: now,
      idleExpiresAt: model.logins[login].idleEnd, expiresAt: model.logins[login].end, seed: InlineArray(repeating: 0),
      ipPrefix: "", userAgent: "", deviceName: nil)
    try plant { (transaction) throws(RepositoryError) in try store.sessions.insert(row, in: &transaction) }
  }

  /// A one-time token that was used is as good as new.
  func bringBack(_ token: Int, _ text: String) throws(Complaint) {
    let spent = model.tokens[token]
    guard let person = model.people[spent.person], let id = person.id else { return }
    let row = OneTimeTokenRecord(
      digest: digest(of: text, spent.purpose), purpose: spent.purpose, userID: id.uuid, userEpoch: person.epoch,
      createdAt: spent.issuedAt, expiresAt: spent.endsAt)
    try plant { (transaction) throws(RepositoryError) in try store.oneTimeTokens.insert(row, in: &transaction) }
  }

  /// Half a login outlives a change of the password.
  func bringBackHalfLogin(of number: Int) throws(Complaint) {
    guard let half = letters.last(where: { $0.purpose == .pendingLogin && model.tokens[$0.token].person == number }) else {
      return
    }
    try bringBack(half.token, half.text)
  }

  /// A code may be taken again: the step of the app is forgotten, or the recovery code is there once more.
  func giveBack(_ method: SecondFactorMethod, of id: UserID) throws(Complaint) {
    try plant { (transaction) throws(RepositoryError) in
      guard let old = try store.users.find(id.uuid, in: &transaction),
        var factors = try store.secondFactors.find(of: id.uuid, in: &transaction)
      else { return }
      switch method {
      case .totp: if bug == .codeTwice { factors.lastStep = 0 }
      case .recoveryCode:
        if bug == .codeKept, let first = factors.recoveryDigests.first { factors.recoveryDigests.append(first) }
      }
      var user = old
      try store.secondFactors.put(factors, noting: &user, in: &transaction)
      try store.users.update(user, replacing: old, in: &transaction)
    }
  }

  /// What was counted before a restart is counted no more.
  func forgetFailures() throws(Complaint) {
    try plant { (transaction) throws(RepositoryError) in
      _ = try store.throttle.sweep(endedBy: now + 1_000_000_000, limit: 1000, in: &transaction)
    }
  }
}
