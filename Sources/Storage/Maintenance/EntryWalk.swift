// Every key and value of a stored tree in order, one page of each level in memory at a time.

import Platform

/// Passes the entries of a tree to whoever asks for them.
struct EntryWalk<Source: PageSource> {
  private var source: Source
  private let limits: PageLimits
  private var key: [UInt8] = []
  private var value: [UInt8] = []
  private let lower: [UInt8]
  /// On the way down to the first leaf. Pages behind it lie above `lower`.
  private var isSeeking: Bool

  /// - Parameter lower: entries below this key are passed over, and pages with nothing else are not read.
  init(_ source: Source, _ limits: PageLimits, from lower: [UInt8] = []) {
    self.source = source
    self.limits = limits
    self.lower = lower
    isSeeking = !lower.isEmpty
  }

  /// Calls `body` for each entry under `root`, in ascending order of keys, until it says stop.
  ///
  /// - Throws: `.pageDamaged`, `.io`, what `body` throws.
  mutating func run<Failure: StorageErrorCarrier>(
    _ root: PagePointer, height: Int, _ body: (Span<UInt8>, Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) {
    _ = try visit(root, level: height - 1, body)
  }

  private mutating func visit<Failure: StorageErrorCarrier>(
    _ pointer: PagePointer, level: Int, _ body: (Span<UInt8>, Span<UInt8>) throws(Failure) -> ScanStep
  ) throws(Failure) -> ScanStep {
    let page: Page
    do throws(StorageError) {
      page = try source.page(pointer, level: level)
      guard page.kind == (level == 0 ? .leaf : .inner), page.level == level else {
        throw .pageDamaged(page: pointer.id, reason: "it is of another kind or level than its place in the tree")
      }
    } catch { throw Failure(error) }
    guard level == 0 else {
      let first = isSeeking ? lower.span.withLentBytes { page.childIndex(for: $0) } : 0
      for index in first...page.count where try visit(page.child(index), level: level - 1, body) == .stop { return .stop }
      return .next
    }
    isSeeking = false
    for index in 0..<page.count {
      do throws(StorageError) { try load(page, index) } catch { throw Failure(error) }
      if key.lexicographicallyPrecedes(lower) { continue }
      if try body(key.span, value.span) == .stop { return .stop }
    }
    return .next
  }

  private mutating func load(_ page: Page, _ index: Int) throws(StorageError) {
    key.removeAll(keepingCapacity: true)
    value.removeAll(keepingCapacity: true)
    page.prefix.append(to: &key)
    page.suffix(index).append(to: &key)
    guard page.isOverflow(index) else { return page.value(index).append(to: &value) }
    let place = page.overflowPlace(index)
    for offset in 0..<limits.overflowPageCount(place.byteCount) {
      let id = place.first.id + UInt64(offset)
      guard id <= PagePointer.maxID else {
        throw .pageDamaged(page: page.pointer.id, reason: "value \(index) lies outside of any file")
      }
      let part = try source.overflowPage(PagePointer(id: id, epoch: place.first.epoch))
      guard part.kind == .overflow, part.heapUsed == min(place.byteCount - value.count, limits.overflowByteCount) else {
        throw .pageDamaged(page: id, reason: "it is not the part of a value that page \(page.pointer.id) says")
      }
      part.overflowPart.append(to: &value)
    }
  }
}

extension LentBytes {
  /// Copies the bytes to the end of an array.
  func append(to array: inout [UInt8]) { withSpan { bytes in for index in bytes.indices { array.append(bytes[index]) } } }
}
