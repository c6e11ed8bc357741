// The checksum and tag by which a page in main.udb proves what it is. docs/file-format.md §8.

/// Seals pages of one database when they are written, and tests them when they are read.
struct PageSeal: Sendable {
  /// The first four bytes of the identity, in every page.
  let tag: UInt32
  private let seed: UInt64

  /// Odd, so that ids that differ make seeds that differ.
  private static let idFactor: UInt64 = 0x9E37_79B1_85EB_CA87

  init(_ identity: DatabaseIdentity) {
    tag = identity.pageTag
    let bytes: InlineArray<4, UInt8> = [
      UInt8(truncatingIfNeeded: tag), UInt8(truncatingIfNeeded: tag >> 8), UInt8(truncatingIfNeeded: tag >> 16),
      UInt8(truncatingIfNeeded: tag >> 24),
    ]
    seed = XXH64.hash(bytes.span)
  }

  /// Completes the copy of a page that is about to be written.
  func set(on page: Page, byteCount: Int) {
    page.store(tag, at: PageLayout.databaseTag)
    page.store(checksum(page, byteCount: byteCount), at: PageLayout.checksum)
  }

  /// Says what is wrong with the bytes that were read for the page of this id; nil if they are that page, whole, in some version.
  func fault(of page: Page, id: UInt64, _ limits: PageLimits) -> String? {
    if page.load(PageLayout.checksum, as: UInt64.self) != checksum(page, id: id, byteCount: limits.pageByteCount) {
      return reasonForBadChecksum(page, id: id, limits)
    }
    if page.pointer.id != id { return "it says that it is page \(page.pointer.id)" }
    if page.load(PageLayout.databaseTag, as: UInt32.self) != tag { return "it belongs to another database" }
    return page.layoutFault(limits)
  }

  /// A page that is right in itself under another id went to, or came from, the wrong place.
  private func reasonForBadChecksum(_ page: Page, id: UInt64, _ limits: PageLimits) -> String {
    let stored = page.load(PageLayout.id, as: UInt64.self)
    if stored != id,
      page.load(PageLayout.checksum, as: UInt64.self) == checksum(page, id: stored, byteCount: limits.pageByteCount)
    {
      return "page \(stored) stands in its place"
    }
    return "its checksum is wrong"
  }

  private func checksum(_ page: Page, byteCount: Int) -> UInt64 { checksum(page, id: page.pointer.id, byteCount: byteCount) }

  private func checksum(_ page: Page, id: UInt64, byteCount: Int) -> UInt64 {
    // SAFETY: a page has this many bytes, and they live through the call.
    let bytes = unsafe UnsafeRawBufferPointer(start: page.base + 8, count: byteCount - 8)
    return XXH64.hash(unsafe Span(_unsafeBytes: bytes), seed: seed ^ (id &* Self.idFactor))
  }
}
