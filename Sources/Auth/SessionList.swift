// One page of a user's sessions: what is asked for, and what comes back.

import Codecs
import Crypto

/// The question behind the lists of sessions.
package struct SessionListQuery: Sendable {
  package let limit: Int
  /// The `nextCursor` of the page before; nil for the first page.
  package let cursor: String?

  package static let limits = 1...200
  package static let defaultLimit = 50

  /// - Returns: nil if `limit` is outside 1-200.
  package init?(limit: Int = defaultLimit, cursor: String? = nil) {
    guard Self.limits.contains(limit) else { return nil }
    self.limit = limit
    self.cursor = cursor
  }
}

/// Sessions that live, newest first, and where to go on.
package struct SessionPage: Sendable {
  package let sessions: [Session]
  /// Nil on the last page. Made of `[A-Za-z0-9_-]`.
  package let nextCursor: String?
}

/// The place after one session of one user, as 66 base64url digits.
///
/// Bytes: version 3, the user's identifier (16), the session's (16), tag (16) over all before it. Other versions are of other lists.
struct SessionCursor: Sendable {
  let userID: UUID
  let last: UUID

  private static let version: UInt8 = 3
  private static let bodyByteCount = 33
  private static let byteCount = 49

  init(userID: UUID, last: UUID) {
    self.userID = userID
    self.last = last
  }

  /// The cursor written as `text`, or nil if this server did not write it for the sessions of this user.
  init?(_ text: Span<UInt8>, of userID: UUID, key: HMACSHA256) {
    var bytes = InlineArray<49, UInt8>(repeating: 0)
    var target = bytes.mutableSpan
    guard Base64URL.decode(text, into: &target) == Self.byteCount else { return nil }
    let body = bytes.span.extracting(0..<Self.bodyByteCount)
    guard key.isValid(bytes.span.extracting(Self.bodyByteCount..<Self.byteCount), for: body), bytes[0] == Self.version,
      UUID(bytes: body.extracting(1..<17)) == userID, let last = UUID(bytes: body.extracting(17..<33))
    else { return nil }
    self.userID = userID
    self.last = last
  }

  func text(key: HMACSHA256) -> String {
    var bytes: [UInt8] = [Self.version]
    for identifier in [userID.bytes, last.bytes] {
      for index in identifier.indices { bytes.append(identifier[index]) }
    }
    let tag = key.authenticate(bytes.span)
    for index in 0..<16 { bytes.append(tag.bytes[index]) }
    return Base64URL.encodedString(bytes.span)
  }
}
