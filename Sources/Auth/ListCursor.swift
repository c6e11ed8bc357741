// Where a list goes on: opaque to clients, tied to its list, impossible to make by hand.

import Codecs
import Crypto

/// The place after one row of the list of users, as 46 base64url digits.
///
/// Bytes: version 1, order, the row's identifier (16), tag (16) over all before it.
struct ListCursor: Sendable, Equatable {
  let order: UserListQuery.Order
  let last: UUID

  private static let version: UInt8 = 1
  private static let bodyByteCount = 18
  private static let byteCount = 34

  init(order: UserListQuery.Order, last: UUID) {
    self.order = order
    self.last = last
  }

  /// The cursor written as `text`, or nil if this server did not write it for a list in this order.
  init?(_ text: Span<UInt8>, for order: UserListQuery.Order, key: HMACSHA256) {
    var bytes = InlineArray<34, UInt8>(repeating: 0)
    var target = bytes.mutableSpan
    guard Base64URL.decode(text, into: &target) == Self.byteCount else { return nil }
    let body = bytes.span.extracting(0..<Self.bodyByteCount)
    guard key.isValid(bytes.span.extracting(Self.bodyByteCount..<Self.byteCount), for: body), bytes[0] == Self.version,
      bytes[1] == order.code, let last = UUID(bytes: body.extracting(2..<Self.bodyByteCount))
    else { return nil }
    self.order = order
    self.last = last
  }

  func text(key: HMACSHA256) -> String {
    var bytes: [UInt8] = [Self.version, order.code]
    let identifier = last.bytes
    for index in identifier.indices { bytes.append(identifier[index]) }
    let tag = key.authenticate(bytes.span)
    for index in 0..<16 { bytes.append(tag.bytes[index]) }
    return Base64URL.encodedString(bytes.span)
  }
}

extension UserListQuery.Order {
  /// Its number in cursors.
  fileprivate var code: UInt8 {
    switch self {
    case .oldestFirst: 1
    case .newestFirst: 2
    }
  }
}
