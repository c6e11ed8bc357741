// After a restart: whether everything that a client was told is true, and nothing is there by half.

import Codecs
import TestSupport

extension FleetClient {
  /// Holds a restarted server to all answers of the last round, settles what was in doubt, and forgets what is over.
  ///
  /// - Parameter checked: how many accounts an earlier call has seen already.
  func verify(port: UInt16, adminToken: String, accountsFrom checked: Int) {
    do throws(ClientError) {
      let client = try HTTPClient(port: port)
      for account in accounts[checked...] { try verify(account, client, adminToken) }
      for index in sessions.indices { try verify(session: index, client) }
      try settle(client, adminToken)
    } catch { complain("cannot verify: \(error)") }
    doubt = .nothing
    sessions.removeAll { !$0.isLive }
  }

  private func verify(_ account: Account, _ client: HTTPClient, _ adminToken: String) throws(ClientError) {
    let byID = try client.request("GET", "/api/v1/users/\(account.id)", token: adminToken)
    if byID.status != 200 || byID.json["email"]?.string != account.email {
      complain("the answered account \(account.email) is gone: \(byID.status) by id")
    }
    if account.isWaiting { return }
    let login = try client.request("POST", "/api/auth/login", json: Self.login(account.email))
    if login.status != 200 || login.json["user"]?["id"]?.string != account.id {
      complain("the answered account \(account.email) is lost: login gives \(login.status) \(login.code ?? "")")
      return
    }
    // A user has a bounded number of sessions; this one must not push out another.
    _ = try client.request("POST", "/api/auth/logout", token: login.json["token"]?.string)
  }

  private func verify(session index: Int, _ client: HTTPClient) throws(ClientError) {
    let session = sessions[index], name = "session \(session.id) of \(accounts[session.account].email)"
    let me = try client.request("GET", "/api/auth/me", token: session.accessToken)
    let refreshed = try refresh(session, client)
    let isAlive: Bool
    switch (me.status, refreshed.status) {
    case (200, 200): isAlive = true
    case (401, 401): isAlive = false
    default:
      complain("\(name) is half there: me \(me.status) \(me.code ?? ""), refresh \(refreshed.status) \(refreshed.code ?? "")")
      return
    }
    if isAlive {
      if me.json["id"]?.string != accounts[session.account].id { complain("\(name) belongs to somebody else") }
      if refreshed.json["session"]?["id"]?.string != session.id { complain("\(name) became another session") }
      adopt(refreshed, index)
    }
    if case .logout(index) = doubt {
      sessions[index].isLive = isAlive
    } else if isAlive != session.isLive {
      complain(isAlive ? "the answered logout of \(name) is lost" : "\(name), or an answered rotation of it, is lost")
      sessions[index].isLive = isAlive
    }
  }

  /// An account in doubt is there with all that belongs to it, or not at all.
  private func settle(_ client: HTTPClient, _ adminToken: String) throws(ClientError) {
    switch doubt {
    case .nothing, .login, .refresh, .logout: return
    case .registration(let email):
      let login = try client.request("POST", "/api/auth/login", json: Self.login(email))
      let again = try client.request("POST", "/api/auth/register", json: Self.registration(email))
      switch (login.status, again.status) {
      case (200, 409):
        accounts.append(Account(email: email, id: login.json["user"]?["id"]?.string ?? "", isWaiting: false))
      case (401, 201):
        accounts.append(Account(email: email, id: again.json["user"]?["id"]?.string ?? "", isWaiting: false))
      default: complain("\(email) is half there: login \(login.status), register again \(again.status)")
      }
    case .creation(let email):
      let again = try client.request("POST", "/api/v1/users", token: adminToken, json: Self.creation(email))
      switch again.status {
      case 201: accounts.append(Account(email: email, id: again.json["id"]?.string ?? "", isWaiting: true))
      case 409: strayEmails.append(email)
      default: complain("\(email) is half there: create again \(again.status)")
      }
    }
  }
}
