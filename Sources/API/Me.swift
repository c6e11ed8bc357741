// GET /api/auth/me: the account of whoever asks.

import Auth
import HTTP

extension Services {
  @Sendable func me(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    try calling(request) { () throws(AuthError) in
      try accounts.withMe(principal) { user, bytes in response.write(user, bytes, unless: request) }
    }
  }
}
