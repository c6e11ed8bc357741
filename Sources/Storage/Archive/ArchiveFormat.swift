// Names and trailers of archived segments. docs/file-format.md §11.

import Platform

/// The last block of an archived segment.
struct ArchiveTrailer: Equatable {
  var timeline: UInt32
  var number: UInt64
  /// Where the segment's frames begin and end in the log.
  var startLSN: UInt64
  var endLSN: UInt64
  /// The checksum of its last frame, and that frame's time.
  var lastHash: UInt64
  var lastMilliseconds: Int64
  /// The checksum of everything before this block.
  var contentHash: UInt64

  static let byteCount = OnDisk.blockByteCount
  private static let hashOffset = byteCount - 8

  enum Found: Equatable {
    case good(ArchiveTrailer)
    case newer(version: UInt16)
    case bad
  }

  static func decode(_ bytes: Span<UInt8>) -> Found {
    guard bytes.count >= byteCount, bytes.has(OnDisk.Archive.magic, at: 0),
      XXH64.hash(bytes.extracting(0..<hashOffset)) == bytes.integer(at: hashOffset)
    else { return .bad }
    let version = bytes.integer(at: 8, as: UInt16.self)
    guard version == OnDisk.Archive.version else { return .newer(version: version) }
    return .good(
      ArchiveTrailer(
        timeline: bytes.integer(at: 12), number: bytes.integer(at: 16), startLSN: bytes.integer(at: 24),
        endLSN: bytes.integer(at: 32), lastHash: bytes.integer(at: 40),
        lastMilliseconds: Int64(bitPattern: bytes.integer(at: 48)), contentHash: bytes.integer(at: 56)))
  }

  /// Fills a zeroed block.
  func encode(into block: inout MutableSpan<UInt8>) {
    block.set(OnDisk.Archive.magic, at: 0)
    block.set(OnDisk.Archive.version, at: 8)
    block.set(timeline, at: 12)
    block.set(number, at: 16)
    block.set(startLSN, at: 24)
    block.set(endLSN, at: 32)
    block.set(lastHash, at: 40)
    block.set(UInt64(bitPattern: lastMilliseconds), at: 48)
    block.set(contentHash, at: 56)
    let hash = XXH64.hash(block.span.extracting(0..<Self.hashOffset))
    block.set(hash, at: Self.hashOffset)
  }
}

/// The name of an archived segment: timeline in eight hexadecimal digits, number in sixteen decimal ones.
struct ArchiveName: Equatable {
  let timeline: UInt32
  let number: UInt64

  init(timeline: UInt32, number: UInt64) {
    self.timeline = timeline
    self.number = number
  }

  /// nil for a name that is none of ours.
  init?(_ name: String) {
    let bytes = Array(name.utf8)
    guard name.hasSuffix(OnDisk.Segment.nameSuffix), bytes.count == 8 + 1 + OnDisk.Segment.nameDigits + 4,
      bytes[8] == UInt8(ascii: "-")
    else { return nil }
    var timeline: UInt32 = 0
    for byte in bytes[..<8] {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): timeline = timeline << 4 | UInt32(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): timeline = timeline << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    var number: UInt64 = 0
    for byte in bytes[9..<9 + OnDisk.Segment.nameDigits] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
    }
    self.init(timeline: timeline, number: number)
  }

  var text: String {
    let hex = String(timeline, radix: 16)
    return String(repeating: "0", count: 8 - hex.utf8.count) + hex + "-" + DataFolder.digits(number) + OnDisk.Segment.nameSuffix
  }
}
