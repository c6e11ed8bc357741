// What a role may allow: the permissions of the public contract, and sets of them.

import Crypto
import Repositories

/// One thing that may be allowed. A role or key holds any number; `x:*` in the documents means both of a pair.
package enum Permission: String, Sendable, CaseIterable {
  case usersRead = "users:read"
  case usersWrite = "users:write"
  case sessionsRead = "sessions:read"
  case sessionsRevoke = "sessions:revoke"
  case rolesRead = "roles:read"
  case rolesWrite = "roles:write"
  case keysRead = "keys:read"
  case keysWrite = "keys:write"
  case auditRead = "audit:read"
  case tokensIntrospect = "tokens:introspect"
  case opsRead = "ops:read"
  case opsWrite = "ops:write"

  /// The permission with this name, found without making text.
  package init?(_ name: Span<UInt8>) {
    for permission in Self.list {
      let text = permission.rawValue
      if constantTimeEquals(text.utf8.span, name) {
        self = permission
        return
      }
    }
    return nil
  }

  /// Made once: `allCases` makes an array each time.
  private static let list = allCases

  /// Its place in a set (docs/records.md §14). Values are stored on disk; never renumber.
  fileprivate var bit: UInt32 {
    switch self {
    case .usersRead: 1 << 0
    case .usersWrite: 1 << 1
    case .sessionsRead: 1 << 2
    case .sessionsRevoke: 1 << 3
    case .rolesRead: 1 << 4
    case .rolesWrite: 1 << 5
    case .keysRead: 1 << 6
    case .keysWrite: 1 << 7
    case .auditRead: 1 << 8
    case .tokensIntrospect: 1 << 9
    case .opsRead: 1 << 10
    case .opsWrite: 1 << 11
    }
  }
}

/// A set of permissions in one word, so that a principal costs no allocation.
package struct PermissionSet: Hashable, Sendable {
  private var bits: UInt32

  private init(bits: UInt32) { self.bits = bits }

  /// What a row of a role or a key holds.
  init(_ stored: PermissionBits) { bits = stored.rawValue }

  /// As a row holds it.
  var stored: PermissionBits { PermissionBits(bits) }

  package init(_ permissions: [Permission]) {
    bits = permissions.reduce(0) { $0 | $1.bit }
  }

  package static let none = PermissionSet(bits: 0)
  package static let all = PermissionSet(Permission.allCases)

  package func contains(_ permission: Permission) -> Bool { bits & permission.bit != 0 }

  /// Whether everything in `other` is in this set too: who may give `other` away.
  package func covers(_ other: PermissionSet) -> Bool { other.bits & ~bits == 0 }

  package mutating func insert(_ permission: Permission) { bits |= permission.bit }

  /// What is in both.
  func intersection(_ other: PermissionSet) -> PermissionSet { PermissionSet(bits: bits & other.bits) }

  /// What it holds, in the order of the contract.
  package var permissions: [Permission] { Permission.allCases.filter(contains) }
}
