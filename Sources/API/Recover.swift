// POST /api/v1/admin/recover: an administrator for whoever owns the data folder.

import Auth
import HTTP

extension Services {
  @Sendable func recover(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["email", "name", "password"])
    let form = RecoveryForm(
      email: body.text("email"), name: body.text("name"), password: body.text("password"), complaints: body.complaints)
    do throws(AuthError) {
      let (recovery, position) = try accounts.recover(form, by: authority)
      response.hold(until: position)
      response.json { json in json.value(recovery) }
    } catch {
      if error.mayShowTheStore { response.hold(until: accounts.heldPosition) }
      throw problem(error, in: request)
    }
  }
}
