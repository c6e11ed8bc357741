// /api/auth/mfa: an authenticator app and recovery codes beside the password.

import Auth
import Codecs
import HTTP

extension Services {
  /// POST /api/auth/mfa/totp: the secret for an app.
  @Sendable func enroll(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    let origin = request.origin
    let enrollment = try changing(request, &response) { () throws(AuthError) in try sessions.enroll(principal, from: origin) }
    response.status = .created
    response.json { json in
      json.beginObject()
      json.key("secret")
      json.string(enrollment.secret)
      json.key("otpauthUri")
      json.string(enrollment.otpauthURI)
      json.endObject()
    }
  }

  /// POST /api/auth/mfa/totp/confirm: the app works; from now on it is asked for.
  @Sendable func confirmEnrollment(
    _ request: borrowing Request, _ principal: Principal, _ response: inout Response
  ) throws(Problem) {
    let body = try BodyMembers(request, knows: ["code"])
    let form = CodeForm(code: body.text("code"), complaints: body.complaints)
    let origin = request.origin
    let codes = try changing(request, &response) { () throws(AuthError) in
      try sessions.confirm(form, by: principal, from: origin)
    }
    response.writeRecoveryCodes(codes)
  }

  /// DELETE /api/auth/mfa/totp: the password alone again.
  @Sendable func disableSecondFactors(
    _ request: borrowing Request, _ principal: Principal, _ response: inout Response
  ) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    let origin = request.origin
    try changing(request, &response) { () throws(AuthError) in ((), try sessions.disableSecondFactors(principal, from: origin)) }
    response.status = .noContent
  }

  /// POST /api/auth/mfa/recovery-codes: new ones.
  @Sendable func replaceRecoveryCodes(
    _ request: borrowing Request, _ principal: Principal, _ response: inout Response
  ) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    let origin = request.origin
    let codes = try changing(request, &response) { () throws(AuthError) in
      try sessions.replaceRecoveryCodes(principal, from: origin)
    }
    response.status = .created
    response.writeRecoveryCodes(codes)
  }
}

extension Response {
  fileprivate mutating func writeRecoveryCodes(_ codes: [String]) {
    json { json in
      json.beginObject()
      json.key("recoveryCodes")
      json.beginArray()
      for code in codes { json.string(code) }
      json.endArray()
      json.endObject()
    }
  }
}
