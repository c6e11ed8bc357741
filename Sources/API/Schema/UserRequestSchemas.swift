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
    ])
  static let userReplacement = request(
    "ReplaceUserRequest", "an account as it is to be; flags left out are false",
    [
      Member("email", .email), Member("name", .personName), Member("role", .roleName), .optional("emailVerified", .flag),
      .optional("mustChangePassword", .flag),
    ])
  static let userChange = request(
    "UpdateUserRequest", "what changes (RFC 7396); what is left out stays",
    [
      .optional("email", .email), .optional("name", .personName), .optional("role", .roleName), .optional("emailVerified", .flag),
      .optional("mustChangePassword", .flag),
    ])
}
