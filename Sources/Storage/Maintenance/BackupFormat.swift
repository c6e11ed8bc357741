// The parts of a backup: a head, a superblock, pages, a trailer. docs/file-format.md §10.

import Platform

/// The first block of a backup.
struct BackupHead: Equatable {
  /// The checkpoint whose pages are left out; nil if none are.
  var baseCheckpoint: UInt64?
  /// What its maker sent along beside the store; empty for nothing.
  var companion: [UInt8] = []

  static let byteCount = 8192
  private static let hashOffset = byteCount - 8

  enum Found: Equatable {
    case good(BackupHead)
    case newer(version: UInt16)
    case bad
  }

  static func decode(_ bytes: Span<UInt8>) -> Found {
    guard bytes.count >= byteCount, bytes.has(OnDisk.Backup.magic, at: 0),
      XXH64.hash(bytes.extracting(0..<hashOffset)) == bytes.integer(at: hashOffset)
    else { return .bad }
    let version = bytes.integer(at: 8, as: UInt16.self), flags = bytes.integer(at: 10, as: UInt16.self)
    guard version == OnDisk.Backup.version, flags & ~OnDisk.Backup.knownFlags == 0 else {
      return .newer(version: max(version, OnDisk.Backup.version + 1))
    }
    let base: UInt64 = bytes.integer(at: 16)
    var head = BackupHead(baseCheckpoint: flags & OnDisk.Backup.flagIncrement != 0 ? base : nil)
    if flags & OnDisk.Backup.flagCompanion != 0 {
      let count = Int(bytes.integer(at: 24, as: UInt16.self))
      guard (1...OnDisk.Backup.maxCompanionByteCount).contains(count) else { return .bad }
      head.companion = (26..<26 + count).map { bytes[$0] }
    }
    return .good(head)
  }

  /// Fills a zeroed block.
  func encode(into block: inout MutableSpan<UInt8>) {
    block.set(OnDisk.Backup.magic, at: 0)
    block.set(OnDisk.Backup.version, at: 8)
    var flags: UInt16 = baseCheckpoint == nil ? 0 : OnDisk.Backup.flagIncrement
    if !companion.isEmpty {
      precondition(companion.count <= OnDisk.Backup.maxCompanionByteCount, "a companion of \(companion.count) bytes")
      flags |= OnDisk.Backup.flagCompanion
      block.set(UInt16(companion.count), at: 24)
      block.set(companion, at: 26)
    }
    block.set(flags, at: 10)
    block.set(baseCheckpoint ?? 0, at: 16)
    let hash = XXH64.hash(block.span.extracting(0..<Self.hashOffset))
    block.set(hash, at: Self.hashOffset)
  }
}

/// The last block of a backup, as long as a page: how many pages there are, and a checksum of all that is before it.
struct BackupTrailer: Equatable {
  var pageCount: UInt64
  var chain: UInt64

  static func decode(_ bytes: Span<UInt8>) -> BackupTrailer? {
    guard bytes.count >= 32, bytes.has(OnDisk.Backup.endMagic, at: 0),
      XXH64.hash(bytes.extracting(0..<24)) == bytes.integer(at: 24)
    else { return nil }
    return BackupTrailer(pageCount: bytes.integer(at: 8), chain: bytes.integer(at: 16))
  }

  /// Fills a zeroed block.
  func encode(into block: inout MutableSpan<UInt8>) {
    block.set(OnDisk.Backup.endMagic, at: 0)
    block.set(pageCount, at: 8)
    block.set(chain, at: 16)
    let hash = XXH64.hash(block.span.extracting(0..<24))
    block.set(hash, at: 24)
  }
}

/// The checksum of a run of blocks: that of each with the one of those before it as seed.
struct BackupChain {
  private(set) var value: UInt64 = 0

  mutating func add(_ block: Span<UInt8>) { value = XXH64.hash(block, seed: value) }
}

/// What a backup holds, as its first blocks say.
package struct BackupSummary: Sendable, Equatable {
  /// Of the database, 32 hexadecimal digits.
  package let identity: String
  package let timeline: UInt32
  package let checkpoint: UInt64
  /// The checkpoint that this one builds on; nil for a full backup.
  package let baseCheckpoint: UInt64?
  /// Where the log goes on from it.
  package let lsn: UInt64
  /// Milliseconds since 1970 of the newest commit in it, about.
  package let milliseconds: Int64
  /// Keys in the tree.
  package let keys: Int
  /// Whether it has something with it that is not of the store.
  package let hasCompanion: Bool
  /// Pages in this backup.
  package internal(set) var pages: Int
  package internal(set) var byteCount: Int

  init(_ superblock: Superblock, _ head: BackupHead) {
    identity = superblock.identity.text
    timeline = superblock.timeline
    checkpoint = superblock.checkpoint
    baseCheckpoint = head.baseCheckpoint
    lsn = superblock.logStart.lsn
    milliseconds = superblock.logStart.milliseconds
    keys = superblock.tree?.keyCount ?? 0
    hasCompanion = !head.companion.isEmpty
    pages = 0
    byteCount = 0
  }
}

extension DatabaseIdentity {
  /// 32 hexadecimal digits, in the order of the bytes.
  var text: String {
    let digits = Array("0123456789abcdef")
    return [high, low].reduce(into: "") { text, half in
      for byte in 0..<8 {
        let value = Int(half >> UInt64(8 * byte) & 0xFF)
        text.append(digits[value >> 4])
        text.append(digits[value & 15])
      }
    }
  }
}
