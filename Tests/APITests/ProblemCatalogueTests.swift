// The catalogue is the contract: every code with its status, and an explanation of each.

import Auth
import Codecs
import HTTP
import Platform
import Testing

@testable import API

@Suite struct ProblemCatalogueTests {
  /// docs/http-api.md §2, copied by hand so that a slip in the catalogue shows.
  static let contract: [(status: Int, codes: String)] = [
    (400, "malformed_request malformed_json invalid_request invalid_cursor invalid_idempotency_key"),
    (
      401,
      """
      missing_token invalid_token token_expired session_revoked invalid_credentials mfa_required mfa_invalid refresh_invalid \
      refresh_reused reauth_required
      """
    ),
    (403, "forbidden registration_closed account_disabled password_change_required email_not_verified"),
    (404, "not_found"), (405, "method_not_allowed"), (408, "request_timeout"), (411, "length_required"), (413, "body_too_large"),
    (414, "uri_too_long"), (415, "unsupported_media_type"), (417, "expectation_failed"), (431, "headers_too_large"),
    (409, "email_exists role_exists role_in_use last_admin idempotency_in_flight backup_in_progress"),
    (410, "token_used_or_expired"),
    (412, "revision_mismatch"), (428, "precondition_required"),
    (
      422,
      """
      validation_failed unknown_field required invalid_type invalid_value too_long invalid_email invalid_name \
      password_too_short password_too_long password_blocklisted password_contains_context idempotency_key_reused
      """
    ),
    (429, "rate_limited login_throttled"), (500, "internal"), (501, "not_implemented"),
    (503, "overloaded draining read_only timeout commit_outcome_unknown"), (505, "version_not_supported"), (507, "storage_full"),
  ]

  @Test func `the catalogue has every code of the contract with its status, and no other`() {
    var expected: Set<String> = []
    for (status, codes) in Self.contract {
      for code in codes.split(separator: " ") { expected.insert("\(status) \(code)") }
    }
    let found = ProblemKind.all.map { "\($0.status.code) \($0.code)" }
    #expect(Set(found) == expected)
    #expect(found.count == expected.count, "a code appears twice")
  }

  @Test func `each problem is explained at its own address`() throws {
    let server = try APIServer()
    for kind in ProblemKind.all {
      let answer = try server.ask("GET", "/problems/\(kind.code)")
      #expect(answer.status == 200)
      #expect(answer.members == ["type", "code", "status", "title", "explanation"])
      #expect(answer["code"]?.string == "\(kind.code)")
      #expect(answer["status"]?.integer == Int64(kind.status.code))
      #expect(answer["type"]?.string == "/problems/\(kind.code)")
      #expect((answer["explanation"]?.string ?? "").count > 10)
    }
    for unknown in ["nothing", "Internal", "not_found%00", "a"] {
      #expect(try server.ask("GET", "/problems/\(unknown)").status == 404, "\(unknown)")
    }
  }

  /// Requests that the server refuses before any endpoint sees them, and the code of each.
  static let refusedEarly: [(request: String, code: String)] = [
    ("GET /nothing HTTP/1.1\r\nHost: a", "not_found"), ("PUT / HTTP/1.1\r\nHost: a", "method_not_allowed"),
    ("BREW / HTTP/1.1\r\nHost: a", "not_implemented"), ("GET / HTTP/1.1", "malformed_request"),
    ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a", "uri_too_long"),
    ("GET / HTTP/2.0\r\nHost: a", "version_not_supported"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17_000))", "headers_too_large"),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea", "expectation_failed"),
    ("POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 70000", "body_too_large"),
    ("POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 0", "unsupported_media_type"),
  ]

  @Test(arguments: refusedEarly) func `what the floor below refuses has the words of the catalogue`(
    _ request: String, _ code: String
  ) throws {
    let server = try APIServer()
    let answer = try Answer(
      of: Array("\(request)\r\nConnection: close\r\n\r\n".utf8), on: Socket.connect(to: server.server.localAddresses[0]),
      hasNoBody: false)
    let kind = try #require(ProblemKind.all.first { "\($0.code)" == code })
    #expect(answer.code == code, "\(answer.text)")
    #expect(answer.status == kind.status.code)
    #expect(answer["title"]?.string == "\(kind.title)")
  }

  @Test func `titles and explanations are sentences that give nothing away`() {
    for kind in ProblemKind.all {
      #expect(!kind.title.description.hasSuffix("."), "\(kind.code)")
      #expect(kind.explanation.description.hasSuffix(".") || kind.explanation.description.hasSuffix("..."), "\(kind.code)")
      #expect(kind.code.description.utf8.allSatisfy { $0 == 0x5f || (0x61...0x7a).contains($0) }, "\(kind.code)")
    }
  }

  @Test func `every refusal of the services has a status and a code of the catalogue`() throws {
    let refusals: [(AuthError, Int, String)] = [
      (.invalid([]), 422, "validation_failed"), (.invalidToken, 401, "invalid_token"), (.tokenExpired, 401, "token_expired"),
      (.sessionRevoked, 401, "session_revoked"), (.invalidCredentials, 401, "invalid_credentials"),
      (.mfaRequired(PendingLogin(token: "t", methods: [.totp], expiresIn: 300)), 401, "mfa_required"),
      (.mfaInvalid, 401, "mfa_invalid"), (.refreshInvalid, 401, "refresh_invalid"), (.refreshReused, 401, "refresh_reused"),
      (.reauthRequired, 401, "reauth_required"), (.passwordChangeRequired, 403, "password_change_required"),
      (.emailNotVerified, 403, "email_not_verified"), (.forbidden, 403, "forbidden"),
      (.registrationClosed, 403, "registration_closed"), (.accountDisabled, 403, "account_disabled"),
      (.notFound, 404, "not_found"), (.emailExists, 409, "email_exists"), (.invalidCursor, 400, "invalid_cursor"),
      (.idempotencyKeyReused, 422, "idempotency_key_reused"), (.idempotencyInFlight, 409, "idempotency_in_flight"),
      (.backupInProgress, 409, "backup_in_progress"),
      (.answerTooLong, 413, "body_too_large"),
      (.overloaded, 503, "overloaded"), (.readOnly, 503, "read_only"), (.commitOutcomeUnknown, 503, "commit_outcome_unknown"),
      (.storageFull, 507, "storage_full"), (.storageFailed("page 7 is damaged"), 500, "internal"),
    ]
    var reports: [String] = []
    for (refusal, status, code) in refusals {
      let problem = problem(of: refusal) { reports.append($0) }
      #expect(problem.status.code == status, "\(refusal)")
      #expect("\(problem.code)" == code, "\(refusal)")
      #expect(!problem.detail.contains("page 7"))
      #expect((problem.status == .unauthorized) == problem.headers.contains { "\($0.name)" == "WWW-Authenticate" })
    }
    #expect(reports == ["page 7 is damaged"])
    #expect(problem(of: .wouldBlock) { _ in }.worker == .diskPool)
    for refusal in [AuthError.overloaded, .idempotencyInFlight] { #expect(problem(of: refusal) { _ in }.retryAfter == 1) }
  }
}
