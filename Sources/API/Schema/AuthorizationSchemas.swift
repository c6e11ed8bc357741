// The objects and bodies of roles, API keys and introspection.

extension Schema {
  static let role = object(
    "Role", "a name for some permissions",
    [
      Member("name", .roleName), Member("permissions", .named("Permission").list()),
      Member("builtIn", .flag, "whether it can neither be changed nor removed"), Member("revision", .revision),
    ])
  static let roleList = list("RoleList", of: "Role", "all roles, by name")
  static let permissionList = list("PermissionList", of: "Permission", "everything that can be allowed")
  static let newRole = request(
    "CreateRoleRequest", "a role; whoever defines it has every permission that it gives",
    [Member("name", .roleName), Member("permissions", .named("Permission").list(max: 64))])
  static let roleReplacement = request(
    "ReplaceRoleRequest", "what a role gives from now on", [Member("permissions", .named("Permission").list(max: 64))])

  static let apiKey = object("ApiKey", "a key for a program", keyMembers)
  static let newAPIKey = object(
    "NewApiKey", "a key that was made just now", keyMembers + [Member("secret", .apiKeySecret, "shown this once")])
  static let apiKeyList = list("ApiKeyList", of: "ApiKey", "a page of API keys, oldest first")
  static let apiKeyRequest = request(
    "CreateApiKeyRequest", "a key; whoever makes it has every permission that it gets",
    [
      Member("name", .personName), Member("permissions", .named("Permission").list(max: 64)),
      .optional(
        "expiresIn", Shape(kind: .integer, min: 60, max: 315_360_000, example: "2592000"), "seconds; it never expires if left out"
      ),
      .either("createdBy", .id, "whose key it is: on the admin socket alone, and needed there"),
    ])
  private static let keyMembers = [
    Member("id", .id), Member("name", .personName), Member("permissions", .named("Permission").list()),
    Member("expiresAt", .time.orNull), Member("lastUsedAt", .time.orNull, "the last minute in which it was used"),
    Member("createdAt", .time), Member("createdBy", .id, "a user, whose power of the moment limits the key's"),
    Member("revision", .revision),
  ]

  static let introspectionRequest = request(
    "IntrospectionRequest", "a token that somebody has shown",
    [
      Member("token", .text("uk1_AbCdEfGhIjKlMnOpQrStUvWxYz"), "an access token, a refresh token or an API key"),
      .optional("token_type_hint", .text("access_token"), "changes nothing"),
    ])
  static let introspection = object(
    "Introspection", "what a token is worth; of one that is worth nothing only that",
    [
      Member("active", .flag), .optional("token_type", .words("Bearer"), "not of a refresh token"),
      .optional("iss", .text("userd"), "of an access token"), .optional("aud", .text("userd"), "of an access token"),
      .optional("sub", .id, "the user; of a key, who made it"), .optional("sid", .id, "the session; not of a key"),
      .either("key_id", .id, "of a key"), .optional("scope", .text("users:read"), "permissions with spaces between them"),
      .optional("role", .roleName, "not of a key that lacks anything of it"), .optional("iat", .count), .optional("exp", .count),
      .optional("auth_time", .count, "not of a key"),
    ])
}
