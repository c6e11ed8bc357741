// What a file system says about a path: kind, size, owner, permissions.

import Glibc

/// Attributes of a file or folder at one moment.
package struct FileStatus: Equatable, Sendable {
  package enum Kind: Sendable {
    case file
    case directory
    case socket
    case other
  }

  package let kind: Kind
  package let byteCount: Int
  /// The user who owns it.
  package let owner: UInt32
  /// The low twelve bits of the mode, such as 0o700.
  package let permissions: UInt32
  /// Which file it is, whatever its name.
  package let identity: FileIdentity

  /// Follows symbolic links.
  package init(path: String) throws(Errno) {
    var raw = stat()
    try checked { unsafe stat(path, &raw) }
    self.init(raw)
  }

  init(_ raw: stat) {
    kind =
      switch raw.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFSOCK: .socket
      default: .other
      }
    byteCount = Int(raw.st_size)
    owner = raw.st_uid
    permissions = UInt32(raw.st_mode & 0o7777)
    identity = FileIdentity(device: UInt64(raw.st_dev), number: UInt64(raw.st_ino))
  }
}

/// Names a file on this machine as long as it exists.
package struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let number: UInt64

  /// The device that it lies on, as /proc and /sys write it: `8:1` (the numbers of makedev(3)).
  package var deviceName: String {
    let major = device >> 8 & 0xFFF | device >> 32 & ~0xFFF, minor = device & 0xFF | device >> 12 & 0xFFFF_FF00
    return "\(major):\(minor)"
  }
}
