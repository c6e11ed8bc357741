// GET /api/v1/users/{id}: one account.

import Auth
import HTTP

extension Services {
  @Sendable func getUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userID()
    try calling(request) { () throws(AuthError) in
      try accounts.withUser(id, by: authority) { user, bytes in response.write(user, bytes, unless: request) }
    }
  }
}
