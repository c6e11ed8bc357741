// Second factors in a life: an app set up, confirmed, asked for and taken away, and codes right, wrong, early, late and used.

import Auth
import Codecs
import Repositories
import Storage
import TestSupport

extension SessionWorld {
  /// A code as somebody may type it: of this step or one nearby, of a step that was used, or of none.
  private func code(of secret: [UInt8]?, _ random: inout SeededGenerator) -> String {
    guard let secret, !random.once(in: 6) else { return "00\(random.number(1000..<10_000))" }
    let code = PlainTOTP.code(secret, now / 30_000 + Int64(random.pick([0, 0, 0, 0, -1, 1, -2, 2])))
    return random.once(in: 8) ? "\(code.prefix(3)) \(code.suffix(3))" : code
  }

  /// One of theirs, mostly; one that was used, one of others, or none at all.
  private func recoveryCode(of app: SessionModel.App?, _ random: inout SeededGenerator) -> String {
    let all = codes
    let code = random.once(in: 3) ? all.randomElement(using: &random) : app?.codes.randomElement(using: &random)
    guard let code, !random.once(in: 8) else { return "0000-1111-2222-3333" }
    switch random.number(0..<4) {
    case 0: return code.uppercased()
    case 1: return code.filter { $0 != "-" }
    default: return code
    }
  }

  /// The second half of a login, with a token of late or an old one.
  func finish(_ random: inout SeededGenerator) throws(Complaint) {
    try deliver()
    let pending = letters.filter { $0.purpose == .pendingLogin }
    guard var letter = pending.last else { return }
    if random.once(in: 3) { letter = random.pick(pending) }
    var place: Int? = letter.token
    var text = letter.text
    if random.once(in: 12), let other = letters.randomElement(using: &random) {
      // A token of another purpose, as it is or dressed up.
      text = random.once(in: 2) ? other.text : "uml1_" + other.text.dropFirst(5)
      place = other.purpose == .pendingLogin ? other.token : nil
    }
    let app = model.people[model.tokens[letter.token].person]?.app
    let method = random.once(in: 4) ? SecondFactorMethod.recoveryCode : .totp
    let code = (method == .totp) != random.once(in: 12) ? code(of: app?.secret, &random) : recoveryCode(of: app, &random)
    let client = random.pick(PlainClient.all)
    // The same code twice in a row, with what is left of the login.
    for _ in 0..<random.pick([1, 1, 1, 2]) { try finish(text, place, method, code, from: client) }
  }

  private func finish(
    _ text: String, _ place: Int?, _ method: SecondFactorMethod, _ code: String, from client: PlainClient
  ) throws(Complaint) {
    try deliver()
    let now = now
    let form = PendingLoginForm(mfaToken: .text(text), method: .text(method.rawValue), code: .text(code))
    let got = held { () throws(AuthError) in try sessions.login(form, from: client.origin) }
    try judge("second half with \(method)", got.refusal, model.finish(place, method, code, from: client, at: now))
    if let given = got.value {
      try keepNew(given, at: now)
      if bug == .codeTwice || bug == .codeKept { try giveBack(method, of: given.user.id) }
    }
    note(got.position)
  }

  /// Sets an app up, confirms it, takes it away, draws new recovery codes, or proves oneself with a code.
  func changeFactors(_ random: inout SeededGenerator) throws(Complaint) {
    guard let (login, principal) = try somebody(&random) else { return }
    let person = model.people[model.logins[login].person]
    let client = random.pick(PlainClient.all)
    switch random.number(0..<12) {
    case 0..<3: try enroll(login, principal, from: client)
    case 3..<8:
      if person?.waiting == nil && random.once(in: 2) { try enroll(login, principal, from: client) }
      try confirm(login, principal, from: client, &random)
    case 8..<10: try proveAgain(login, principal, code(of: person?.app?.secret, &random), from: client)
    case 10: try replaceCodes(login, principal, from: client)
    default:
      let now = now
      let got = held { () throws(AuthError) in try sessions.disableSecondFactors(principal, from: client.origin) }
      try judge("no factors", got.refusal, model.removeFactors(in: login, at: now))
      note(got.position)
    }
  }

  private func enroll(_ login: Int, _ principal: Principal, from client: PlainClient) throws(Complaint) {
    let now = now
    let got = held { () throws(AuthError) in try sessions.enroll(principal, from: client.origin) }
    let secret = got.value.flatMap { Base32.decode($0.secret.utf8.span) } ?? []
    if got.value != nil, secret.count != 20 { throw Complaint("a secret of \(secret.count) bytes") }
    try judge("enroll", got.refusal, model.enroll(in: login, secret: secret, at: now))
    note(got.position)
    try deliver()
  }

  private func confirm(
    _ login: Int, _ principal: Principal, from client: PlainClient, _ random: inout SeededGenerator
  ) throws(Complaint) {
    let now = now
    let code = code(of: model.people[model.logins[login].person]?.waiting?.secret, &random)
    let got = held { () throws(AuthError) in
      try sessions.confirm(CodeForm(code: .text(code)), by: principal, from: client.origin)
    }
    let expected = model.confirm(in: login, code: code, codes: got.value ?? [], at: now)
    try judge("confirm", got.refusal, expected)
    try keepCodes(got.value)
    note(got.position)
  }

  private func replaceCodes(_ login: Int, _ principal: Principal, from client: PlainClient) throws(Complaint) {
    let now = now
    let got = held { () throws(AuthError) in try sessions.replaceRecoveryCodes(principal, from: client.origin) }
    try judge("new recovery codes", got.refusal, model.replaceCodes(in: login, codes: got.value ?? [], at: now))
    try keepCodes(got.value)
    note(got.position)
  }

  private func keepCodes(_ fresh: [String]?) throws(Complaint) {
    guard let fresh else { return }
    if Set(fresh).count != 10 || !Set(fresh).isDisjoint(with: codes) { throw Complaint("recovery codes \(fresh)") }
    codes += fresh
  }

  private func proveAgain(_ login: Int, _ principal: Principal, _ code: String, from client: PlainClient) throws(Complaint) {
    let now = now
    let form = ReauthForm(password: .absent, code: .text(code))
    let got = held { () throws(AuthError) in try sessions.reauthenticate(form, by: principal, from: client.origin) }
    try judge("reauth with a code", got.refusal, model.reauthenticate(in: login, code: code, at: now))
    if let given = got.value { try keep(given, login: login, at: now) }
    note(got.position)
  }
}
