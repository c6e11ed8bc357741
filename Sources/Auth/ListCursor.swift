// Where a list goes on: opaque to clients, tied to its list and filters, impossible to make by hand.

import Codecs
import Crypto

/// The cursors of one list under its filters.
///
/// A cursor is base64url of: version 4, the list, the place, and a tag (16 bytes) over version, list, filters and place. So a cursor of another
/// list, of other filters, of another server, or one that was edited is none.
struct ListCursor: Sendable {
  private let list: List
  private let filters: [UInt8]
  private let key: HMACSHA256

  /// Values are in cursors that clients hold; never renumber.
  enum List: UInt8, Sendable {
    case users = 1
    case audit = 2
    case sessions = 3
    case roles = 4
    case apiKeys = 5
  }

  private static let version: UInt8 = 4
  private static let tagByteCount = 16
  /// More than any place that a list has; with what its keys begin with it still fits into one.
  static let maxPlaceByteCount = 400

  /// - Parameter filters: all that decides what is in the list and in which order, each in its place; nil for one that is not set.
  init(_ list: List, filters: [String?], key: HMACSHA256) {
    self.list = list
    self.key = key
    // Each with its length, so that no two lists of filters are the same bytes.
    var bytes: [UInt8] = []
    for filter in filters {
      let length = UInt32(filter.map { $0.utf8.count + 1 } ?? 0)
      for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
      if let filter { bytes += Array(filter.utf8) }
    }
    self.filters = bytes
  }

  /// The cursor of a place, made of `[A-Za-z0-9_-]`.
  func text(at place: [UInt8]) -> String {
    precondition(place.count <= Self.maxPlaceByteCount, "a place of \(place.count) bytes")
    let tag = tag(of: place)
    return Base64URL.encodedString(([Self.version, list.rawValue] + place + tag).span)
  }

  /// The place of a cursor.
  ///
  /// - Throws: `.invalidCursor` unless this server made it for this list under these filters.
  func place(_ text: String) throws(AuthError) -> [UInt8] {
    let maxByteCount = 2 + Self.maxPlaceByteCount + Self.tagByteCount
    guard text.utf8.count <= maxByteCount * 2, let bytes = Base64URL.decode(text.utf8.span),
      bytes.count >= 2 + Self.tagByteCount, bytes.count <= maxByteCount
    else { throw .invalidCursor }
    let place = Array(bytes[2..<(bytes.count - Self.tagByteCount)])
    let tag = tag(of: place)
    guard constantTimeEquals(bytes.span.extracting((bytes.count - Self.tagByteCount)...), tag.span), bytes[0] == Self.version,
      bytes[1] == list.rawValue
    else { throw .invalidCursor }
    return place
  }

  private func tag(of place: [UInt8]) -> [UInt8] {
    let digest = key.authenticate { hash in
      hash.update([Self.version, list.rawValue].span)
      hash.update([UInt8(truncatingIfNeeded: filters.count), UInt8(truncatingIfNeeded: filters.count >> 8)].span)
      hash.update(filters.span)
      hash.update(place.span)
    }
    return (0..<Self.tagByteCount).map { digest.bytes[$0] }
  }
}
