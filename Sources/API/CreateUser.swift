// POST /api/v1/users: an account made by an administrator.

import Auth
import HTTP

extension Services {
  @Sendable func createUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let form = try BodyMembers(request, knows: BodyMembers.ofNewAccount).accountForm
    if !form.password.isAbsent { try request.requireHashWorker() }
    _ = try answeringOnce(
      request, &response, "POST /api/v1/users", by: .authority(authority),
      { user in
        StoredAnswer(.created, location: "/api/v1/users/\(user.id)", revision: user.revision) { json in json.value(user) }
      }
    ) { (once) throws(AuthError) in try accounts.create(form, by: authority, once) }
  }
}
