// Objects and request bodies of the contract as values: what goes over the wire, under which names.

/// A JSON object with a name.
struct Schema: Sendable {
  let name: StaticString
  /// What it is, as a phrase.
  let summary: StaticString
  let members: [Member]
  /// Whether it is a request's body, which takes no members but these.
  let isRequest: Bool

  static func object(_ name: StaticString, _ summary: StaticString, _ members: [Member]) -> Schema {
    Schema(name: name, summary: summary, members: members, isRequest: false)
  }

  static func request(_ name: StaticString, _ summary: StaticString, _ members: [Member]) -> Schema {
    Schema(name: name, summary: summary, members: members, isRequest: true)
  }

  /// One page of a list.
  static func list(_ name: StaticString, of element: StaticString, _ summary: StaticString, _ more: [Member] = []) -> Schema {
    Schema(
      name: name, summary: summary,
      members: [Member("data", .named(element).list()), Member("page", .named("Page"))] + more, isRequest: false)
  }
}

/// A member of an object.
struct Member: Sendable {
  let name: StaticString
  let shape: Shape
  let isRequired: Bool
  /// What the name and the type leave open; empty for most.
  let note: StaticString
  /// Whether examples show it: members that exclude others do not.
  let isInExample: Bool

  private init(_ name: StaticString, _ shape: Shape, _ note: StaticString, isRequired: Bool, isInExample: Bool) {
    self.name = name
    self.shape = shape
    self.note = note
    self.isRequired = isRequired
    self.isInExample = isInExample
  }

  /// One that is always there.
  init(_ name: StaticString, _ shape: Shape, _ note: StaticString = "") {
    self.init(name, shape, note, isRequired: true, isInExample: true)
  }

  /// One that may be left out.
  static func optional(_ name: StaticString, _ shape: Shape, _ note: StaticString = "") -> Member {
    Member(name, shape, note, isRequired: false, isInExample: true)
  }

  /// One that may be left out, and must be where another one is.
  static func either(_ name: StaticString, _ shape: Shape, _ note: StaticString = "") -> Member {
    Member(name, shape, note, isRequired: false, isInExample: false)
  }
}

extension Schema {
  /// Every object and body of the contract, in the order of the documents.
  static let all: [Schema] = [
    .user, .secondFactors, .auth, .session, .userList, .sessionList, .page, .problem, .fieldProblem, .problemExplanation,
    .totpEnrollment, .recoveryCodes, .resetLink, .auditEntry, .actor, .auditList,
    .register, .login, .secondStep, .refresh, .logout, .forgot, .reset, .emailToken, .emailChange, .ownAccountChange, .farewell,
    .reauth, .passwordChange, .totpCode, .empty, .newUser, .userReplacement, .userChange, .userBatch,
    .userOperation, .userBatchResults, .userBatchResult, .setup,
    .role, .roleList, .permissionList, .newRole, .roleReplacement, .apiKey, .newAPIKey, .apiKeyList, .apiKeyRequest,
    .introspectionRequest, .introspection,
    .recovery, .recoveredAccess, .load, .loaded, .pin, .work, .statistics, .compactionFigures, .scrubFigures,
    .backupFigures, .backup, .signingKey, .signingKeyList,
    .rotation, .about, .health, .healthCheck,
  ]
}
