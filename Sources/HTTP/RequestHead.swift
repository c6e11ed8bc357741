// What the parser found in the head of a request: places and numbers, no copies.

/// A run of bytes by its place, counted from the first byte of the request.
@usableFromInline
package struct BytePlace: Sendable, Equatable {
  @usableFromInline package var start: UInt32
  @usableFromInline package var count: UInt32

  init(_ start: Int, _ end: Int) {
    self.start = UInt32(truncatingIfNeeded: start)
    count = UInt32(truncatingIfNeeded: end &- start)
  }

  static let nowhere = BytePlace(0, 0)

  /// The place in a buffer where the request begins at `base`.
  @inlinable
  func range(from base: Int) -> Range<Int> {
    let first = base &+ Int(start)
    return unsafe Range(uncheckedBounds: (first, first &+ Int(count)))
  }
}

/// One header field line.
@usableFromInline
package struct FieldPlace: Sendable {
  /// Without white space at either end.
  @usableFromInline package let value: BytePlace
  /// nil for a name that the house does not read.
  package let name: HeaderName?
}

/// The head of one request. It is filled again and again, so that parsing allocates nothing once its table has grown.
@usableFromInline
package struct RequestHead: ~Copyable, Sendable {
  /// How the length of the body is told.
  package enum Framing: Equatable, Sendable {
    case none
    case length(Int)
    case chunked
  }

  /// nil for a well-formed name that is not known.
  package var method: Method?
  /// 0 or 1; a higher minor version is understood as 1 (RFC 9110 §2.5).
  package var minorVersion: UInt8 = 1
  /// Empty where an absolute target had no path, which means `/`, and for `*`.
  package var path = BytePlace.nowhere
  package var query = BytePlace.nowhere
  package var isAsterisk = false
  /// From an absolute target, else from Host.
  package var authority = BytePlace.nowhere
  package var framing = Framing.none
  /// Whether the connection may go on after the answer.
  package var isPersistent = true
  /// Whether the client waits for 100 before it sends the body.
  package var expectsContinue = false
  /// Everything up to and including the empty line.
  package var byteCount = 0

  @usableFromInline package var fields: [FieldPlace] = []
  /// For each known name the index of its first line plus one.
  @usableFromInline var firstLines = InlineArray<20, UInt8>(repeating: 0)
  /// For each known name how many lines carry it.
  var lineCounts = InlineArray<20, UInt8>(repeating: 0)

  package init() { fields.reserveCapacity(32) }

  mutating func reset() {
    method = nil
    minorVersion = 1
    path = .nowhere
    query = .nowhere
    isAsterisk = false
    authority = .nowhere
    framing = .none
    isPersistent = true
    expectsContinue = false
    byteCount = 0
    fields.removeAll(keepingCapacity: true)
    firstLines = InlineArray(repeating: 0)
    lineCounts = InlineArray(repeating: 0)
  }

  /// Adds a line. The caller bounds how many there are to at most 255.
  mutating func add(_ name: HeaderName?, _ value: BytePlace) {
    fields.append(FieldPlace(value: value, name: name))
    guard let name else { return }
    let slot = Int(name.rawValue)
    if firstLines[slot] == 0 { firstLines[slot] = UInt8(truncatingIfNeeded: fields.count) }
    lineCounts[slot] &+= 1
  }

  /// The value of the first line with this name.
  @inlinable
  func firstValue(_ name: HeaderName) -> BytePlace? {
    let line = firstLines[Int(name.rawValue)]
    return line == 0 ? nil : fields[Int(line) &- 1].value
  }

  func lineCount(_ name: HeaderName) -> Int { Int(lineCounts[Int(name.rawValue)]) }

  /// A copy for another thread.
  func copy() -> RequestHead {
    var head = RequestHead()
    head.method = method
    head.minorVersion = minorVersion
    head.path = path
    head.query = query
    head.isAsterisk = isAsterisk
    head.authority = authority
    head.framing = framing
    head.isPersistent = isPersistent
    head.expectsContinue = expectsContinue
    head.byteCount = byteCount
    head.fields = fields
    head.firstLines = firstLines
    head.lineCounts = lineCounts
    return head
  }
}
