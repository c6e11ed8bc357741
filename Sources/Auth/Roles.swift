// Which permissions a role gives.

import Repositories

/// The built-in roles: `admin` has all permissions, `user` has none.
enum Roles {
  /// What the role gives; a name nobody has defined gives nothing.
  static func permissions(of role: RoleName) -> PermissionSet { role == .admin ? .all : .none }

  /// The role with this name.
  static func named(_ text: String, at pointer: String) throws(FieldError) -> RoleName {
    guard let name = RoleName(text), name == .admin || name == .user else {
      throw FieldError(pointer, .invalidValue, "there is no such role")
    }
    return name
  }
}
