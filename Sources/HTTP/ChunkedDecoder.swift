// Finds the body in the chunked transfer coding, byte by byte (RFC 9112 §7.1).

/// A pure state machine over the bytes that follow the head of a request.
///
/// It remembers all it needs, so how the bytes were cut into segments on their way cannot matter. What some readers let pass and others
/// read differently is refused: signs and white space around sizes, bare line ends, folded trailers, and white space in extensions,
/// although §7.1.1 would have it removed.
package struct ChunkedDecoder: Sendable {
  package enum Part: Equatable, Sendable {
    /// These bytes of the input are bytes of the body, the next ones in order.
    case data(Range<Int>)
    /// The input ended before the coding did.
    case more
    /// All is read, trailers included; the next request begins behind it.
    case end
  }

  private enum Place: UInt8 {
    case sizeStart, size, extensionStart, extensionName, valueStart, value, quoted, quotedPair, quotedEnd, sizeLineFeed
    case data, dataCarriageReturn, dataLineFeed
    case trailerStart, trailerName, trailerValue, trailerLineFeed, lastLineFeed, ended
  }

  private let maxBodyByteCount: Int
  private let maxTrailerByteCount: Int
  private let maxTrailerCount: Int
  private var place = Place.sizeStart
  private var digitCount = 0
  /// Of the current chunk.
  private var remainingByteCount: UInt64 = 0
  private var extensionByteCount = 0
  private var trailerByteCount = 0
  private var trailerCount = 0
  /// What has been handed out as data.
  package private(set) var bodyByteCount = 0

  /// How much more of a body the limit allows.
  package var remainingBodyByteCount: Int { maxBodyByteCount &- bodyByteCount }

  /// Leading zeros included.
  package static let maxSizeDigitCount = 16
  /// In all chunks of one body together.
  package static let maxExtensionByteCount = 4096

  /// - Parameters:
  ///   - maxBodyByteCount: of the body itself; the sizes and line ends around it do not count.
  ///   - limits: those of a header section hold for the trailer section as well.
  package init(maxBodyByteCount: Int, limits: HTTPLimits) {
    self.maxBodyByteCount = maxBodyByteCount
    maxTrailerByteCount = limits.maxHeaderByteCount
    maxTrailerCount = limits.maxFieldCount
  }

  /// Reads on at `index` and moves it behind what is done with. After `.end` nothing more is read.
  package mutating func next(_ bytes: Span<UInt8>, _ index: inout Int) throws(BodyRefusal) -> Part {
    while place != .ended {
      guard index < bytes.count else { return .more }
      if place == .data {
        let start = index
        let count = Int(min(remainingByteCount, UInt64(bytes.count &- start)))
        remainingByteCount &-= UInt64(count)
        bodyByteCount &+= count
        index = start &+ count
        if remainingByteCount == 0 { place = .dataCarriageReturn }
        return .data(start..<index)
      }
      place = try follow(bytes[index])
      index &+= 1
    }
    return .end
  }

  // chunked-body = *chunk last-chunk trailer-section CRLF                                      (RFC 9112 §7.1)
  // chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
  // last-chunk   = 1*"0" [ chunk-ext ] CRLF
  private mutating func follow(_ byte: UInt8) throws(BodyRefusal) -> Place {
    switch place {
    case .sizeStart, .size: return try followSize(byte)
    case .extensionStart, .extensionName, .valueStart, .value, .quoted, .quotedPair, .quotedEnd:
      extensionByteCount &+= 1
      if extensionByteCount > Self.maxExtensionByteCount { throw .extensionsTooLong }
      return try followExtension(byte)
    case .sizeLineFeed:
      if byte != Self.lineFeed { throw .badChunkLine }
      if remainingByteCount > UInt64(maxBodyByteCount &- bodyByteCount) { throw .bodyTooLarge(limit: maxBodyByteCount) }
      return remainingByteCount == 0 ? .trailerStart : .data
    case .dataCarriageReturn:
      if byte != Self.carriageReturn { throw .badChunkEnd }
      return .dataLineFeed
    case .dataLineFeed:
      if byte != Self.lineFeed { throw .badChunkEnd }
      return .sizeStart
    case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
      trailerByteCount &+= 1
      if trailerByteCount > maxTrailerByteCount { throw .trailersTooLarge }
      return try followTrailer(byte)
    case .data, .ended: preconditionFailure("a byte of the body taken for one of its framing")
    }
  }

  // chunk-size = 1*HEXDIG
  private mutating func followSize(_ byte: UInt8) throws(BodyRefusal) -> Place {
    if let digit = Self.hexDigit(byte) {
      if place == .sizeStart { (remainingByteCount, digitCount) = (0, 0) }
      if digitCount == Self.maxSizeDigitCount { throw .badChunkSize }
      digitCount &+= 1
      remainingByteCount = remainingByteCount &<< 4 | digit
      return .size
    }
    if place == .sizeStart { throw .badChunkSize }
    switch byte {
    case UInt8(ascii: ";"): return .extensionStart
    case Self.carriageReturn: return .sizeLineFeed
    default: throw .badChunkSize
    }
  }

  // chunk-ext     = *( ";" chunk-ext-name [ "=" chunk-ext-val ] )                              (§7.1.1)
  // chunk-ext-val = token / quoted-string
  // quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE                                    (RFC 9110 §5.6.4)
  private func followExtension(_ byte: UInt8) throws(BodyRefusal) -> Place {
    let isToken = CharacterClass.token.contains(byte)
    switch (place, byte) {
    case (.extensionStart, _) where isToken, (.extensionName, _) where isToken: return .extensionName
    case (.extensionName, UInt8(ascii: "=")): return .valueStart
    case (.valueStart, UInt8(ascii: "\"")): return .quoted
    case (.valueStart, _) where isToken, (.value, _) where isToken: return .value
    case (.quoted, UInt8(ascii: "\"")): return .quotedEnd
    case (.quoted, UInt8(ascii: "\\")): return .quotedPair
    case (.quoted, _) where Self.isText(byte), (.quotedPair, _) where Self.isText(byte): return .quoted
    case (.extensionName, UInt8(ascii: ";")), (.value, UInt8(ascii: ";")), (.quotedEnd, UInt8(ascii: ";")): return .extensionStart
    case (.extensionName, Self.carriageReturn), (.value, Self.carriageReturn), (.quotedEnd, Self.carriageReturn):
      return .sizeLineFeed
    default: throw .badChunkExtension
    }
  }

  // trailer-section = *( field-line CRLF )                                                     (§7.1.2)
  private mutating func followTrailer(_ byte: UInt8) throws(BodyRefusal) -> Place {
    switch place {
    case .trailerStart where byte == Self.carriageReturn: return .lastLineFeed
    case .trailerStart where CharacterClass.token.contains(byte):
      if trailerCount == maxTrailerCount { throw .tooManyTrailers }
      trailerCount &+= 1
      return .trailerName
    case .trailerName where CharacterClass.token.contains(byte): return .trailerName
    case .trailerName where byte == UInt8(ascii: ":"): return .trailerValue
    case .trailerValue where byte == Self.carriageReturn: return .trailerLineFeed
    case .trailerValue where Self.isText(byte): return .trailerValue
    case .trailerLineFeed where byte == Self.lineFeed: return .trailerStart
    case .lastLineFeed where byte == Self.lineFeed: return .ended
    default: throw .badTrailer
    }
  }

  private static func hexDigit(_ byte: UInt8) -> UInt64? {
    if CharacterClass.isDigit(byte) { return UInt64(byte &- 0x30) }
    return CharacterClass.isHexDigit(byte) ? UInt64((byte | 0x20) &- 0x57) : nil
  }

  /// HTAB / SP / VCHAR / obs-text
  private static func isText(_ byte: UInt8) -> Bool { byte == 0x09 || byte >= 0x20 && byte != 0x7f }

  private static let carriageReturn: UInt8 = 0x0d
  private static let lineFeed: UInt8 = 0x0a
}
