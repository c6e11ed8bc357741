// /api/auth/mfa: an authenticator app and recovery codes beside the password.

import Auth
import Codecs
import HTTP

extension Services {
  /// POST /api/auth/mfa/totp: the secret for an app.
  @Sendable func enroll(_ request: borrowing Request, _ principal: Principal, _ response: inout Response) throws(Problem) {
    try BodyMembers(request, .optional, knows: []).judged()
    let origin = request.origin
    try calling(request) { () throws(AuthError) in try sessions.requireRecentLogin(principal) }
    _ = try answeringOnce(
      request, &response, "POST /api/auth/mfa/totp", by: .authority(.principal(principal)),
      { enrollment in StoredAnswer(.created) { json in json.value(enrollment) } }
    ) { (once) throws(AuthError) in try sessions.enroll(principal, from: origin, once) }
  }

  /// POST /api/auth/mfa/totp/confirm: the app works; from now on it is asked for.
  @Sendable func confirmEnrollment(
    _ request: borrowing Request, _ principal: Principal, _ response: inout Response
  ) throws(Problem) {
    let body = try BodyMembers(request, knows: ["code"])
    let form = CodeForm(code: body.text("code"), complaints: body.complaints)
    let origin = request.origin
    try calling(request) { () throws(AuthError) in try sessions.requireRecentLogin(principal) }
    _ = try answeringOnce(
      request, &response, "POST /api/auth/mfa/totp/confirm", by: .authority(.principal(principal)),
      { codes in StoredAnswer(.ok) { json in json.value(recoveryCodes: codes) } }
    ) { (once) throws(AuthError) in try sessions.confirm(form, by: principal, from: origin, once) }
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
    try calling(request) { () throws(AuthError) in try sessions.requireRecentLogin(principal) }
    _ = try answeringOnce(
      request, &response, "POST /api/auth/mfa/recovery-codes", by: .authority(.principal(principal)),
      { codes in StoredAnswer(.created) { json in json.value(recoveryCodes: codes) } }
    ) { (once) throws(AuthError) in try sessions.replaceRecoveryCodes(principal, from: origin, once) }
  }
}

extension JSONWriter {
  /// Shown this once.
  fileprivate mutating func value(_ enrollment: Enrollment) {
    beginObject()
    key("secret")
    string(enrollment.secret)
    key("otpauthUri")
    string(enrollment.otpauthURI)
    endObject()
  }

  /// The same.
  fileprivate mutating func value(recoveryCodes codes: [String]) {
    beginObject()
    key("recoveryCodes")
    beginArray()
    for code in codes { string(code) }
    endArray()
    endObject()
  }
}
