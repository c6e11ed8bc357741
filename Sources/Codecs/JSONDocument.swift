// A whole JSON text (RFC 8259) read, checked and kept: a copy of the bytes beside one flat array of nodes.

/// One parsed JSON text.
///
/// Parsing refuses everything that strict readers disagree on: duplicate keys, bytes after the value, lone surrogates, invalid
/// UTF-8, a byte order mark. It takes time and memory in proportion to the text (n log n in the members of one object) and uses
/// no recursion. The document is immutable and may be read from any thread; its values keep it alive.
package struct JSONDocument: Sendable {
  let store: JSONStore

  package init(_ bytes: Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    let builder = JSONDocumentBuilder(bytes, limits: limits)
    store = try builder.build(from: bytes)
  }

  package var root: JSONValue { JSONValue(store: store, index: 0) }
}

/// What a document and its values share.
final class JSONStore: Sendable {
  /// The text as it came, followed by the decoded form of each string that has escapes.
  let text: ByteBuffer
  /// The values in the order of the text; a member's name comes before its value.
  let nodes: [JSONNode]

  init(text: consuming ByteBuffer, nodes: [JSONNode]) {
    self.text = text
    self.nodes = nodes
  }
}

/// One value, or one member's name.
struct JSONNode {
  let kind: JSONToken.Kind
  /// Where the source of the whole value begins and ends, quotes and brackets included.
  let start: UInt32
  var end: UInt32
  /// Strings: where the decoded text begins and ends. Containers: how many elements or members, and the index of the node after
  /// all of them.
  var first: UInt32
  var second: UInt32

  var source: Range<Int> { Int(start)..<Int(end) }
  /// Strings and keys only.
  var content: Range<Int> { Int(first)..<Int(second) }
  /// Containers only.
  var childCount: Int { Int(first) }

  /// The index of the node after this one, which is at `index`, and all that it contains.
  func next(after index: Int) -> Int { kind == .beginObject || kind == .beginArray ? Int(second) : index + 1 }
}

/// Turns tokens into nodes.
struct JSONDocumentBuilder: ~Copyable {
  /// Objects up to this many members are searched for duplicates pair by pair, larger ones by sorting.
  private static let maxPairwise = 16

  private var text: ByteBuffer
  private var nodes: [JSONNode] = []
  /// The containers that are still open, outermost first.
  private var open: [Int] = []
  private var scanner: JSONScanner

  init(_ bytes: Span<UInt8>, limits: JSONLimits) {
    scanner = JSONScanner(limits: limits)
    text = ByteBuffer(capacity: min(bytes.count, limits.maxByteCount))
    nodes.reserveCapacity(min(bytes.count / 8 + 2, 1024))
  }

  consuming func build(from bytes: Span<UInt8>) throws(JSONError) -> JSONStore {
    while true {
      let token = try scanner.next(in: bytes)
      // The scanner has now seen that the text is within its limit.
      if text.count == 0 { text.append(bytes) }
      switch token.kind {
      case .beginObject, .beginArray:
        countInParent()
        open.append(nodes.count)
        nodes.append(JSONNode(kind: token.kind, start: UInt32(token.range.lowerBound), end: 0, first: 0, second: 0))
      case .endObject:
        let index = close(at: token.range.upperBound)
        try refuseDuplicates(in: index)
      case .endArray:
        _ = close(at: token.range.upperBound)
      case .key:
        appendString(token, from: bytes)
      case .string:
        countInParent()
        appendString(token, from: bytes)
      case .number, .true, .false, .null:
        countInParent()
        let (start, end) = (UInt32(token.range.lowerBound), UInt32(token.range.upperBound))
        nodes.append(JSONNode(kind: token.kind, start: start, end: end, first: 0, second: 0))
      case .end:
        return JSONStore(text: text, nodes: nodes)
      }
    }
  }

  private mutating func countInParent() {
    if let parent = open.last { nodes[parent].first += 1 }
  }

  private mutating func appendString(_ token: JSONToken, from bytes: Span<UInt8>) {
    var content = token.range
    if token.hasEscapes {
      let start = text.count
      token.append(to: &text, from: bytes)
      content = start..<text.count
    }
    nodes.append(
      JSONNode(
        kind: token.kind, start: UInt32(token.range.lowerBound - 1), end: UInt32(token.range.upperBound + 1),
        first: UInt32(content.lowerBound), second: UInt32(content.upperBound)))
  }

  private mutating func close(at end: Int) -> Int {
    let index = open.removeLast()
    nodes[index].end = UInt32(end)
    nodes[index].second = UInt32(nodes.count)
    return index
  }

  /// Names are compared as they are meant, not as they are spelled. A hostile object of many names costs a sort, never their
  /// square.
  private borrowing func refuseDuplicates(in object: Int) throws(JSONError) {
    let count = nodes[object].childCount
    guard count > 1 else { return }
    var keys: [Int] = []
    keys.reserveCapacity(count)
    var index = object + 1
    for _ in 0..<count {
      keys.append(index)
      index = nodes[index + 1].next(after: index + 1)
    }
    if count <= Self.maxPairwise {
      for later in 1..<count {
        for earlier in 0..<later where compare(keys[earlier], keys[later]) == 0 {
          throw JSONError(.duplicateKey, at: Int(nodes[keys[later]].start))
        }
      }
    } else {
      keys.sort { left, right in
        let order = compare(left, right)
        return order == 0 ? left < right : order < 0
      }
      for place in 1..<count where compare(keys[place - 1], keys[place]) == 0 {
        throw JSONError(.duplicateKey, at: Int(nodes[keys[place]].start))
      }
    }
  }

  /// Negative, zero or positive as the first name is less than, equal to or greater than the second; shorter ones are less.
  private borrowing func compare(_ left: Int, _ right: Int) -> Int {
    let (left, right) = (nodes[left].content, nodes[right].content)
    guard left.count == right.count else { return left.count - right.count }
    return text.withSpan { text in
      for offset in 0..<left.count {
        let difference = Int(text[left.lowerBound &+ offset]) - Int(text[right.lowerBound &+ offset])
        if difference != 0 { return difference }
      }
      return 0
    }
  }
}
