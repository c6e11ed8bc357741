// Which permissions a role gives, as the store has it.

import Repositories

/// The built-in roles, `admin` with all permissions and `user` with none, and those that were defined.
enum Roles {
  /// What a role gives as a transaction sees it; nil if there is no such role.
  static func permissions(
    of role: RoleName, by store: Store, in transaction: inout Writing
  ) throws(RepositoryError) -> PermissionSet? {
    try store.roles.permissions(of: role, in: &transaction).map { PermissionSet($0) }
  }

  /// The same as a snapshot has it.
  static func permissions(
    of role: RoleName, by store: Store, in transaction: inout Reading
  ) throws(RepositoryError) -> PermissionSet? {
    try store.roles.permissions(of: role, in: &transaction).map { PermissionSet($0) }
  }

  /// What the role of a user gives. A role that is not there gives nothing.
  static func permissions(
    of user: UserRecord, by store: Store, in transaction: inout Writing
  ) throws(RepositoryError) -> PermissionSet {
    try permissions(of: user.role, by: store, in: &transaction) ?? .none
  }

  /// The name of a role.
  ///
  /// - Parameter exists: whether there is one of this name, as `Store.hasRole` says; the transaction that gives it to somebody asks again.
  static func named(_ text: String, if exists: Bool = true, at pointer: String) throws(FieldError) -> RoleName {
    guard exists, let name = RoleName(text) else { throw unknown(at: pointer) }
    return name
  }

  /// The complaint about a role that is not there.
  static func unknown(at pointer: String) -> FieldError { FieldError(pointer, .invalidValue, "there is no such role") }
}

extension Store {
  /// Whether a member of a body names a role; the built-in ones cost no look. What is no text is for others to complain about.
  func hasRole(_ input: FieldInput) throws(AuthError) -> Bool {
    guard case .text(let text) = input else { return true }
    guard let name = RoleName(text) else { return false }
    if name == .user || name == .admin { return true }
    return try reading { (transaction) throws(RepositoryError) in try roles.permissions(of: name, in: &transaction) != nil }
  }
}
