// Passwords, addresses and administration in a life: changed, forgotten, reset and proven, with tokens right, used, late and of other kinds.

import Auth
import Platform
import Repositories
import Storage
import TestSupport

extension SessionWorld {
  /// A new password, or the old one once more, from within a session that lives.
  func proveAgain(_ random: inout SeededGenerator) throws(Complaint) {
    guard let (login, principal) = try somebody(&random) else { return }
    let now = now
    let number = model.logins[login].person
    let client = random.pick(PlainClient.all)
    let right = model.people[number]?.password ?? 0
    let current = random.once(in: 3) ? (right + 1) % Self.passwordCount : right
    if random.once(in: 2) {
      let form = ReauthForm(password: .text(Self.password(current)), code: .absent)
      let got = held { () throws(AuthError) in try sessions.reauthenticate(form, by: principal, from: client.origin) }
      try judge("reauth", got.refusal, model.reauthenticate(in: login, with: current, by: client, at: now))
      if let given = got.value { try keep(given, login: login, at: now) }
      return note(got.position)
    }
    let new = (current + random.number(1..<Self.passwordCount)) % Self.passwordCount
    let keeps = random.once(in: 2)
    let form = PasswordChangeForm(
      currentPassword: .text(Self.password(current)), newPassword: .text(Self.password(new)),
      keepSessions: keeps ? .flag(true) : .absent)
    let got = held { () throws(AuthError) in try sessions.changePassword(form, by: principal, from: client.origin) }
    let expected = model.changePassword(in: login, from: current, to: new, keepsSessions: keeps, by: client, at: now)
    try judge("password change", got.refusal, expected)
    if got.refusal == nil, bug == .halfLogin { try bringBackHalfLogin(of: number) }
    note(got.position)
  }

  // MARK: Messages

  /// Asks for a message or brings what came in one.
  func useMail(_ random: inout SeededGenerator) throws(Complaint) {
    switch random.number(0..<12) {
    case 0..<2: try forget(&random)
    case 2: try makeResetLink(&random)
    case 3..<6: try reset(&random)
    case 6..<9: try verify(&random)
    case 9: try sendAgain(&random)
    default: try changeAddress(&random)
    }
    if random.once(in: 2) { try collectMail(isThere: !random.once(in: 10)) }
  }

  private func forget(_ random: inout SeededGenerator) throws(Complaint) {
    let now = now
    let (address, client) = (random.number(0..<Self.addressCount), random.pick(PlainClient.all))
    let form = ForgotForm(email: .text(Self.address(address)))
    let got = held { () throws(AuthError) in try services.recovery.forgot(form, from: client.origin) }
    try judge("forgot \(address)", got.refusal, model.forget(address, from: client, at: now))
    note(got.position)
  }

  private func makeResetLink(_ random: inout SeededGenerator) throws(Complaint) {
    let now = now
    guard let number = model.people.keys.sorted().randomElement(using: &random), let id = model.people[number]?.id else { return }
    let got = held { () throws(AuthError) in try services.recovery.resetLink(for: id, by: .owner) }
    try judge("reset link of account \(number)", got.refusal, model.makeResetLink(number, at: now))
    if let link = got.value {
      if link.expiresAt != now + 30 * 60_000 { throw Complaint("a reset link until \(link.expiresAt)") }
      keepLetter(Letter(token: model.tokens.count - 1, purpose: .reset, text: link.code))
    }
    note(got.position)
  }

  /// A token that is to be tried as one of these purposes, mostly one of late that is one.
  private func letter(
    for purposes: [OneTimePurpose], _ random: inout SeededGenerator
  ) -> (text: String, token: Int?)? {
    let fitting = letters.filter { purposes.contains($0.purpose) }
    guard let letter = random.once(in: 4) ? letters.randomElement(using: &random) : fitting.last else { return nil }
    if random.once(in: 12) {
      var forged = Array(letter.text.utf8)
      forged[random.number(5..<forged.count)] ^= UInt8(1 << random.number(0..<5))
      return (String(decoding: forged, as: UTF8.self), nil)
    }
    if purposes.contains(letter.purpose) { return (letter.text, letter.token) }
    // Another's digits behind the right prefix.
    let prefix = purposes[0] == .reset ? "upr1_" : "uev1_"
    return (random.once(in: 2) ? letter.text : prefix + letter.text.dropFirst(5), nil)
  }

  private func reset(_ random: inout SeededGenerator) throws(Complaint) {
    try deliver()
    let now = now
    guard let (text, token) = letter(for: [.reset], &random) else { return }
    let password = random.number(0..<Self.passwordCount)
    let client = random.pick(PlainClient.all)
    if random.once(in: 6) {
      // A password that is refused uses nothing up.
      let weak = ResetForm(token: .text(text), newPassword: .text("short"))
      let got = held { () throws(AuthError) in try services.recovery.reset(weak, from: client.origin) }
      let lives = token.map { model.lives(model.tokens[$0], at: now) } ?? false
      guard case .invalid? = got.refusal, lives else {
        return try judge("reset to a weak password", got.refusal, lives ? nil : AuthError.tokenUsedOrExpired)
      }
    }
    let form = ResetForm(token: .text(text), newPassword: .text(Self.password(password)))
    let got = held { () throws(AuthError) in try services.recovery.reset(form, from: client.origin) }
    try judge("reset", got.refusal, model.reset(token, to: password, at: now))
    if got.refusal == nil, let token, bug == .tokenTwice { try bringBack(token, text) }
    note(got.position)
  }

  private func verify(_ random: inout SeededGenerator) throws(Complaint) {
    let now = now
    guard let (text, token) = letter(for: [.verifyEmail, .changeEmail], &random) else { return }
    let got = held { () throws(AuthError) in
      try services.recovery.verify(VerificationForm(token: .text(text)), from: random.pick(PlainClient.all).origin)
    }
    try judge("verify", got.refusal, model.verify(token, at: now))
    note(got.position)
  }

  private func sendAgain(_ random: inout SeededGenerator) throws(Complaint) {
    guard let (login, principal) = try somebody(&random) else { return }
    let now = now
    let client = random.pick(PlainClient.all)
    let got = held { () throws(AuthError) in try services.recovery.resendVerification(by: principal, from: client.origin) }
    try judge("resend", got.refusal, model.sendAgain(in: login, from: client, at: now))
    note(got.position)
  }

  private func changeAddress(_ random: inout SeededGenerator) throws(Complaint) {
    guard let (login, principal) = try somebody(&random) else { return }
    let now = now
    let (address, client) = (random.number(0..<Self.addressCount), random.pick(PlainClient.all))
    let right = model.people[model.logins[login].person]?.password ?? 0
    let password = random.once(in: 5) ? (right + 1) % Self.passwordCount : right
    let form = EmailChangeForm(newEmail: .text(Self.address(address)), password: .text(Self.password(password)))
    let got = held { () throws(AuthError) in try services.recovery.changeEmail(form, by: principal, from: client.origin) }
    let expected = model.changeAddress(in: login, to: address, password: password, from: client, at: now)
    try judge("change to address \(address)", got.refusal, expected)
    note(got.position)
  }

  // MARK: Administration

  /// Disabled, enabled, deleted, restored, erased, made an administrator or none: as the owner of the data folder does it.
  func changePerson(_ random: inout SeededGenerator) throws(Complaint) {
    guard let number = model.people.keys.sorted().randomElement(using: &random), let id = model.people[number]?.id else { return }
    let change = random.pick(SessionModel.Change.allCases)
    if change == .erase && !random.once(in: 3) { return }
    let address = random.number(0..<Self.addressCount)
    let expected = model.change(number, change, to: address)
    let got = held { () throws(AuthError) -> LogPosition in
      try self.change(id, change, to: address)
    }
    try judge("\(change) account \(number)", got.refusal, expected)
    note(got.position)
  }

  private func change(_ id: UserID, _ change: SessionModel.Change, to address: Int) throws(AuthError) -> LogPosition {
    let accounts = services.accounts
    switch change {
    case .disable: return try accounts.disable(id, by: .owner).position
    case .enable: return try accounts.enable(id, by: .owner).position
    case .delete: return try accounts.delete(id, by: .owner).position
    case .restore: return try accounts.restore(id, by: .owner).position
    case .erase: return try accounts.erase(id, by: .owner)
    case .promote: return try accounts.update(id, AccountEditForm(role: .text("admin")), by: .owner).position
    case .demote: return try accounts.update(id, AccountEditForm(role: .text("user")), by: .owner).position
    case .unlock: return try accounts.unlock(id, by: .owner).position
    case .takeFactors: return try accounts.resetSecondFactors(id, by: .owner).position
    case .move: return try accounts.update(id, AccountEditForm(email: .text(Self.address(address))), by: .owner).position
    }
  }

  /// A new key signs; those before are accepted until their last token has expired, or not at all.
  func rotateKeys(_ random: inout SeededGenerator) throws(Complaint) {
    try deliver()
    let now = now
    let isAtOnce = random.once(in: 4)
    let kept = isAtOnce ? [] : accepted.filter { ($0.until ?? .max) > now }
    let form = RotationForm(ending: isAtOnce && bug != .staleKey ? .text("at_once") : .absent)
    let got = held { () throws(AuthError) in (try services.keys.rotate(form, by: .owner), sessions.heldPosition) }
    if kept.count >= 16 { return try judge("rotation", got.refusal, AuthError.rotationRefused(.tooOften)) }
    try judge("rotation\(isAtOnce ? " at once" : "")", got.refusal, Refusal?.none)
    signingKey += 1
    // An hour and a minute: longer than any token lives.
    accepted = kept.map { ($0.key, min($0.until ?? .max, now + 3_660_000)) } + [(signingKey, nil)]
    if got.value?.count != accepted.count, bug == nil { throw Complaint("\(got.value?.count ?? 0) keys, not \(accepted.count)") }
    model.note(.keysRotated)
    note(got.position)
  }
}
