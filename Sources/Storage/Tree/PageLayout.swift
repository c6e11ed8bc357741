// Where everything lies in a page. docs/file-format.md §8. The numbers are stored on disk; never renumber.

/// Byte offsets in a page and in a slot, and the numbers that stand for kinds. All integers are little-endian but key heads.
enum PageLayout {
  static let checksum = 0  // u64
  static let kind = 8  // u8
  static let level = 9  // u8
  static let flags = 10  // u16
  static let count = 12  // u16
  static let prefixCount = 14  // u16
  static let id = 16  // u64
  static let epoch = 24  // u32
  static let databaseTag = 28  // u32
  static let birth = 32  // u64
  static let heapStart = 40  // u16
  static let heapUsed = 42  // u16
  static let lowerFence = 44  // offset u16, count u16
  static let upperFence = 48  // offset u16, count u16
  static let pageByteCount = 52  // u32
  static let rightmostChild = 56  // PagePointer
  static let headerByteCount = 64

  static let hints = 64  // u32[16]
  static let hintCount = 16
  static let slots = 128

  static let slotHead = 0  // u32: the first four bytes of the suffix as a big-endian number
  static let slotOffset = 4  // u16
  static let slotKeyCount = 6  // u16
  static let slotValueCount = 8  // u16
  static let slotFlags = 10  // u16
  static let slotByteCount = 12

  /// Hints narrow a search only where there are more slots than this.
  static let hintThreshold = 32

  /// Page flag: the newest cell was put after all others.
  static let appendedFlag: UInt16 = 1
  /// Slot flag: the value is the place of an overflow run: PagePointer, byte count u32.
  static let overflowFlag: UInt16 = 1
  static let overflowPlaceByteCount = 12

  /// Ids below this one are the superblocks.
  static let firstPageID: UInt64 = 4
}

/// What a page holds.
enum PageKind: UInt8 {
  case leaf = 1
  case inner = 2
  case overflow = 3
  /// A part of the free-space bitmap; only checkpoints write it, and no tree reaches it.
  case bitmap = 4
}

/// The place of one version of a page: its id (36 bits) and its epoch (28 bits), so that a lost or misdirected write is noticed.
struct PagePointer: Equatable, Sendable {
  let rawValue: UInt64

  static let maxID: UInt64 = 1 << 36 - 1
  static let maxEpoch: UInt32 = 1 << 28 - 1

  @inline(__always) init(rawValue: UInt64) { self.rawValue = rawValue }

  init(id: UInt64, epoch: UInt32) {
    precondition(id <= Self.maxID && epoch <= Self.maxEpoch)
    rawValue = id | UInt64(epoch) << 36
  }

  @inline(__always) var id: UInt64 { rawValue & Self.maxID }
  @inline(__always) var epoch: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 36) }
}

/// The bounds that follow from the size of a page. Two cells always fit beside the longest fences; and if an entry does not fit into a leaf,
/// both pieces of a cut in the middle third of the bytes, or of the cut nearest to the middle, have room for their share with it.
struct PageLimits: Equatable {
  let pageByteCount: Int
  let maxKeyByteCount: Int
  /// Key and value together; larger values go to overflow pages.
  let maxInlineByteCount: Int
  /// Bytes of a page that slots, cells and fences share.
  let bodyByteCount: Int
  /// A neighbour with less room than this takes no entries from a full leaf.
  let shiftByteCount: Int
  /// What each piece of a split has at least: 0.3 of the body without two longest fences.
  let leastPieceByteCount: Int
  /// Bytes of a value in one overflow page.
  let overflowByteCount: Int

  init(pageByteCount: Int) {
    precondition(
      pageByteCount >= 512 && pageByteCount <= 8192 && pageByteCount.nonzeroBitCount == 1, "pages of \(pageByteCount) bytes")
    self.pageByteCount = pageByteCount
    maxKeyByteCount = min(StorageLimits.maxKeyByteCount, pageByteCount / 16)
    maxInlineByteCount = pageByteCount >= 4096 ? pageByteCount / 4 : (pageByteCount - PageLayout.slots) / 4
    overflowByteCount = pageByteCount - PageLayout.headerByteCount
    bodyByteCount = pageByteCount - PageLayout.slots
    shiftByteCount = bodyByteCount / 16
    leastPieceByteCount = (bodyByteCount - 2 * maxKeyByteCount) * 3 / 10
  }

  /// Overflow pages that a value of this size takes.
  func overflowPageCount(_ valueByteCount: Int) -> Int { (valueByteCount + overflowByteCount - 1) / overflowByteCount }
}
