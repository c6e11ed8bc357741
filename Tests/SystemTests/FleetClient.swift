// One client of the fleet: it works as fast as it is answered, and remembers exactly what it was told.

import Codecs
import TestSupport

/// A client with its accounts and sessions. One thread uses it at a time; they hand it over by joining.
final class FleetClient: @unchecked Sendable {
  static let password = "correct horse battery"
  static let maxLiveSessions = 6

  struct Account {
    let email: String
    let id: String
    /// Whether it was made by the administrator, without a password, so that nobody can log in.
    let isWaiting: Bool
  }

  struct Session {
    let account: Int
    let id: String
    var accessToken: String
    var refreshToken: String
    /// The key that refreshes of this session carry, or nil if they carry none.
    let idempotencyKey: String?
    var isLive = true
  }

  /// The request that was sent and not answered: it was done or it was not, but never by half.
  enum Doubt {
    case nothing
    case registration(email: String)
    case creation(email: String)
    case login
    case refresh(session: Int)
    case logout(session: Int)
  }

  let number: Int
  var accounts: [Account] = []
  var sessions: [Session] = []
  var doubt = Doubt.nothing
  /// Accounts that exist although their creation was never answered, whose ids nobody knows.
  var strayEmails: [String] = []
  var answeredCount = 0
  /// What must not have happened, in words.
  var complaints: [String] = []

  private var random: SeededGenerator
  private var nextName = 0

  init(number: Int, seed: UInt64) {
    self.number = number
    random = SeededGenerator(seed: seed)
  }

  /// Sends requests until the server ends the connection, or says that it is stopping.
  func work(port: UInt16, adminToken: String) {
    do throws(ClientError) {
      let client = try HTTPClient(port: port)
      while try act(client, adminToken) {
        doubt = .nothing
        answeredCount += 1
      }
    } catch {
      switch error {
      case .closed, .cannotConnect: break
      case .tooSlow, .malformed: complain("the server stopped answering rightly: \(error)")
      }
    }
  }

  func complain(_ text: String) { complaints.append("client \(number): \(text)") }

  /// One request and its answer; false if the server said that it is stopping.
  private func act(_ client: HTTPClient, _ adminToken: String) throws(ClientError) -> Bool {
    let live = sessions.indices.filter { sessions[$0].isLive }
    let loginable = accounts.indices.filter { !accounts[$0].isWaiting }
    guard let session = live.randomElement(using: &random), let account = loginable.randomElement(using: &random) else {
      return try register(client)
    }
    if live.count >= Self.maxLiveSessions { return try logOut(client, session) }
    switch random.number(0..<100) {
    case 0..<55: return try refresh(client, session)
    case 55..<70: return try register(client)
    case 70..<80: return try logIn(client, account)
    case 80..<92: return try logOut(client, session)
    default: return try create(client, adminToken)
    }
  }

  private func register(_ client: HTTPClient) throws(ClientError) -> Bool {
    let email = newEmail()
    doubt = .registration(email: email)
    let answer = try client.request("POST", "/api/auth/register", json: Self.registration(email))
    guard expect(201, answer, "register") else { return false }
    accounts.append(Account(email: email, id: answer.json["user"]?["id"]?.string ?? "", isWaiting: false))
    remember(answer, account: accounts.count - 1)
    return true
  }

  private func create(_ client: HTTPClient, _ adminToken: String) throws(ClientError) -> Bool {
    let email = newEmail()
    doubt = .creation(email: email)
    let answer = try client.request("POST", "/api/v1/users", token: adminToken, json: Self.creation(email))
    guard expect(201, answer, "create") else { return false }
    accounts.append(Account(email: email, id: answer.json["id"]?.string ?? "", isWaiting: true))
    return true
  }

  private func logIn(_ client: HTTPClient, _ account: Int) throws(ClientError) -> Bool {
    doubt = .login
    let answer = try client.request("POST", "/api/auth/login", json: Self.login(accounts[account].email))
    guard expect(200, answer, "login") else { return false }
    remember(answer, account: account)
    return true
  }

  private func refresh(_ client: HTTPClient, _ session: Int) throws(ClientError) -> Bool {
    doubt = .refresh(session: session)
    let answer = try refresh(sessions[session], client)
    guard expect(200, answer, "refresh") else { return false }
    adopt(answer, session)
    return true
  }

  private func logOut(_ client: HTTPClient, _ session: Int) throws(ClientError) -> Bool {
    doubt = .logout(session: session)
    let answer = try client.request("POST", "/api/auth/logout", token: sessions[session].accessToken)
    guard expect(204, answer, "logout") else { return false }
    sessions[session].isLive = false
    return true
  }

  /// Presents the newest refresh token that a session was given.
  func refresh(_ session: Session, _ client: HTTPClient) throws(ClientError) -> HTTPAnswer {
    try client.request(
      "POST", "/api/auth/refresh", headers: session.idempotencyKey.map { ["Idempotency-Key: \($0)"] } ?? [],
      json: #"{"refreshToken":"\#(session.refreshToken)"}"#)
  }

  /// Keeps the tokens of a refresh.
  func adopt(_ answer: HTTPAnswer, _ session: Int) {
    sessions[session].accessToken = answer.json["token"]?.string ?? ""
    sessions[session].refreshToken = answer.json["refreshToken"]?.string ?? ""
  }

  static func registration(_ email: String) -> String { #"{"email":"\#(email)","password":"\#(password)","name":"Somebody"}"# }
  static func creation(_ email: String) -> String { #"{"email":"\#(email)","name":"Somebody"}"# }
  static func login(_ email: String) -> String { #"{"email":"\#(email)","password":"\#(password)"}"# }

  private func remember(_ answer: HTTPAnswer, account: Int) {
    let json = answer.json
    let key = random.number(0..<2) == 0 ? "key-\(number)-\(random.next())" : nil
    sessions.append(
      Session(
        account: account, id: json["session"]?["id"]?.string ?? "", accessToken: json["token"]?.string ?? "",
        refreshToken: json["refreshToken"]?.string ?? "", idempotencyKey: key))
  }

  /// Whether the answer is the only one that this request may get from a healthy server; a stopping one may say so.
  private func expect(_ status: Int, _ answer: HTTPAnswer, _ what: String) -> Bool {
    if answer.status == status { return true }
    if answer.status == 503 && answer.code == "draining" {
      doubt = .nothing
    } else {
      complain("\(what) got \(answer.status) \(answer.code ?? "")")
    }
    return false
  }

  private func newEmail() -> String {
    nextName += 1
    return "c\(number)-\(nextName)@example.org"
  }
}
