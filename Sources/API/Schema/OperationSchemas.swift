// The objects and bodies of whoever runs the server: audit, keys, the store, health.

extension Schema {
  static let auditEntry = object(
    "Audit", "a security event; what says nothing is null",
    [
      Member("sequence", .count), Member("time", .time), Member("type", .text("login.failed")), Member("actor", .named("Actor")),
      Member("subject", .id.orNull), Member("session", .id.orNull), Member("network", .network.orNull),
      Member("addressTag", .text("3f9a1c20b7d4e865").orNull, "stands for an address without an account"),
      Member("reason", .text("wrong_password").orNull), Member("role", .roleName.orNull),
      Member("policy", .text("login-pair").orNull), Member("key", .id.orNull, "an API key"), Member("count", .count.orNull),
    ])
  static let actor = object(
    "Actor", "who acted", [Member("kind", .words("nobody user owner key")), Member("id", .id.orNull)])
  static let auditList = list("AuditList", of: "Audit", "a page of security events, newest first")

  static let recovery = request(
    "RecoverRequest", "the account that becomes an administrator",
    [Member("email", .email), .optional("name", .personName), .optional("password", .newPassword)])
  static let recoveredAccess = object(
    "RecoveredAccess", "the administrator; without a password a code that sets one",
    [Member("user", .named("User")), Member("resetCode", .oneTimeToken.orNull)])

  static let load = request(
    "LoadRequest", "accounts, each a User with what is to be taken of it, or a line of a dump",
    [Member("users", .free.list(max: 1000))])
  static let loaded = object(
    "Loaded", "what became of the accounts", [Member("made", .count), Member("present", .count, "passed over")])

  static let pin = object(
    "Pin", "a checkpoint that is kept",
    [Member("id", .number), Member("record", .text("dXNlcmQ"), "a superblock in base64url")])
  static let work = object("Work", "what was begun or done", [Member("id", .number)])
  static let statistics = object(
    "Statistics", "figures of the store at one moment",
    [
      Member("store", .count.map), Member("compaction", .named("CompactionFigures").orNull, "of the last one, if any"),
      Member("scrub", .named("ScrubFigures").orNull, "of the last one, if any"),
      Member("backup", .named("BackupFigures").orNull, "of the last one, if any"),
    ])
  static let compactionFigures = object(
    "CompactionFigures", "a compaction, with more numbers by name",
    [Member("id", .number), Member("outcome", .words("running done limited cancelled noRoom failed"))])

  static let scrubFigures = object(
    "ScrubFigures", "a reading of everything on disk, with more numbers by name",
    [
      Member("id", .number), Member("outcome", .words("running done cancelled")),
      Member("problems", .text("page 12 is damaged: its checksum is wrong").list(), "what is damaged"),
    ])

  static let backupFigures = object(
    "BackupFigures", "a backup into backup.dir, with more numbers by name",
    [
      Member("id", .number), Member("outcome", .words("running done failed cancelled")),
      Member("name", .backupName, "of the file"),
      Member("problems", .text("write /backups/sunday.udb.unfinished: No space left on device").list(), "why it failed"),
    ])
  static let backup = request(
    "BackupRequest", "what the file is called and builds on; the body may be left out",
    [
      .optional("name", .backupName, "made of the time if left out"),
      .optional("incrementalFrom", .backupName, "a backup in the folder, whose pages are left out"),
    ])

  static let signingKey = object(
    "SigningKey", "a key of access tokens",
    [
      Member("kid", .text("0f1e2d3c4b5a6978")), Member("state", .words("signing accepted")), Member("createdAt", .time.orNull),
      Member("retiresAt", .time.orNull),
    ])
  static let signingKeyList = list("SigningKeyList", of: "SigningKey", "the keys that are in use")
  static let rotation = request(
    "RotateKeysRequest", "how the key before ends; the body may be left out",
    [.optional("ending", .words("overlapping at_once"), "overlapping if left out")])

  static let about = object(
    "About", "what this is and where its documents are",
    [
      Member("name", .text("userd")), Member("version", .text("0.1.0")), Member("apiVersion", .words("v1")),
      Member("health", .text("/readyz")), Member("openapi", .text("/openapi.json")), Member("types", .text("/types.d.ts")),
      Member("problems", .text("/problems/not_found").list()),
    ])
  static let health = object(
    "Health", "how well the server does",
    [
      Member("status", .words("ok degraded fail draining")),
      .optional("checks", .named("HealthCheck").map, "what was looked at, by name"),
    ])
  static let healthCheck = object(
    "HealthCheck", "one thing that was looked at, with figures", [Member("status", .words("ok degraded fail draining"))])
}
