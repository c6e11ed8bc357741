// How much of an answer there is: just what a client needs that trusts its server.

/// The status and the length of an answer whose head has come.
struct AnswerHead {
  let status: Int
  let bodyStart: Int
  /// Head and body.
  let byteCount: Int

  /// Nil while the head is not whole. A head without a length has no body.
  init?(_ bytes: Span<UInt8>) {
    let carriageReturn = UInt8(ascii: "\r")
    var length = 0
    var index = 12
    while index + 3 < bytes.count {
      guard bytes[index] == carriageReturn else { index += 1; continue }
      if bytes[index + 2] == carriageReturn {
        status = Int(bytes[9] &- 48) * 100 + Int(bytes[10] &- 48) * 10 + Int(bytes[11] &- 48)
        bodyStart = index + 4
        byteCount = bodyStart + length
        return
      }
      index += 2
      if let value = Self.contentLength(bytes, at: index) { length = value }
    }
    return nil
  }

  /// In lower case; the dash and the blank have no other case.
  private static let name = Array("content-length: ".utf8)

  private static func contentLength(_ bytes: Span<UInt8>, at start: Int) -> Int? {
    guard bytes[start] | 0x20 == UInt8(ascii: "c") else { return nil }
    var index = start
    for unit in name {
      guard index < bytes.count, bytes[index] | 0x20 == unit | 0x20 else { return nil }
      index += 1
    }
    var value = 0
    while index < bytes.count, bytes[index] >= 48, bytes[index] < 58 {
      value = value &* 10 &+ Int(bytes[index] - 48)
      index += 1
    }
    return value
  }
}

extension Span<UInt8> {
  /// The text of a member of a JSON object that has no escapes in it; nil if there is none.
  func text(of member: [UInt8]) -> [UInt8]? {
    let quote = UInt8(ascii: "\"")
    let opening = [quote] + member + [quote, UInt8(ascii: ":"), quote]
    var index = 0
    while index + opening.count < count {
      if self[index] == quote, opening.indices.allSatisfy({ self[index + $0] == opening[$0] }) {
        var value: [UInt8] = []
        index += opening.count
        while index < count, self[index] != quote {
          value.append(self[index])
          index += 1
        }
        return value
      }
      index += 1
    }
    return nil
  }
}
