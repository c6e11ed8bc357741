// Parsed JSON written again in compact form, as it is or changed by a merge patch (RFC 7396).

extension JSONWriter {
  /// A parsed value without white space, its strings with no escapes but those that JSON demands, its numbers as they were spelled.
  ///
  /// Nests as deep as the value does, which its parser has bounded.
  package mutating func value(_ value: JSONValue) {
    switch value.kind {
    case .object:
      beginObject()
      value.forEachMember { name, member in
        key(utf8: name.span)
        self.value(member)
      }
      endObject()
    case .array:
      beginArray()
      for element in value.elements { self.value(element) }
      endArray()
    case .string: value.withUTF8 { string($0) }
    case .number: value.withSource { raw($0) }
    case .boolean: boolean(value.boolean == true)
    case .null: null()
    }
  }

  /// What a patch makes of a value, or of nothing (RFC 7396 section 2). Members that stay keep their order; new ones follow in that of the patch.
  ///
  /// Takes time in proportion to both.
  package mutating func merge(_ target: JSONValue?, _ patch: JSONValue) {
    guard patch.kind == .object else { return value(patch) }
    // By bytes: to JSON, names are different as soon as their code points are.
    var changes: [[UInt8]: JSONValue] = [:]
    patch.forEachMember { name, change in changes[name] = change }
    beginObject()
    target?.forEachMember { name, member in
      guard let change = changes.removeValue(forKey: name) else {
        key(utf8: name.span)
        return value(member)
      }
      if change.isNull { return }
      key(utf8: name.span)
      merge(member, change)
    }
    patch.forEachMember { name, change in
      guard !change.isNull, changes[name] != nil else { return }
      key(utf8: name.span)
      merge(nil, change)
    }
    endObject()
  }
}

extension JSONValue {
  /// How many containers lie within each other, itself included; 0 for what is none.
  package var depth: Int {
    var ends: [Int] = []
    var deepest = 0
    for place in index..<store.nodes[index].next(after: index) {
      while let end = ends.last, end <= place { ends.removeLast() }
      let node = store.nodes[place]
      guard node.kind == .beginObject || node.kind == .beginArray else { continue }
      ends.append(node.next(after: place))
      deepest = max(deepest, ends.count)
    }
    return deepest
  }

  /// The members of an object in the order of the text, their names as UTF-8.
  fileprivate func forEachMember(_ body: (_ name: [UInt8], _ value: JSONValue) -> Void) {
    guard kind == .object else { return }
    var place = index + 1
    for _ in 0..<count {
      let content = store.nodes[place].content
      body(store.text.withSpan { $0.extracting(content).array() }, JSONValue(store: store, index: place + 1))
      place = store.nodes[place + 1].next(after: place + 1)
    }
  }

  /// Runs `body` on the value as it was spelled.
  fileprivate func withSource<Value>(_ body: (Span<UInt8>) -> Value) -> Value {
    let source = rawRange
    return store.text.withSpan { body($0.extracting(source)) }
  }
}
