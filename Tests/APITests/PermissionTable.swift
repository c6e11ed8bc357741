// Who may do what, written down by hand: what the permission matrix is judged by. It shares nothing with the routing table.

/// What somebody must be to get an endpoint's answer.
enum Needs: Equatable, Sendable {
  /// Whoever asks, whatever token they bring: the answer depends on the request alone.
  case nothing
  /// A person with a session; a key is 403.
  case session
  /// The same, also while the session is restricted.
  case anySession
  /// A person with a session or a key, also while the session is restricted.
  case anyCredential
  /// This permission, of a person or a key.
  case permission(String)
  /// This permission of a person: keys make neither keys nor reset links.
  case personWith(String)
  /// The owner of the data folder on its admin socket; for others there is nothing.
  case owner
  /// The admin socket, or a listener for programs that watch; elsewhere there is nothing, whoever asks.
  case watching
}

/// One endpoint as a row of the table.
struct PermissionRow: Sendable {
  /// Method and pattern, as docs/http-api.md spells them.
  let endpoint: String
  let needs: Needs
  /// The status for whoever may.
  let success: Int
  /// What is sent. `{n}` is a new number each time.
  var body: String?
  var fields: [String] = []
  /// What comes back if the account that is acted upon has a role with more permissions; nil if that does not matter.
  var above: Int?
}

enum PermissionTable {
  private static let newUser = #"{"email":"n{n}@example.org","name":"New"}"#

  static let rows: [PermissionRow] = [
    // Whoever asks: judged by what is in the body, which is nothing here.
    PermissionRow(endpoint: "POST /api/auth/register", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/auth/login", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/auth/login/mfa", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/auth/refresh", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/auth/logout", needs: .nothing, success: 422, body: #"{"scope":"everything"}"#),
    PermissionRow(endpoint: "POST /api/auth/password/forgot", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/auth/password/reset", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/auth/email/verify", needs: .nothing, success: 422, body: "{}"),
    PermissionRow(endpoint: "POST /api/v1/setup", needs: .nothing, success: 404, body: "{}"),
    PermissionRow(endpoint: "GET /", needs: .nothing, success: 200),
    PermissionRow(endpoint: "GET /livez", needs: .nothing, success: 200),
    PermissionRow(endpoint: "GET /readyz", needs: .nothing, success: 200),
    PermissionRow(endpoint: "GET /healthz", needs: .nothing, success: 200),
    PermissionRow(endpoint: "GET /metrics", needs: .watching, success: 200),
    PermissionRow(endpoint: "GET /problems/{code}", needs: .nothing, success: 200),
    PermissionRow(endpoint: "GET /openapi.json", needs: .nothing, success: 200),
    PermissionRow(endpoint: "GET /types.d.ts", needs: .nothing, success: 200),

    // One's own account.
    PermissionRow(endpoint: "GET /api/auth/me", needs: .anySession, success: 200),
    PermissionRow(endpoint: "PATCH /api/auth/me", needs: .session, success: 200, body: #"{"name":"Other"}"#),
    PermissionRow(endpoint: "DELETE /api/auth/me", needs: .session, success: 204, body: #"{"password":"correct horse battery"}"#),
    PermissionRow(
      endpoint: "POST /api/auth/reauth", needs: .session, success: 200, body: #"{"password":"correct horse battery"}"#),
    PermissionRow(
      endpoint: "POST /api/auth/password/change", needs: .anySession, success: 204,
      body: #"{"currentPassword":"correct horse battery","newPassword":"another long password"}"#),
    PermissionRow(endpoint: "POST /api/auth/email/resend", needs: .anySession, success: 202),
    PermissionRow(
      endpoint: "POST /api/auth/email/change", needs: .anySession, success: 202,
      body: #"{"newEmail":"n{n}@example.org","password":"correct horse battery"}"#),
    PermissionRow(endpoint: "POST /api/auth/mfa/totp", needs: .session, success: 201),
    // Nothing waits to be confirmed, taken away or replaced.
    PermissionRow(endpoint: "POST /api/auth/mfa/totp/confirm", needs: .session, success: 404, body: #"{"code":"123456"}"#),
    PermissionRow(endpoint: "DELETE /api/auth/mfa/totp", needs: .session, success: 404),
    PermissionRow(endpoint: "POST /api/auth/mfa/recovery-codes", needs: .session, success: 404),
    PermissionRow(endpoint: "GET /api/auth/sessions", needs: .session, success: 200),
    PermissionRow(endpoint: "DELETE /api/auth/sessions", needs: .session, success: 204),
    PermissionRow(endpoint: "DELETE /api/auth/sessions/{id}", needs: .session, success: 204),
    PermissionRow(endpoint: "GET /api/auth/verify", needs: .anyCredential, success: 204),
    PermissionRow(
      endpoint: "POST /api/auth/introspect", needs: .permission("tokens:introspect"), success: 200, body: #"{"token":"x"}"#),

    // Accounts.
    PermissionRow(endpoint: "GET /api/v1/users", needs: .permission("users:read"), success: 200),
    PermissionRow(endpoint: "POST /api/v1/users", needs: .permission("users:write"), success: 201, body: newUser),
    PermissionRow(
      endpoint: "POST /api/v1/users:batch", needs: .permission("users:write"), success: 200,
      body: #"{"operations":[{"method":"create","user":\#(newUser)}]}"#),
    PermissionRow(endpoint: "GET /api/v1/users/{id}", needs: .permission("users:read"), success: 200),
    PermissionRow(
      endpoint: "PUT /api/v1/users/{id}", needs: .permission("users:write"), success: 200,
      body: #"{"email":"n{n}@example.org","name":"Other","role":"user"}"#, fields: ["If-Match: *"], above: 403),
    PermissionRow(
      endpoint: "PATCH /api/v1/users/{id}", needs: .permission("users:write"), success: 200, body: #"{"name":"Other"}"#,
      above: 403),
    PermissionRow(endpoint: "DELETE /api/v1/users/{id}", needs: .permission("users:write"), success: 204, above: 403),
    PermissionRow(endpoint: "POST /api/v1/users/{id}/disable", needs: .permission("users:write"), success: 200, above: 403),
    PermissionRow(endpoint: "POST /api/v1/users/{id}/enable", needs: .permission("users:write"), success: 200, above: 403),
    PermissionRow(endpoint: "POST /api/v1/users/{id}/unlock", needs: .permission("users:write"), success: 200, above: 403),
    PermissionRow(endpoint: "POST /api/v1/users/{id}/restore", needs: .permission("users:write"), success: 200, above: 403),
    PermissionRow(endpoint: "POST /api/v1/users/{id}/mfa-reset", needs: .permission("users:write"), success: 200, above: 403),
    PermissionRow(endpoint: "POST /api/v1/users/{id}/reset-link", needs: .personWith("users:write"), success: 200, above: 403),
    PermissionRow(endpoint: "GET /api/v1/users/{id}/sessions", needs: .permission("sessions:read"), success: 200),
    PermissionRow(
      endpoint: "DELETE /api/v1/users/{id}/sessions", needs: .permission("sessions:revoke"), success: 204, above: 403),
    PermissionRow(
      endpoint: "DELETE /api/v1/users/{id}/sessions/{sessionId}", needs: .permission("sessions:revoke"), success: 204, above: 403),

    // Roles and keys. Who gives nothing away needs nothing beside the permission.
    PermissionRow(endpoint: "GET /api/v1/permissions", needs: .permission("roles:read"), success: 200),
    PermissionRow(endpoint: "GET /api/v1/roles", needs: .permission("roles:read"), success: 200),
    PermissionRow(
      endpoint: "POST /api/v1/roles", needs: .permission("roles:write"), success: 201, body: #"{"name":"r{n}","permissions":[]}"#),
    PermissionRow(endpoint: "GET /api/v1/roles/{name}", needs: .permission("roles:read"), success: 200),
    PermissionRow(
      endpoint: "PUT /api/v1/roles/{name}", needs: .permission("roles:write"), success: 200, body: #"{"permissions":[]}"#,
      fields: ["If-Match: *"]),
    PermissionRow(endpoint: "DELETE /api/v1/roles/{name}", needs: .permission("roles:write"), success: 204),
    PermissionRow(endpoint: "GET /api/v1/api-keys", needs: .permission("keys:read"), success: 200),
    PermissionRow(
      endpoint: "POST /api/v1/api-keys", needs: .personWith("keys:write"), success: 201,
      body: #"{"name":"k{n}","permissions":[]}"#),
    PermissionRow(endpoint: "GET /api/v1/api-keys/{id}", needs: .permission("keys:read"), success: 200),
    PermissionRow(endpoint: "DELETE /api/v1/api-keys/{id}", needs: .permission("keys:write"), success: 204),

    // Running the server.
    PermissionRow(endpoint: "GET /api/v1/audit", needs: .permission("audit:read"), success: 200),
    PermissionRow(endpoint: "POST /api/v1/admin/checkpoint", needs: .permission("ops:write"), success: 202),
    PermissionRow(endpoint: "POST /api/v1/admin/compact", needs: .permission("ops:write"), success: 202),
    PermissionRow(endpoint: "DELETE /api/v1/admin/compact", needs: .permission("ops:write"), success: 204),
    PermissionRow(endpoint: "POST /api/v1/admin/check", needs: .permission("ops:write"), success: 202),
    // A name that cannot be one shows that the body was looked at.
    PermissionRow(
      endpoint: "POST /api/v1/admin/backup", needs: .permission("ops:write"), success: 422, body: #"{"name":"../x.udb"}"#),
    PermissionRow(endpoint: "GET /api/v1/admin/stats", needs: .permission("ops:read"), success: 200),
    PermissionRow(
      endpoint: "POST /api/v1/admin/recover", needs: .owner, success: 200, body: #"{"email":"n{n}@example.org"}"#),
    PermissionRow(
      endpoint: "POST /api/v1/admin/load", needs: .owner, success: 200,
      body: #"{"users":[{"email":"l{n}@example.org","name":"Loaded"}]}"#),
    PermissionRow(endpoint: "GET /api/v1/admin/dump", needs: .owner, success: 200),
    PermissionRow(endpoint: "POST /api/v1/admin/pins", needs: .owner, success: 201),
    // Nothing is kept under this number.
    PermissionRow(endpoint: "POST /api/v1/admin/pins/{id}", needs: .owner, success: 404),
    PermissionRow(endpoint: "DELETE /api/v1/admin/pins/{id}", needs: .owner, success: 404),
    PermissionRow(endpoint: "GET /api/v1/admin/keys", needs: .owner, success: 200),
    PermissionRow(endpoint: "POST /api/v1/admin/keys/rotate", needs: .owner, success: 200, body: "{}"),
  ]
}
