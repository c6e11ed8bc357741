// What the contract says of passwords, of what an administrator does to an account, and of tokens that are sent to an address.

import Auth
import Repositories

extension SessionModel {
  /// A token that works once. Those that are used up stay, so that they can be tried again.
  struct OneTime {
    let purpose: OneTimePurpose
    let person: Int
    let epoch: UInt32
    /// The address that it was sent to, and that the account has once it comes back.
    let address: Int
    let issuedAt: Int64
    let endsAt: Int64
    /// Codes that were wrong beside it.
    var tries = 0
    var isThere = true
  }

  mutating func issue(_ purpose: OneTimePurpose, to number: Int, for address: Int, at now: Int64) {
    let rows = tokens.indices.filter { tokens[$0].isThere && tokens[$0].person == number && tokens[$0].purpose == purpose }
    // Of what is sent the newest alone counts; eight logins may be half done.
    let most = purpose == .pendingLogin ? 8 : 1
    for row in rows.prefix(max(0, rows.count - most + 1)) { tokens[row].isThere = false }
    let minutes: Int64 =
      switch purpose {
      case .reset: 30
      case .verifyEmail, .changeEmail: 24 * 60
      case .pendingLogin: 5
      }
    tokens.append(
      OneTime(
        purpose: purpose, person: number, epoch: people[number]?.epoch ?? 0, address: address, issuedAt: now,
        endsAt: now + minutes * 60_000))
  }

  /// Whether a token opens what it is for.
  func lives(_ token: OneTime, at now: Int64) -> Bool {
    guard let person = people[token.person] else { return false }
    return token.isThere && now < token.endsAt && token.epoch == person.epoch && person.status != .deleted
  }

  mutating func void(_ purposes: [OneTimePurpose] = OneTimePurpose.allCases, of number: Int) {
    for index in tokens.indices where tokens[index].person == number && purposes.contains(tokens[index].purpose) {
      tokens[index].isThere = false
    }
  }

  // MARK: Passwords

  /// A new password from within a session, which goes on; the others end unless they shall not.
  mutating func changePassword(
    in login: Int, from current: Int, to new: Int, keepsSessions: Bool, by client: PlainClient, at now: Int64
  ) -> Refusal? {
    let number = logins[login].person
    if let refusal = proveAgain(current, of: number, by: client, at: now) { return refusal }
    people[number]?.password = new
    people[number]?.passwordChangedAt = now
    void(of: number)
    for row in rows(of: number) where row != login && !keepsSessions { logins[row].isThere = false }
    note(.passwordChanged)
    return nil
  }

  /// The password once more: the login is a recent one again.
  mutating func reauthenticate(in login: Int, with password: Int, by client: PlainClient, at now: Int64) -> Refusal? {
    if let refusal = proveAgain(password, of: logins[login].person, by: client, at: now) { return refusal }
    logins[login].authenticatedAt = now
    note(.sessionReauthenticated)
    return nil
  }

  /// Whoever has a session is no stranger, but guesses no faster than one.
  private mutating func proveAgain(_ password: Int, of number: Int, by client: PlainClient, at now: Int64) -> Refusal? {
    let keys = ThrottleModel.login(people[number]?.address ?? 0, from: client)
    if let refusal = throttle.refusal(keys, isKnown: true, at: now) { return .throttled(refusal) }
    guard people[number]?.password == password else { return fail(.reauthFailed, keys, .invalidCredentials, at: now) }
    throttle.clear(keys)
    return nil
  }

  /// The same answer whether or not anybody has the address; only the mailbox knows.
  mutating func forget(_ address: Int, from client: PlainClient, at now: Int64) -> Refusal? {
    let keys = ThrottleModel.message(to: address, from: client)
    if let refusal = throttle.refusal(keys, at: now) { return .limited(refusal) }
    throttle.count(keys, at: now)
    if let number = person(at: address), people[number]?.status == .active {
      issue(.reset, to: number, for: address, at: now)
    }
    note(.resetRequested)
    return nil
  }

  mutating func makeResetLink(_ number: Int, at now: Int64) -> AuthError? {
    guard let person = people[number], person.status != .deleted else { return .notFound }
    issue(.reset, to: number, for: person.address, at: now)
    note(.resetLinkMade)
    return nil
  }

  /// - Parameter token: nil for one that nobody made, or of another purpose.
  mutating func reset(_ token: Int?, to password: Int, at now: Int64) -> AuthError? {
    guard let token, lives(tokens[token], at: now), let person = people[tokens[token].person] else { return .tokenUsedOrExpired }
    let number = tokens[token].person
    var new = person
    new.password = password
    new.passwordChangedAt = now
    // Whoever had not shown that the address is theirs may have prepared the account for its owner.
    if !person.isVerified { (new.app, new.waiting) = (nil, nil) }
    new.isVerified = true
    new.epoch += 1
    people[number] = new
    void(of: number)
    for row in rows(of: number) { logins[row].isThere = false }
    throttle.forgive(address: person.address)
    note(.passwordReset)
    return nil
  }

  // MARK: Addresses

  mutating func verify(_ token: Int?, at now: Int64) -> AuthError? {
    guard let token, lives(tokens[token], at: now) else { return .tokenUsedOrExpired }
    let (number, address) = (tokens[token].person, tokens[token].address)
    tokens[token].isThere = false
    if tokens[token].purpose == .changeEmail {
      if let other = person(at: address), other != number { return .tokenUsedOrExpired }
      people[number]?.address = address
      void(of: number)
      note(.emailChanged)
    } else {
      note(.emailVerified)
    }
    people[number]?.isVerified = true
    return nil
  }

  mutating func sendAgain(in login: Int, from client: PlainClient, at now: Int64) -> Refusal? {
    let number = logins[login].person
    guard let person = people[number], !person.isVerified else { return nil }
    let keys = ThrottleModel.message(to: person.address, from: client)
    if let refusal = throttle.refusal(keys, at: now) { return .limited(refusal) }
    throttle.count(keys, at: now)
    issue(.verifyEmail, to: number, for: person.address, at: now)
    note(.verificationRequested)
    return nil
  }

  /// An address that somebody has gets the same answer, and its token goes nowhere.
  mutating func changeAddress(
    in login: Int, to address: Int, password: Int, from client: PlainClient, at now: Int64
  ) -> Refusal? {
    let number = logins[login].person
    guard let person = people[number] else { return .error(.sessionRevoked) }
    let keys = ThrottleModel.login(person.address, from: client)
    let isKnown = knows(client, nil, number, at: now)
    if let refusal = throttle.refusal(keys, isKnown: isKnown, at: now) { return .throttled(refusal) }
    guard person.password == password else { return fail(.loginFailed, keys, .invalidCredentials, at: now) }
    let message = ThrottleModel.message(to: address, from: client)
    if let refusal = throttle.refusal(message, at: now) { return .limited(refusal) }
    throttle.count(message, at: now)
    throttle.clear(keys)
    issue(.changeEmail, to: number, for: address, at: now)
    note(.emailChangeRequested)
    return nil
  }

  // MARK: Administration, by whom nothing is forbidden

  /// What an administrator does to an account.
  enum Change: CaseIterable {
    case disable, enable, delete, restore, erase, promote, demote, unlock, takeFactors, move
  }

  /// - Parameter address: where to move.
  mutating func change(_ number: Int, _ change: Change, to address: Int) -> AuthError? {
    guard let old = people[number] else { return .notFound }
    var person = old
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
    case .move:
      if let other = self.person(at: address), other != number { return .emailExists }
      if address != person.address { person.isVerified = false }
      person.address = address
    case .unlock:
      throttle.forgive(address: person.address)
      throttle.forgive(codesOf: number)
      note(.userUnlocked)
    case .takeFactors: takeFactors(&person, number)
    case .erase: break
    }
    let wasAdmin = old.status == .active && old.isAdmin
    let isAdmin = person.status == .active && person.isAdmin && change != .erase
    let others = people.contains { $0.key != number && $0.value.status == .active && $0.value.isAdmin }
    if wasAdmin && !isAdmin && !others { return .lastAdmin }
    noteChange(from: old, to: person)
    if change == .erase {
      note(.userErased)
    }
    let isOut = old.status != person.status && person.status != .active
    if isOut { person.epoch += 1 }
    if isOut || change == .erase {
      for row in rows(of: number) { logins[row].isThere = false }
      void(of: number)
    } else if person.address != old.address {
      void([.reset, .verifyEmail, .changeEmail], of: number)
    }
    people[number] = change == .erase ? nil : person
    return nil
  }

  private mutating func noteChange(from old: Person, to new: Person) {
    if old.status != new.status {
      switch new.status {
      case .active: note(old.status == .deleted ? .userRestored : .userEnabled)
      case .disabled: note(old.status == .deleted ? .userRestored : .userDisabled)
      case .deleted: note(.userDeleted)
      }
    } else if old.isDisabledWhenRestored != new.isDisabledWhenRestored {
      note(new.isDisabledWhenRestored ? .userDisabled : .userEnabled)
    }
    if old.isAdmin != new.isAdmin { note(.roleChanged) }
    if old.address != new.address { note(.emailChanged) }
  }

  private mutating func takeFactors(_ person: inout Person, _ number: Int) {
    guard person.app != nil || person.waiting != nil else { return }
    (person.app, person.waiting) = (nil, nil)
    void([.pendingLogin], of: number)
    throttle.forgive(codesOf: number)
    note(.factorsReset)
  }
}
