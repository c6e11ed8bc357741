// POST /api/v1/users: an account made by an administrator.

import Auth
import HTTP

extension Services {
  @Sendable func createUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(
      request, knows: ["email", "name", "role", "password", "passwordHash", "emailVerified", "mustChangePassword"])
    let form = AccountForm(
      email: body.text("email"), name: body.text("name"), role: body.text("role"), password: body.text("password"),
      passwordHash: body.text("passwordHash"), emailVerified: body.flag("emailVerified"),
      mustChangePassword: body.flag("mustChangePassword"), complaints: body.complaints)
    if !form.password.isAbsent { try request.requireHashWorker() }
    _ = try answeringOnce(
      request, &response, "POST /api/v1/users", by: .authority(authority),
      { user in
        StoredAnswer(.created, location: "/api/v1/users/\(user.id)", revision: user.revision) { json in json.value(user) }
      }
    ) { (once) throws(AuthError) in try accounts.create(form, by: authority, once) }
  }
}
