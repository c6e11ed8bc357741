// Encoded operations cut in two where replay takes them in parts. docs/file-format.md §6.

import TestSupport
import Testing

@testable import Storage

struct OperationTests {
  private let limits = PageLimits(pageByteCount: 8192)

  private func encoded(_ valueByteCounts: [Int]) -> Bytes {
    let buffer = OperationBuffer()
    for (index, count) in valueByteCounts.enumerated() {
      let key = Bytes("key \(index)".utf8), value = Bytes(repeating: 7, count: count)
      key.span.withLentBytes { key in
        value.span.withLentBytes { value in
          #expect(buffer.append(key, count == 0 ? nil : value, limit: .max))
        }
      }
    }
    return buffer.bytes.withSpan { Bytes(copying: $0) }
  }

  @Test(arguments: [
    [10, 10], [10, 5000], [5000, 10], [0, 0, 0], [1, 1, 90_000, 1], [1, 1, 1, 90_000], [300, 300, 300, 300],
  ])
  func `both parts are whole operations, and neither is empty`(_ counts: [Int]) throws {
    let bytes = encoded(counts)
    let cut = try OperationDecoder.middle(of: bytes.span, limits)
    #expect(cut > 0 && cut < bytes.count)
    var found = 0
    for part in [0..<cut, cut..<bytes.count] {
      try bytes.span.extracting(part).withLentBytes { part throws(StorageError) in
        var decoder = OperationDecoder(part, limits)
        while try decoder.next() != nil { found += 1 }
      }
    }
    #expect(found == counts.count)
  }

  @Test func `one operation has no middle`() throws {
    let bytes = encoded([100])
    #expect(try OperationDecoder.middle(of: bytes.span, limits) == bytes.count)
  }

  @Test func `a buffer takes operations up to its limit and not one byte more`() {
    let buffer = OperationBuffer()
    let key = Bytes("key".utf8), value = Bytes(repeating: 1, count: 127)
    key.span.withLentBytes { key in
      value.span.withLentBytes { value in
        let byteCount = OperationBuffer.byteCount(key, value)
        #expect(byteCount == 1 + 1 + 3 + 1 + 127)
        #expect(!buffer.append(key, value, limit: byteCount - 1) && buffer.count == 0)
        #expect(buffer.append(key, value, limit: byteCount) && buffer.count == byteCount)
        #expect(!buffer.append(key, nil, limit: byteCount + 4) && buffer.append(key, nil, limit: byteCount + 5))
      }
    }
  }
}
