// A second reader of chunked bodies, slow and plain: it waits for the end of a line, then takes the line apart.

package import HTTP

package enum PlainChunks {
  package static func read(_ bytes: [UInt8], maxByteCount: Int, _ limits: HTTPLimits) -> ChunkReading {
    var rest = bytes[...]
    var body: [UInt8] = []
    var extensionByteCount = 0
    while true {
      guard let line = takeLine(&rest) else { return .short }
      let digits = line.prefix { $0 != UInt8(ascii: ";") }
      let text = String(decoding: digits, as: UTF8.self)
      extensionByteCount += line.count - digits.count
      guard (1...16).contains(digits.count), text.utf8.allSatisfy(isHexDigit), let size = UInt64(text, radix: 16),
        areExtensions(line.dropFirst(digits.count)), extensionByteCount <= ChunkedDecoder.maxExtensionByteCount,
        size <= UInt64(maxByteCount - body.count)
      else { return .refused }
      if size == 0 { break }
      let data = rest.prefix(Int(size))
      body += data
      rest = rest.dropFirst(Int(size))
      if !Array("\r\n".utf8).starts(with: rest.prefix(2)) { return .refused }
      if rest.count < 2 { return .short }
      rest = rest.dropFirst(2)
    }
    let start = rest.startIndex
    var count = 0
    while let line = takeLine(&rest) {
      if rest.startIndex - start > limits.maxHeaderByteCount { return .refused }
      if line.isEmpty { return .whole(body, end: rest.startIndex) }
      count += 1
      let name = line.prefix { $0 != UInt8(ascii: ":") }
      guard count <= limits.maxFieldCount, !name.isEmpty, name.count < line.count, name.allSatisfy(isToken),
        line.dropFirst(name.count).allSatisfy(isText)
      else { return .refused }
    }
    return .short
  }

  /// What comes before the next CR LF, which is taken as well.
  private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let end = rest.indices.first(where: { rest[$0...].starts(with: [13, 10]) }) else { return nil }
    defer { rest = rest[(end + 2)...] }
    return rest[..<end]
  }

  private static func areExtensions(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    while let first = rest.popFirst() {
      let name = rest.prefix(while: isToken)
      rest = rest.dropFirst(name.count)
      if first != UInt8(ascii: ";") || name.isEmpty { return false }
      if rest.first != UInt8(ascii: "=") { continue }
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "\"") {
        guard let end = quotedEnd(rest) else { return false }
        rest = rest[end...]
      } else {
        let value = rest.prefix(while: isToken)
        if value.isEmpty { return false }
        rest = rest.dropFirst(value.count)
      }
    }
    return true
  }

  /// Behind the quote that ends what begins with one; nil if there is none, or something before it that may not be quoted.
  private static func quotedEnd(_ text: ArraySlice<UInt8>) -> Int? {
    var place = text.startIndex + 1
    while place < text.endIndex {
      if text[place] == UInt8(ascii: "\"") { return place + 1 }
      if text[place] == UInt8(ascii: "\\") { place += 1 }
      guard place < text.endIndex, isText(text[place]) else { return nil }
      place += 1
    }
    return nil
  }

  private static func isText(_ byte: UInt8) -> Bool { byte == 9 || (byte >= 0x20 && byte != 0x7f) }
}
