// The names of users, sessions and API keys as the floors above see them.

package import Codecs

/// The identifier of a user: a UUID of version 7, so that the order of identifiers is the order of creation.
package struct UserID: Hashable, Comparable, Sendable {
  package let uuid: UUID

  package init(_ uuid: UUID) { self.uuid = uuid }

  /// The identifier written as `text`, or nil unless it is a lower-case UUID.
  package init?(_ text: Span<UInt8>) {
    guard let uuid = UUID(text) else { return nil }
    self.uuid = uuid
  }

  package static func < (left: UserID, right: UserID) -> Bool { left.uuid < right.uuid }
}

/// The identifier of a session: the `sid` of its access tokens.
package struct SessionID: Hashable, Comparable, Sendable {
  package let uuid: UUID

  package init(_ uuid: UUID) { self.uuid = uuid }

  /// The identifier written as `text`, or nil unless it is a lower-case UUID.
  package init?(_ text: Span<UInt8>) {
    guard let uuid = UUID(text) else { return nil }
    self.uuid = uuid
  }

  package static func < (left: SessionID, right: SessionID) -> Bool { left.uuid < right.uuid }
}

/// The identifier of an API key; it stands in the key itself and is no secret.
package struct APIKeyID: Hashable, Comparable, Sendable {
  package let uuid: UUID

  package init(_ uuid: UUID) { self.uuid = uuid }

  /// The identifier written as `text`, or nil unless it is a lower-case UUID.
  package init?(_ text: Span<UInt8>) {
    guard let uuid = UUID(text) else { return nil }
    self.uuid = uuid
  }

  package static func < (left: APIKeyID, right: APIKeyID) -> Bool { left.uuid < right.uuid }
}

extension UserID: CustomStringConvertible {
  package var description: String { uuid.description }
}

extension SessionID: CustomStringConvertible {
  package var description: String { uuid.description }
}

extension APIKeyID: CustomStringConvertible {
  package var description: String { uuid.description }
}
