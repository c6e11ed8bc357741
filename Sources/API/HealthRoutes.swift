// GET /livez, /readyz and /healthz: for whoever restarts or balances.

import Auth
import Codecs
import HTTP

extension Services {
  /// 200 while the loops turn.
  @Sendable func livez(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    response.contentType = .json
    response.body.append("{\"status\":\"ok\"}")
  }

  /// 200 if requests should come here, else 503; `?verbose` says why, to those who may know.
  @Sendable func readyz(_ request: borrowing Request, _ response: inout Response) throws(Problem) {
    let health = operation.health()
    switch health.state {
    case .ok, .degraded: response.status = .ok
    case .fail, .draining:
      response.status = .serviceUnavailable
      response.header("Retry-After", "1")
    }
    let isVerbose = request.withQuery { $0.equals("verbose") } && mayKnowTheDetails(request)
    response.json { json in
      json.beginObject()
      json.key("status")
      json.string(health.state.rawValue)
      if isVerbose {
        json.key("checks")
        json.beginObject()
        for check in health.checks { json.member(check) }
        json.endObject()
      }
      json.endObject()
    }
  }

  /// Clients of this machine, and bearers of a token with `ops:read`.
  private func mayKnowTheDetails(_ request: borrowing Request) -> Bool {
    if request.isFromThisMachine { return true }
    let mayRead = request.withHeader(.authorization) { _ in () } != nil
    guard mayRead else { return false }
    do throws(Problem) {
      return try request.withBearerToken { token throws(Problem) in
        guard let token else { return false }
        let principal = try calling(request) { () throws(AuthError) in try sessions.authenticate(token) }
        return principal.restriction == nil && principal.permissions.contains(.opsRead)
      }
    } catch { return false }
  }
}

extension JSONWriter {
  fileprivate mutating func member(_ check: Health.Check) {
    key(check.name)
    beginObject()
    key("status")
    string(check.state.rawValue)
    if let since = check.since {
      key("since")
      timestamp(milliseconds: since)
    }
    if let why = check.why {
      key("why")
      string(why)
    }
    for (name, value) in check.facts {
      key(name)
      switch value {
      case .number(let number): integer(number)
      case .text(let text): string(text)
      }
    }
    endObject()
  }
}
