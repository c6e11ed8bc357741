// The state of main.udb: which database this is, and where its log begins and cleanly ends. docs/file-format.md §3.

/// One of the four copies at the start of main.udb.
struct Superblock: Equatable, Sendable {
  var identity: DatabaseIdentity
  var timeline: UInt32
  var checkpoint: UInt64
  /// The database is being made: there is no log yet.
  var hasNoLog: Bool
  /// The last batch that is in the tree.
  var batch: UInt64 = 0
  /// Where the log goes on from the tree.
  var logStart = LogStart()
  /// The tree; nil if it is empty.
  var tree: Tree?
  /// Where this line of history left another one; nil if it did not.
  var parent: Parent?
  /// The end of the log at an orderly shutdown, else 0.
  var cleanEndLSN: UInt64 = 0
  var pageByteCount = Int(OnDisk.Superblock.pageByteCount)
  /// When a scrub last found everything whole; 0 for never.
  var scrubMilliseconds: Int64 = 0

  /// The place in the log behind the last frame whose batch is in the tree.
  struct LogStart: Equatable, Sendable {
    var lsn: UInt64 = 0
    /// Checksum and time of the frame that ends there.
    var hash: UInt64 = 0
    var milliseconds: Int64 = 0
    /// The segment that has that place in it, or at its end; 0 if nothing was ever logged.
    var segment: UInt64 = 0
  }

  /// The timeline that a restore began from, and the position in its log.
  struct Parent: Equatable, Sendable {
    var timeline: UInt32
    var lsn: UInt64
  }

  /// Where the tree is in the pages of the file.
  struct Tree: Equatable, Sendable {
    var root: PagePointer
    var height: Int
    var bitmap: PageRun
    var pageCount: Int
    var keyCount: Int
    var innerPageCount: Int
  }

  /// One copy, as it was found.
  enum Copy: Equatable {
    case good(Superblock)
    /// Written by a later version, or with features that this one lacks.
    case newer(version: UInt16)
    case bad
  }

  static func decode(_ bytes: Span<UInt8>) -> Copy {
    let hashOffset = OnDisk.Superblock.byteCount - 8
    guard bytes.count >= OnDisk.Superblock.byteCount, bytes.has(OnDisk.Superblock.magic, at: 0),
      XXH64.hash(bytes.extracting(0..<hashOffset)) == bytes.integer(at: hashOffset)
    else { return .bad }
    let major = bytes.integer(at: 10, as: UInt16.self)
    let flags = bytes.integer(at: 14, as: UInt16.self)
    guard major == OnDisk.Superblock.major, flags & ~OnDisk.Superblock.knownFlags == 0,
      bytes.integer(at: 24) & ~OnDisk.Superblock.knownIncompatibleFeatures == 0
    else { return .newer(version: max(major, OnDisk.Superblock.major + 1)) }
    // The checksum keeps accidents out, not whoever makes a backup up: no later step may meet a number that has no place.
    guard bytes.integer(at: 72, as: UInt64.self) <= UInt64(PagePointer.maxEpoch), Int(bytes[120]) <= TreePath.maxHeight else {
      return .bad
    }
    let milliseconds: UInt64 = bytes.integer(at: 104)
    return .good(
      Superblock(
        identity: DatabaseIdentity(high: bytes.integer(at: 40), low: bytes.integer(at: 48)), timeline: bytes.integer(at: 36),
        checkpoint: bytes.integer(at: 72), hasNoLog: flags & OnDisk.Superblock.flagNoLog != 0, batch: bytes.integer(at: 80),
        logStart: LogStart(
          lsn: bytes.integer(at: 88), hash: bytes.integer(at: 96), milliseconds: Int64(bitPattern: milliseconds),
          segment: bytes.integer(at: 176)),
        tree: tree(bytes), parent: parent(bytes), cleanEndLSN: bytes.integer(at: 144),
        pageByteCount: Int(bytes.integer(at: 32, as: UInt32.self)),
        scrubMilliseconds: Int64(bitPattern: bytes.integer(at: 192))))
  }

  private static func tree(_ bytes: Span<UInt8>) -> Tree? {
    let root = PagePointer(rawValue: bytes.integer(at: 112)), bitmap = PagePointer(rawValue: bytes.integer(at: 128))
    guard root.rawValue != 0 else { return nil }
    let pages: UInt64 = bytes.integer(at: 136), pageCount: UInt64 = bytes.integer(at: 152), keys: UInt64 = bytes.integer(at: 160)
    let innerPages: UInt64 = bytes.integer(at: 184)
    return Tree(
      root: root, height: Int(bytes[120]), bitmap: PageRun(first: bitmap, count: Int(clamping: pages)),
      pageCount: Int(clamping: pageCount), keyCount: Int(clamping: keys), innerPageCount: Int(clamping: innerPages))
  }

  private static func parent(_ bytes: Span<UInt8>) -> Parent? {
    let timeline: UInt32 = bytes.integer(at: 56)
    return timeline == 0 ? nil : Parent(timeline: timeline, lsn: bytes.integer(at: 64))
  }

  /// Fills a zeroed page.
  func encode(into page: inout MutableSpan<UInt8>) {
    let hashOffset = OnDisk.Superblock.byteCount - 8
    page.set(OnDisk.Superblock.magic, at: 0)
    page.set(OnDisk.Superblock.major, at: 10)
    page.set(OnDisk.Superblock.minor, at: 12)
    page.set(hasNoLog ? OnDisk.Superblock.flagNoLog : 0, at: 14)
    page.set(UInt32(pageByteCount), at: 32)
    page.set(timeline, at: 36)
    page.set(identity, at: 40)
    page.set(parent?.timeline ?? 0, at: 56)
    page.set(parent?.lsn ?? 0, at: 64)
    page.set(checkpoint, at: 72)
    page.set(batch, at: 80)
    page.set(logStart.lsn, at: 88)
    page.set(logStart.hash, at: 96)
    page.set(UInt64(bitPattern: logStart.milliseconds), at: 104)
    page.set(cleanEndLSN, at: 144)
    page.set(logStart.segment, at: 176)
    page.set(UInt64(bitPattern: scrubMilliseconds), at: 192)
    if let tree {
      page.set(tree.root.rawValue, at: 112)
      page.set(UInt8(tree.height), at: 120)
      page.set(tree.bitmap.first.rawValue, at: 128)
      page.set(UInt64(tree.bitmap.count), at: 136)
      page.set(UInt64(tree.pageCount), at: 152)
      page.set(UInt64(tree.keyCount), at: 160)
      page.set(UInt64(tree.pageCount * pageByteCount), at: 168)
      page.set(UInt64(tree.innerPageCount), at: 184)
    }
    let hash = XXH64.hash(page.span.extracting(0..<hashOffset))
    page.set(hash, at: hashOffset)
  }
}
