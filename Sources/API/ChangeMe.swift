// PATCH and DELETE /api/auth/me: one's own account, changed and left.

import Auth
import HTTP

extension Services {
  @Sendable func updateMe(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["name", "metadata"])
    let form = OwnAccountForm(name: body.text("name"), metadata: body.object("metadata"), complaints: body.complaints)
    try answer(request, &response) { () throws(AuthError) in
      try accounts.updateMe(form, if: request.revisionCondition, by: principal)
    }
  }

  @Sendable func deleteMe(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["password"])
    let form = FarewellForm(password: body.text("password"), complaints: body.complaints)
    try leave(request, &response) { () throws(AuthError) in
      try accounts.deleteMe(form, if: request.revisionCondition, by: principal, from: request.origin)
    }
  }
}
