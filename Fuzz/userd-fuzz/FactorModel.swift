// What the contract says of authenticator apps and recovery codes: RFC 6238 word for word, and which code counts how often.

import Auth
import Repositories
import TestSupport

extension SessionModel {
  /// An app that a login asks for.
  struct App {
    let secret: [UInt8]
    /// The newest step whose code was taken.
    var lastStep: Int64
    /// Recovery codes that are left.
    var codes: [String]
  }

  /// Steps of 30 seconds around now in which this is the code of a secret.
  static func steps(of code: String, _ secret: [UInt8], at now: Int64) -> [Int64] {
    let step = now / 30_000
    return [step - 1, step, step + 1].filter { PlainTOTP.code(secret, $0) == code.filter { $0 != " " } }
  }

  private mutating func takeFromApp(_ code: String, of number: Int, at now: Int64) -> Bool {
    guard let app = people[number]?.app, let step = Self.steps(of: code, app.secret, at: now).last, step > app.lastStep else {
      return false
    }
    people[number]?.app?.lastStep = step
    return true
  }

  private mutating func takeRecovery(_ code: String, of number: Int) -> Bool {
    let digits = code.lowercased().filter { $0 != "-" && $0 != " " }
    guard let place = people[number]?.app?.codes.firstIndex(where: { $0.filter { $0 != "-" } == digits }) else { return false }
    people[number]?.app?.codes.remove(at: place)
    return true
  }

  /// The second half of a login.
  ///
  /// - Parameter token: nil for one that nobody made.
  mutating func finish(
    _ token: Int?, _ method: SecondFactorMethod, _ code: String, from client: PlainClient, at now: Int64
  ) -> Refusal? {
    guard let token, tokens[token].purpose == .pendingLogin, lives(tokens[token], at: now) else { return .error(.mfaInvalid) }
    let number = tokens[token].person
    let keys = ThrottleModel.code(number)
    if let refusal = throttle.refusal(keys, at: now) { return .throttled(refusal) }
    let isTaken: Bool =
      switch method {
      case .totp: takeFromApp(code, of: number, at: now)
      case .recoveryCode: takeRecovery(code, of: number)
      }
    guard isTaken else {
      tokens[token].tries += 1
      if tokens[token].tries == 5 { tokens[token].isThere = false }
      return fail(.codeFailed, keys, .mfaInvalid, at: now)
    }
    tokens[token].isThere = false
    makeRoom(number, at: now)
    begin(number, from: client, at: now)
    if method == .recoveryCode { note(.recoveryCodeUsed) }
    return nil
  }

  /// A code of the app in place of the password.
  mutating func reauthenticate(in login: Int, code: String, at now: Int64) -> Refusal? {
    let number = logins[login].person
    let keys = ThrottleModel.code(number)
    if let refusal = throttle.refusal(keys, at: now) { return .throttled(refusal) }
    guard takeFromApp(code, of: number, at: now) else { return fail(.reauthFailed, keys, .mfaInvalid, at: now) }
    logins[login].authenticatedAt = now
    note(.sessionReauthenticated)
    return nil
  }

  /// - Parameter secret: what the answer says.
  mutating func enroll(in login: Int, secret: [UInt8], at now: Int64) -> AuthError? {
    guard isRecent(login, at: now) else { return .reauthRequired }
    people[logins[login].person]?.waiting = (secret, now + 3_600_000)
    note(.totpEnrolled)
    return nil
  }

  /// - Parameter codes: what the answer says.
  mutating func confirm(in login: Int, code: String, codes: [String], at now: Int64) -> Refusal? {
    guard isRecent(login, at: now) else { return .error(.reauthRequired) }
    let number = logins[login].person
    guard let waiting = people[number]?.waiting, now < waiting.endsAt else { return .error(.notFound) }
    let keys = ThrottleModel.code(number)
    if let refusal = throttle.refusal(keys, at: now) { return .throttled(refusal) }
    guard let step = Self.steps(of: code, waiting.secret, at: now).last else {
      return fail(.codeFailed, keys, .mfaInvalid, at: now)
    }
    people[number]?.app = App(secret: waiting.secret, lastStep: step, codes: codes)
    people[number]?.waiting = nil
    void([.pendingLogin], of: number)
    note(.totpEnabled)
    return nil
  }

  mutating func removeFactors(in login: Int, at now: Int64) -> AuthError? {
    guard isRecent(login, at: now) else { return .reauthRequired }
    let number = logins[login].person
    guard let person = people[number], person.app != nil || person.waiting != nil else { return .notFound }
    people[number]?.app = nil
    people[number]?.waiting = nil
    void([.pendingLogin], of: number)
    note(.totpDisabled)
    return nil
  }

  /// - Parameter codes: what the answer says.
  mutating func replaceCodes(in login: Int, codes: [String], at now: Int64) -> AuthError? {
    guard isRecent(login, at: now) else { return .reauthRequired }
    guard people[logins[login].person]?.app != nil else { return .notFound }
    people[logins[login].person]?.app?.codes = codes
    note(.recoveryCodesReplaced)
    return nil
  }
}
