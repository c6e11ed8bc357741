// The constants of docs/file-format.md.

// These values are stored on disk; never renumber.

/// Numbers and names that files of a database contain.
enum OnDisk {
  static let blockByteCount = 4096

  /// docs/file-format.md §3.
  enum Superblock {
    static let magic: [UInt8] = [0x55, 0x53, 0x45, 0x52, 0x44, 0x42, 0x0D, 0x0A, 0x1A, 0x0A]
    static let major: UInt16 = 1
    static let minor: UInt16 = 0
    static let byteCount = 8192
    static let copyCount = 4
    static let pageByteCount: UInt32 = 8192
    static let flagNoLog: UInt16 = 1
    static let knownFlags: UInt16 = flagNoLog
    static let knownIncompatibleFeatures: UInt64 = 0
  }

  /// docs/file-format.md §4.
  enum Segment {
    static let magic: [UInt8] = [0x55, 0x53, 0x45, 0x52, 0x44, 0x57, 0x41, 0x4C]
    static let version: UInt16 = 1
    static let headerByteCount = 4096
    static let headerCopies = 2
    static let framesOffset = headerByteCount * headerCopies
    static let maxByteCount = 16 << 20
    static let minByteCount = 32 << 10
    /// Decimal digits of a segment's name.
    static let nameDigits = 16
    static let nameSuffix = ".wal"
    static let spareSuffix = ".spare"
    static let unfinishedSuffix = ".new"
  }

  /// docs/file-format.md §5.
  enum Frame {
    static let magic: UInt32 = 0x4D52_4655
    static let version: UInt16 = 1
    static let headerByteCount = 80
    static let flagSeal: UInt16 = 1
    static let knownFlags: UInt16 = flagSeal
    static let maxByteCount = 8 << 20
  }

  /// docs/file-format.md §6.
  enum Operation {
    static let put: UInt8 = 1
    static let delete: UInt8 = 2
  }

  /// docs/file-format.md §11.
  enum Archive {
    static let magic: [UInt8] = [0x55, 0x53, 0x45, 0x52, 0x44, 0x41, 0x52, 0x43]
    static let version: UInt16 = 1
    static let unfinishedSuffix = ".unfinished"
  }

  /// docs/file-format.md §10.
  enum Backup {
    static let magic: [UInt8] = [0x55, 0x53, 0x45, 0x52, 0x44, 0x42, 0x41, 0x4B]
    static let endMagic: [UInt8] = [0x55, 0x53, 0x45, 0x52, 0x44, 0x45, 0x4E, 0x44]
    static let version: UInt16 = 1
    static let flagIncrement: UInt16 = 1
    static let flagCompanion: UInt16 = 2
    static let knownFlags: UInt16 = flagIncrement | flagCompanion
    static let maxCompanionByteCount = 1024
    static let unfinishedSuffix = ".unfinished"
  }
}
