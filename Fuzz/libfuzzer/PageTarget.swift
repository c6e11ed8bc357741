// Pages of a tree: whatever bytes a page with a good checksum has, it is refused, or everything that is read of it lies inside.

@testable import Storage

/// Bytes of a page of 512, in memory of its own whose borders AddressSanitizer watches.
@Sendable func judgePage(_ bytes: [UInt8]) -> String? {
  let limits = PageLimits(pageByteCount: 512)
  // SAFETY: the page has all of this memory, and nobody keeps it.
  let memory = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 16)
  defer { unsafe memory.deallocate() }
  for index in 0..<512 {
    unsafe memory.storeBytes(of: index < bytes.count ? bytes[index] : 0, toByteOffset: index, as: UInt8.self)
  }
  let page = unsafe Page(memory)
  // Short inputs should not have to find out how long a page is.
  page.store(UInt32(512), at: PageLayout.pageByteCount)
  let seal = PageSeal(DatabaseIdentity(high: 1, low: 2))
  let found = PageText(page)
  if found.checksum != 0, seal.fault(of: page, id: found.id, limits) == nil { return "\(bytes.shown) has the right checksum" }
  seal.set(on: page, byteCount: 512)
  let fault = seal.fault(of: page, id: page.pointer.id, limits)
  let plain = PageText(page)
  if (fault == nil) != plain.isSound { return "\(bytes.shown) is \(fault ?? "no fault"), the plain reader says \(plain.isSound)" }
  guard fault == nil else { return nil }
  if seal.fault(of: page, id: page.pointer.id ^ 1, limits) == nil { return "\(bytes.shown) is taken for another page" }
  if page.kind == .leaf || page.kind == .inner { search(page) }
  // The rest of what a check reads; what it finds wrong is its own business.
  var walk = IntegrityWalk(OnePage(page), limits)
  walk.check(page.pointer, height: page.level + 1, batch: .max)
  return walk.report.problems.allSatisfy { !$0.isEmpty } ? nil : "a complaint without a word about \(bytes.shown)"
}

/// Looks for keys that can be looked for in it: such as begin with its prefix.
private func search(_ page: Page) {
  var keys: [[UInt8]] = [[], [0], [0xff, 0xff, 0xff, 0xff, 0xff]]
  for index in 0..<page.count { keys.append(bytes(page.suffix(index))) }
  for key in keys {
    (bytes(page.prefix) + key).span.withLentBytes { key in
      let position = page.position(of: key)
      if position.index < page.count { _ = bytes(page.value(position.index)) }
    }
  }
}

private func bytes(_ lent: LentBytes) -> [UInt8] { (0..<lent.count).map { lent[$0] } }

/// The page that is judged; whatever else is asked for is not there.
private struct OnePage: PageSource {
  private let page: Page
  private var isFirst = true

  init(_ page: Page) { self.page = page }

  mutating func page(_ pointer: PagePointer, level: Int) throws(StorageError) -> Page {
    guard isFirst else { throw .pageDamaged(page: pointer.id, reason: "it is not there") }
    isFirst = false
    return page
  }

  mutating func overflowPage(_ pointer: PagePointer) throws(StorageError) -> Page {
    throw .pageDamaged(page: pointer.id, reason: "it is not there")
  }
}

/// docs/file-format.md §8 once more, on a copy of the bytes.
private struct PageText {
  private let bytes: [UInt8]

  init(_ page: Page) { bytes = (0..<512).map { page.load($0, as: UInt8.self) } }

  private func number(_ offset: Int, _ count: Int) -> Int {
    bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  var checksum: Int { number(0, 4) }
  var id: UInt64 { UInt64(number(16, 5)) & (1 << 36 - 1) }

  /// Its kind and level go together, slots end before the heap begins, and every cell and fence lies in the heap.
  var isSound: Bool {
    let (kind, level, count, prefix) = (number(8, 1), number(9, 1), number(12, 2), number(14, 2))
    let (heap, used) = (number(40, 2), number(42, 2))
    if kind == 3 || kind == 4 { return level == 0 && count == 0 && heap == 64 && used <= 448 }
    guard kind == 1 && level == 0 || kind == 2 && (1..<TreePath.maxHeight).contains(level), heap <= 512, 128 + 12 * count <= heap
    else { return false }
    let fences = [44, 48].map { (offset: number($0, 2), count: number($0 + 2, 2)) }
    let slots = (0..<count).map { 128 + 12 * $0 }
    let cells = slots.map { (offset: number($0 + 4, 2), count: number($0 + 6, 2) + number($0 + 8, 2)) }
    let isInside = (fences + cells).allSatisfy { $0.count == 0 || $0.offset >= heap && $0.offset + $0.count <= 512 }
    guard isInside, fences.allSatisfy({ $0.count <= 32 }), prefix <= fences[0].count else { return false }
    guard (fences + cells).map(\.count).reduce(0, +) == used else { return false }
    return slots.allSatisfy { slot in
      let (key, value, flags) = (number(slot + 6, 2), number(slot + 8, 2), number(slot + 10, 2))
      guard prefix + key <= 32, flags <= (kind == 1 ? 1 : 0) else { return false }
      if kind == 2 { return value == 8 }
      let place = number(slot + 4, 2) + key
      return flags == 0 || value == 12 && (1...StorageLimits.maxValueByteCount).contains(number(place + 8, 4))
    }
  }
}
