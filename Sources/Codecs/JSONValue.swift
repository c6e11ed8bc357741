// A value inside a parsed JSON document, read without copying until someone asks for text.

/// A place in a `JSONDocument`. Asking for another kind than it has gives nil, or nothing to iterate over.
package struct JSONValue: Sendable {
  package enum Kind: Sendable {
    case object, array, string, number, boolean, null
  }

  let store: JSONStore
  let index: Int

  private var node: JSONNode { store.nodes[index] }

  package var kind: Kind {
    switch node.kind {
    case .beginObject: .object
    case .beginArray: .array
    case .string: .string
    case .number: .number
    case .true, .false: .boolean
    case .null: .null
    case .key, .endObject, .endArray, .end: preconditionFailure("node \(index) is no value")
    }
  }

  /// The text of a string.
  package var string: String? { node.kind == .string ? store.text.text(in: node.content) : nil }

  /// The text of a string as UTF-8.
  package var utf8: [UInt8]? { withUTF8 { $0.array() } }

  /// Runs `body` on the text of a string, without a copy; nil for other kinds.
  package func withUTF8<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure) -> Value? {
    guard node.kind == .string else { return nil }
    let content = node.content
    return try store.text.withSpan { text throws(Failure) in try body(text.extracting(content)) }
  }

  /// A number written without fraction and exponent that fits.
  package var integer: Int64? {
    let token = JSONToken(kind: node.kind, range: node.source)
    return store.text.withSpan { token.integer(in: $0) }
  }

  package var boolean: Bool? {
    switch node.kind {
    case .true: true
    case .false: false
    case .beginObject, .beginArray, .string, .number, .null, .key, .endObject, .endArray, .end: nil
    }
  }

  package var isNull: Bool { node.kind == .null }

  /// Where the value's source lies in the parsed bytes.
  package var rawRange: Range<Int> { node.source }

  /// How many elements or members it has; zero for other kinds.
  package var count: Int { node.kind == .beginObject || node.kind == .beginArray ? node.childCount : 0 }

  /// The member of that name, in time proportional to the members.
  package subscript(_ name: StaticString) -> JSONValue? {
    guard node.kind == .beginObject else { return nil }
    var key = index + 1
    for _ in 0..<node.childCount {
      let content = store.nodes[key].content
      if store.text.withSpan({ $0.extracting(content).equals(name) }) { return JSONValue(store: store, index: key + 1) }
      key = store.nodes[key + 1].next(after: key + 1)
    }
    return nil
  }

  /// The members of an object in the order of the text.
  package var members: JSONMembers {
    JSONMembers(store: store, nextIndex: index + 1, left: node.kind == .beginObject ? node.childCount : 0)
  }

  /// The elements of an array.
  package var elements: JSONElements {
    JSONElements(store: store, nextIndex: index + 1, left: node.kind == .beginArray ? node.childCount : 0)
  }
}

package struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  let store: JSONStore
  var nextIndex: Int
  var left: Int

  package var underestimatedCount: Int { left }

  package mutating func next() -> (name: String, value: JSONValue)? {
    guard left > 0 else { return nil }
    left -= 1
    let name = store.text.text(in: store.nodes[nextIndex].content)
    let value = nextIndex + 1
    nextIndex = store.nodes[value].next(after: value)
    return (name, JSONValue(store: store, index: value))
  }
}

package struct JSONElements: Sequence, IteratorProtocol, Sendable {
  let store: JSONStore
  var nextIndex: Int
  var left: Int

  package var underestimatedCount: Int { left }

  package mutating func next() -> JSONValue? {
    guard left > 0 else { return nil }
    left -= 1
    let value = nextIndex
    nextIndex = store.nodes[value].next(after: value)
    return JSONValue(store: store, index: value)
  }
}
