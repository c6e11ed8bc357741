// Roles as the floors above see them, and the bodies of requests that make and change them.

import Repositories

/// A role: a name for some permissions.
package struct Role: Sendable, Equatable {
  package let name: String
  package let permissions: PermissionSet
  /// Known without a row: it can neither be changed nor removed.
  package let isBuiltIn: Bool
  package let revision: UInt64

  static let builtIn = [
    Role(name: RoleName.admin.text, permissions: .all, isBuiltIn: true, revision: 1),
    Role(name: RoleName.user.text, permissions: .none, isBuiltIn: true, revision: 1),
  ]

  /// Roles in a store, the built-in ones included: so many fit into one page of a list.
  package static let maxCount = 200

  private init(name: String, permissions: PermissionSet, isBuiltIn: Bool, revision: UInt64) {
    self.name = name
    self.permissions = permissions
    self.isBuiltIn = isBuiltIn
    self.revision = revision
  }

  init(_ record: RoleRecord) {
    self.init(
      name: record.name.text, permissions: PermissionSet(record.permissions), isBuiltIn: false, revision: record.revision)
  }
}

/// `POST /api/v1/roles`, and `PUT /api/v1/roles/{name}`, whose body has no name.
package struct RoleForm: Sendable {
  package var name: FieldInput
  package var permissions: ListInput
  package var complaints: [FieldError]

  package init(name: FieldInput = .absent, permissions: ListInput, complaints: [FieldError] = []) {
    self.name = name
    self.permissions = permissions
    self.complaints = complaints
  }
}
