// One open file: reads, writes and flushes at explicit offsets.

import Glibc
import Synchronization

/// What a file may be opened for.
package enum FileAccess: Sendable {
  case read
  case readWrite
  /// Made now with mode 0600; an existing one is an error (`.exists`).
  case createNew
  /// Opened as it is, made with mode 0600 if it is missing.
  case createOrOpen
}

/// An open file, closed when its owner goes. Any thread may use it; calls at different offsets do not disturb each other.
package struct File: ~Copyable, Sendable {
  private let descriptor: FileDescriptor
  private let direct: Atomic<Bool>

  /// Whether reads and writes go past the page cache: then offsets, counts and addresses must be multiples of `directAlignment`.
  package var isDirect: Bool { direct.load(ordering: .relaxed) }

  /// Enough for every block size in use.
  package static let directAlignment = 4096

  #if arch(x86_64)
    private static let directFlag: CInt = 0o40000
  #else
    private static let directFlag: CInt = 0o200000
  #endif

  /// Opens a path; symbolic links are followed, the descriptor is closed on exec.
  ///
  /// - Parameter direct: ask for O_DIRECT; where the file system has none (EINVAL), the file is opened through the page cache.
  package init(_ path: String, _ access: FileAccess, direct: Bool = false) throws(Errno) {
    let flags: CInt =
      switch access {
      case .read: O_RDONLY
      case .readWrite: O_RDWR
      case .createNew: O_RDWR | O_CREAT | O_EXCL
      case .createOrOpen: O_RDWR | O_CREAT
      }
    let raw: CInt
    var opensDirect = direct
    do throws(Errno) {
      raw = try checked { unsafe open(path, flags | O_CLOEXEC | (direct ? Self.directFlag : 0), 0o600) }
    } catch {
      guard direct, error == .invalid else { throw error }
      opensDirect = false
      // The failed open may have made the file already, so `createNew` must not insist on making it again.
      raw = try checked { unsafe open(path, (flags & ~O_EXCL) | O_CLOEXEC, 0o600) }
    }
    self.direct = Atomic(opensDirect)
    descriptor = FileDescriptor(owning: raw)
  }

  // A lock ends when the last copy of its descriptor does, and a process being spawned has copies of all until it executes. So the lock
  // is given back first; without one this does nothing.
  deinit { _ = flock(descriptor.rawValue, LOCK_UN) }

  /// Reads up to `bytes.count` bytes at `offset`; fewer only near the end of the file or when a signal came.
  package func read(into bytes: inout MutableSpan<UInt8>, at offset: Int) throws(Errno) -> Int {
    let raw = descriptor.rawValue
    // SAFETY: the kernel writes at most `count` bytes to the buffer, which lives through the closure.
    return try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(Errno) -> Int in
      try checked { unsafe pread(raw, buffer.baseAddress, buffer.count, offset) }
    }
  }

  /// Writes up to `bytes.count` bytes at `offset`; fewer when a signal came or the device is nearly full.
  package func write(_ bytes: Span<UInt8>, at offset: Int) throws(Errno) -> Int {
    let raw = descriptor.rawValue
    // SAFETY: the kernel reads at most `count` bytes of the buffer, which lives through the closure.
    return try unsafe bytes.withUnsafeBytes { (buffer) throws(Errno) -> Int in
      try checked { unsafe pwrite(raw, buffer.baseAddress, buffer.count, offset) }
    }
  }

  /// Makes the contents, and the size they need, durable (fdatasync). A failure is final: the kernel may have dropped the pages.
  package func syncData() throws(Errno) {
    let raw = descriptor.rawValue
    try checked { fdatasync(raw) }
  }

  /// Makes contents and all attributes durable (fsync).
  package func sync() throws(Errno) {
    let raw = descriptor.rawValue
    try checked { fsync(raw) }
  }

  /// Reserves blocks for a range and grows the file to cover it; the bytes read as zero.
  package func allocate(offset: Int, byteCount: Int) throws(Errno) {
    let raw = descriptor.rawValue
    try checked { linux_fallocate(raw, 0, offset, byteCount) }
  }

  /// From now on transfers go through the page cache: for file systems that grant direct ones at open and refuse them afterwards.
  package func leaveDirect() throws(Errno) {
    let raw = descriptor.rawValue
    let flags = try checked { fcntl(raw, F_GETFL) }
    try checked { fcntl(raw, F_SETFL, flags & ~Self.directFlag) }
    direct.store(false, ordering: .relaxed)
  }

  package func setSize(_ byteCount: Int) throws(Errno) {
    let raw = descriptor.rawValue
    try checked { ftruncate(raw, byteCount) }
  }

  package func size() throws(Errno) -> Int {
    try status().byteCount
  }

  package func status() throws(Errno) -> FileStatus {
    var raw = stat()
    let number = descriptor.rawValue
    try checked { unsafe fstat(number, &raw) }
    return FileStatus(raw)
  }

  /// Whether nobody but this value can get at the contents: the file has no name any more, and nobody else has it open.
  ///
  /// Where the file system cannot tell, it says no.
  package func hasNoOtherUser() throws(Errno) -> Bool {
    var raw = stat()
    let number = descriptor.rawValue
    try checked { unsafe fstat(number, &raw) }
    // A lease for writing is granted to nobody but the only one who has the file open (fcntl(2)).
    guard raw.st_nlink == 0, fcntl(number, Self.setLease, CInt(F_WRLCK)) == 0 else { return false }
    _ = fcntl(number, Self.setLease, CInt(F_UNLCK))
    return true
  }

  /// F_SETLEASE, which the Glibc module leaves out.
  private static let setLease: CInt = 1024

  /// Asks the kernel to forget its clean pages of this file, so that the next read comes from the device.
  package func dropCache() throws(Errno) {
    let result = posix_fadvise(descriptor.rawValue, 0, 0, POSIX_FADV_DONTNEED)
    if result != 0 { throw Errno(result) }
  }

  /// Locks the whole file against every other open of it, in this process too, until this value goes (flock).
  ///
  /// - Throws: kind `.wouldBlock` if somebody else has it.
  package func lockExclusively() throws(Errno) {
    let raw = descriptor.rawValue
    try checked { flock(raw, LOCK_EX | LOCK_NB) }
  }
}
