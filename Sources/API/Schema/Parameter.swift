// What a request can say beside its body: parts of the path, the query, header fields.

/// A parameter by name. Where it stands, its type and its errors follow.
enum Parameter: UInt8, Sendable, CaseIterable {
  case userID, sessionID, ownSessionID, pinID, problemCode, roleName, apiKeyID
  case limit, cursor, userSort, status, role, prefix, email, count, erase, scrub, hashes, verbose
  case actor, subject, auditType, since, until, demandedRole, demandedPermission
  case ifMatch, ifMatchRequired, ifNoneMatch, idempotencyKey, rotationKey

  enum Place: UInt8, Sendable {
    case path, query, header

    var name: StaticString {
      switch self {
      case .path: "path"
      case .query: "query"
      case .header: "header"
      }
    }
  }

  var place: Place {
    switch self {
    case .userID, .sessionID, .ownSessionID, .pinID, .problemCode, .roleName, .apiKeyID: .path
    case .limit, .cursor, .userSort, .status, .role, .prefix, .email, .count, .erase, .scrub, .hashes, .verbose, .actor,
      .subject, .auditType, .since, .until, .demandedRole, .demandedPermission:
      .query
    case .ifMatch, .ifMatchRequired, .ifNoneMatch, .idempotencyKey, .rotationKey: .header
    }
  }

  var isRequired: Bool { place == .path || self == .ifMatchRequired }

  /// As it is spelled in the request; in a path between braces.
  var name: StaticString {
    switch self {
    case .userID, .ownSessionID, .pinID, .apiKeyID: "id"
    case .roleName: "name"
    case .demandedRole: "role"
    case .demandedPermission: "permission"
    case .sessionID: "sessionId"
    case .problemCode: "code"
    case .limit: "limit"
    case .cursor: "cursor"
    case .userSort: "sort"
    case .email: "email"
    case .status: "status"
    case .role: "role"
    case .prefix: "q"
    case .count: "count"
    case .erase: "erase"
    case .scrub: "scrub"
    case .hashes: "hashes"
    case .verbose: "verbose"
    case .actor: "actor"
    case .subject: "subject"
    case .auditType: "type"
    case .since: "since"
    case .until: "until"
    case .ifMatch, .ifMatchRequired: "If-Match"
    case .ifNoneMatch: "If-None-Match"
    case .idempotencyKey, .rotationKey: "Idempotency-Key"
    }
  }

  /// Under which the documents keep it.
  var key: StaticString {
    switch self {
    case .userID: "UserId"
    case .apiKeyID: "ApiKeyId"
    case .roleName: "RoleName"
    case .demandedRole: "DemandedRole"
    case .demandedPermission: "DemandedPermission"
    case .sessionID: "SessionId"
    case .ownSessionID: "OwnSessionId"
    case .pinID: "PinId"
    case .problemCode: "ProblemCode"
    case .limit: "Limit"
    case .cursor: "Cursor"
    case .userSort: "UserSort"
    case .email: "Email"
    case .status: "Status"
    case .role: "Role"
    case .prefix: "Prefix"
    case .count: "Count"
    case .erase: "Erase"
    case .scrub: "Scrub"
    case .hashes: "Hashes"
    case .verbose: "Verbose"
    case .actor: "Actor"
    case .subject: "Subject"
    case .auditType: "AuditType"
    case .since: "Since"
    case .until: "Until"
    case .ifMatch: "IfMatch"
    case .ifMatchRequired: "IfMatchRequired"
    case .ifNoneMatch: "IfNoneMatch"
    case .idempotencyKey: "IdempotencyKey"
    case .rotationKey: "RotationKey"
    }
  }

  var shape: Shape {
    switch self {
    case .userID, .sessionID, .ownSessionID, .apiKeyID, .actor, .subject: .id
    case .roleName: .roleName
    case .demandedRole: .roleName.list()
    case .demandedPermission: .named("Permission").list()
    case .pinID: .number
    case .problemCode: .named("ProblemCode")
    case .limit: Shape(kind: .integer, min: 1, max: 200, example: "50")
    case .cursor: Shape(kind: .text, pattern: "^[A-Za-z0-9_-]+$")
    case .userSort: .words("createdAt -createdAt email")
    case .email: .text("ann@example.org")
    case .status: .words("active disabled deleted")
    case .role: .roleName
    case .prefix: Shape(kind: .text, min: 1, max: 254, example: "ann")
    case .count, .erase, .scrub, .hashes: .flag
    case .verbose: .text("")
    case .auditType: .text("login.failed")
    case .since, .until: .time
    case .ifMatch, .ifMatchRequired, .ifNoneMatch: Shape(kind: .text, example: "*")
    case .idempotencyKey, .rotationKey: Shape(kind: .text, pattern: "^[!-~]{1,128}$", example: "5d2e-7a41")
    }
  }

  var note: StaticString {
    switch self {
    case .userID: "a user"
    case .apiKeyID: "an API key"
    case .roleName: "a role"
    case .demandedRole: "a role that they must have; of several, any"
    case .demandedPermission: "a permission that they must have; of several, each"
    case .sessionID, .ownSessionID: "a session"
    case .pinID: "a checkpoint that is kept"
    case .problemCode: "a code of the catalogue"
    case .limit: "how many a page has at most; 50 if left out"
    case .cursor: "the nextCursor of the page before, with the same filters"
    case .userSort: "oldest or newest first, or by address; if left out, oldest, or with q by what was found"
    case .email: "the account of this address, in any case of letters"
    case .status: "only accounts in this state; without it all that are not deleted"
    case .role: "only accounts of this role"
    case .prefix: "only accounts whose address or name begins so, in any case of letters"
    case .count: "whether the answer tells how many there are on all pages"
    case .erase: "whether it is final"
    case .scrub: "whether free pages become zeros"
    case .hashes: "whether the hashes of passwords are in it"
    case .verbose: "adds the checks, for clients of this machine and holders of ops:read"
    case .actor: "only what this user did"
    case .subject: "only what happened to this user"
    case .auditType: "only events of this name"
    case .since: "not before this moment"
    case .until: "before this moment"
    case .ifMatch: "entity tags of the object that is meant, or *"
    case .ifMatchRequired: "entity tags of the object that is replaced, or *"
    case .ifNoneMatch: "entity tags of what the client has, or *"
    case .idempotencyKey: "the request has its effect once in 24 hours, and a repetition gets the same answer"
    case .rotationKey: "makes a repetition of the request safe"
    }
  }

  /// The codes that a wrong value is answered with, with spaces between them.
  var problems: StaticString {
    switch self {
    case .userID, .sessionID, .ownSessionID, .pinID, .problemCode, .roleName, .apiKeyID: "not_found"
    case .cursor: "invalid_request invalid_cursor"
    case .limit, .userSort, .status, .role, .prefix, .email, .count, .erase, .scrub, .hashes, .actor, .subject, .auditType,
      .since, .until, .demandedRole, .demandedPermission:
      "invalid_request"
    case .ifMatch: "revision_mismatch"
    case .ifMatchRequired: "revision_mismatch precondition_required"
    case .idempotencyKey: "invalid_idempotency_key idempotency_in_flight idempotency_key_reused rate_limited"
    case .rotationKey: "invalid_idempotency_key"
    case .verbose, .ifNoneMatch: ""
    }
  }
}
