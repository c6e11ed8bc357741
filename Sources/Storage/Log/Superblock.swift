// The state of main.udb: which database this is, and where its log begins and cleanly ends. docs/file-format.md §3.

/// One of the four copies at the start of main.udb.
struct Superblock: Equatable, Sendable {
  var identity: DatabaseIdentity
  var timeline: UInt32
  var checkpoint: UInt64
  /// The database is being made: there is no log yet.
  var hasNoLog: Bool
  /// The end of the log at an orderly shutdown, else 0.
  var cleanEndLSN: UInt64

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
    let batch: UInt64 = bytes.integer(at: 80), logLSN: UInt64 = bytes.integer(at: 88), root: UInt64 = bytes.integer(at: 112)
    // This version keeps no pages in the file, so a checkpoint with any must be left to one that does.
    guard major == OnDisk.Superblock.major, flags & ~OnDisk.Superblock.knownFlags == 0,
      bytes.integer(at: 24) & ~OnDisk.Superblock.knownIncompatibleFeatures == 0,
      bytes.integer(at: 32) == OnDisk.Superblock.pageByteCount, batch == 0, logLSN == 0, root == 0
    else { return .newer(version: max(major, OnDisk.Superblock.major + 1)) }
    return .good(
      Superblock(
        identity: DatabaseIdentity(high: bytes.integer(at: 40), low: bytes.integer(at: 48)), timeline: bytes.integer(at: 36),
        checkpoint: bytes.integer(at: 72), hasNoLog: flags & OnDisk.Superblock.flagNoLog != 0,
        cleanEndLSN: bytes.integer(at: 144)))
  }

  /// Fills a zeroed page.
  func encode(into page: inout MutableSpan<UInt8>) {
    let hashOffset = OnDisk.Superblock.byteCount - 8
    page.set(OnDisk.Superblock.magic, at: 0)
    page.set(OnDisk.Superblock.major, at: 10)
    page.set(OnDisk.Superblock.minor, at: 12)
    page.set(hasNoLog ? OnDisk.Superblock.flagNoLog : 0, at: 14)
    page.set(OnDisk.Superblock.pageByteCount, at: 32)
    page.set(timeline, at: 36)
    page.set(identity, at: 40)
    page.set(checkpoint, at: 72)
    page.set(cleanEndLSN, at: 144)
    let hash = XXH64.hash(page.span.extracting(0..<hashOffset))
    page.set(hash, at: hashOffset)
  }
}
