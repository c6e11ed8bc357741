// Roles: defined, given other permissions, and removed by those who hold all that is at stake.

package import Platform
import Repositories

/// The verbs of role administration, each judged inside its transaction by what whoever asks may do at that moment. Any thread may call it.
///
/// A change is felt by the very next request of everybody who has the role.
package final class RoleService: Sendable {
  private let store: Store
  private let audit: Audit
  private let identifiers: IdentifierSource

  /// - Parameter sessions: whose store and trail it works with.
  package init(of sessions: SessionService) {
    store = sessions.store
    audit = sessions.audit
    identifiers = sessions.identifiers
  }

  /// All roles in the order of their names. Needs `roles:read`.
  package func list(by authority: Authority) throws(AuthError) -> [Role] {
    try authority.require(.rolesRead)
    let own = try store.reading { (transaction) throws(RepositoryError) in
      try store.roles.page(limit: Role.maxCount, in: &transaction)
    }
    return (Role.builtIn + own.map { Role($0) }).sorted { $0.name < $1.name }
  }

  /// One role. Needs `roles:read`.
  ///
  /// - Throws: `.forbidden`, `.notFound`.
  package func find(_ name: String, by authority: Authority) throws(AuthError) -> Role {
    try authority.require(.rolesRead)
    if let role = Role.builtIn.first(where: { $0.name == name }) { return role }
    guard let name = RoleName(name) else { throw .notFound }
    let found = try store.reading { (transaction) throws(RepositoryError) in try store.roles.find(name, in: &transaction) }
    guard let found else { throw .notFound }
    return Role(found)
  }

  /// Defines a role. Needs `roles:write`, and every permission that the role gives.
  ///
  /// - Throws: `.invalid`, `.forbidden`, `.roleExists`.
  package func create(
    _ form: RoleForm, by authority: Authority, _ once: Once<Role>? = nil
  ) throws(AuthError) -> (value: Role, position: LogPosition) {
    try authority.require(.rolesWrite)
    var judge = FieldJudge(form.complaints)
    let name = judge.require(form.name, at: "#/name") { (text) throws(FieldError) in
      guard text.utf8.count <= RoleName.maxByteCount else {
        throw FieldError("#/name", .tooLong, "use at most \(RoleName.maxByteCount) characters", max: RoleName.maxByteCount)
      }
      guard let name = RoleName(text) else {
        throw FieldError("#/name", .invalidName, "a role is named by small letters, digits, - and _, a letter first")
      }
      return name
    }
    let permissions = judge.requirePermissions(form.permissions, at: "#/permissions")
    guard let name, let permissions, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    return try change(name, by: authority, once) { (old, power, now, transaction) throws(RepositoryError) in
      guard power.covers(permissions) else { return .failure(.forbidden) }
      guard old == nil, name != .admin, name != .user else { return .failure(.roleExists) }
      let limit = Role.maxCount - Role.builtIn.count
      guard try store.roles.page(limit: limit, in: &transaction).count < limit else {
        return .failure(
          .invalid([FieldError("#", .invalidValue, "there are \(Role.maxCount) roles already", max: Role.maxCount)]))
      }
      let role = RoleRecord(name: name, permissions: permissions.stored, createdAt: now, updatedAt: now)
      try store.roles.put(role, in: &transaction)
      return .success((.roleCreated, role))
    }
  }

  /// Gives a role other permissions. Needs `roles:write`, and every permission that the role gives, before and after.
  ///
  /// - Throws: `.invalid`, `.notFound`, `.preconditionRequired`, `.revisionMismatch`; `.forbidden`, also for a built-in role.
  package func replace(
    _ name: String, _ form: RoleForm, if condition: RevisionCondition, by authority: Authority
  ) throws(AuthError) -> (value: Role, position: LogPosition) {
    try authority.require(.rolesWrite)
    var judge = FieldJudge(form.complaints)
    let permissions = judge.requirePermissions(form.permissions, at: "#/permissions")
    guard let permissions, judge.complaints.isEmpty else { throw .invalid(judge.complaints) }
    guard let name = RoleName(name) else { throw .notFound }
    return try change(name, by: authority) { (old, power, now, transaction) throws(RepositoryError) in
      if let objection = objection(to: name, old, power, condition) { return .failure(objection) }
      guard var role = old else { return .failure(.notFound) }
      guard power.covers(permissions) else { return .failure(.forbidden) }
      guard role.permissions != permissions.stored else { return .success((nil, role)) }
      role.permissions = permissions.stored
      role.revision += 1
      role.updatedAt = now
      try store.roles.put(role, in: &transaction)
      return .success((.roleUpdated, role))
    }
  }

  /// Removes a role that nobody has, not even a deleted account. Needs `roles:write`, and every permission that the role gives.
  ///
  /// - Throws: `.notFound`, `.revisionMismatch`, `.roleInUse`; `.forbidden`, also for a built-in role.
  package func delete(
    _ name: String, if condition: RevisionCondition = .none, by authority: Authority
  ) throws(AuthError) -> LogPosition {
    try authority.require(.rolesWrite)
    guard let name = RoleName(name) else { throw .notFound }
    return try change(name, by: authority) { (old, power, _, transaction) throws(RepositoryError) in
      if let objection = objection(to: name, old, power, condition) { return .failure(objection) }
      guard let role = old else { return .failure(.notFound) }
      if try store.users.isHeld(name, in: &transaction) { return .failure(.roleInUse) }
      try store.roles.delete(name, in: &transaction)
      return .success((.roleDeleted, role))
    }.position
  }

  /// What became of a role inside a transaction, and what the trail calls it; nil for nothing.
  private typealias Outcome = Result<(event: AuditEvent?, role: RoleRecord), AuthError>

  /// Judges whoever asks, does one thing to one role, and notes it, or that they reached for more than they may.
  private func change(
    _ name: RoleName, by authority: Authority, _ once: Once<Role>? = nil,
    _ body: (
      _ old: RoleRecord?, _ power: PermissionSet, _ now: Int64, _ transaction: inout Writing
    ) throws(RepositoryError) -> Outcome
  ) throws(AuthError) -> (value: Role, position: LogPosition) {
    let now = identifiers.now()
    let done = try store.writing(once: once?.request) { (transaction) throws(RepositoryError) -> Outcome in
      let power = try authority.permissions(by: store, in: &transaction)
      let old = try store.roles.find(name, in: &transaction)
      let outcome = power.contains(.rolesWrite) ? try body(old, power, now, &transaction) : .failure(.forbidden)
      switch outcome {
      case .success((let event?, let role)):
        try audit.note(
          event, at: now, actor: authority.actor, session: authority.session, .role(name), in: &transaction)
        try once?.keep(Role(role), in: &transaction)
      case .success((nil, _)): break
      case .failure(.forbidden):
        try audit.noteDenial(of: authority, at: now, AuditDetails(role: name), in: &transaction)
      case .failure: break
      }
      return outcome
    }
    return (Role(try done.value.get().role), done.position)
  }

  /// Why a role may not be changed or removed by somebody with this power, if it may not.
  private func objection(
    to name: RoleName, _ old: RoleRecord?, _ power: PermissionSet, _ condition: RevisionCondition
  ) -> AuthError? {
    if name == .admin || name == .user { return .forbidden }
    guard let old else { return .notFound }
    // No one acts above themselves: what a role has given is as much at stake as what it will give.
    guard power.covers(PermissionSet(old.permissions)) else { return .forbidden }
    return condition.objection(to: old.revision)
  }
}
