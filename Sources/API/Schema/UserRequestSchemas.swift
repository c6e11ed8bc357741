// The bodies that an administrator sends about accounts of others.

extension Schema {
  static let newUser = request(
    "CreateUserRequest", "an account; with neither password nobody can log in to it",
    [
      Member("email", .email), Member("name", .personName), .optional("role", .roleName),
      .optional("password", .newPassword, "not with passwordHash"),
      .either(
        "passwordHash", .text("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"), "what another system made"),
      .optional("emailVerified", .flag), .optional("mustChangePassword", .flag),
      .optional("metadata", .free, "at most 4 KiB in compact form"), .optional("appMetadata", .free, "the same"),
      .either("sendReset", .flag, "whether a message brings a way to a password"),
    ])
  static let userReplacement = request(
    "ReplaceUserRequest", "an account as it is to be; flags left out are false, metadata empty",
    [
      Member("email", .email), Member("name", .personName), Member("role", .roleName), .optional("emailVerified", .flag),
      .optional("mustChangePassword", .flag), .optional("metadata", .free), .optional("appMetadata", .free),
    ])
  static let userChange = request(
    "UpdateUserRequest", "what changes (RFC 7396); what is left out stays",
    [
      .optional("email", .email), .optional("name", .personName), .optional("role", .roleName), .optional("emailVerified", .flag),
      .optional("mustChangePassword", .flag), .optional("metadata", .free.orNull, "merged; null removes all"),
      .optional("appMetadata", .free.orNull, "the same"),
    ])
  static let userBatch = request(
    "BatchRequest", "changes that are made in one commit",
    [
      Member("operations", .named("BatchOperation").list(max: 1000)),
      .optional("atomic", .flag, "whether one refusal undoes all of them"),
    ])
  static let userOperation = request(
    "BatchOperation", "one change of one account",
    [
      Member("method", .words("create update disable enable delete erase")), .optional("id", .id, "but for create"),
      .optional("user", .free, "as CreateUserRequest without password, or as UpdateUserRequest"),
      .either("ifMatch", Shape(kind: .text, pattern: "^r[1-9][0-9]{0,19}$", example: "r7"), "the revision that is meant"),
    ])
}
