// File operations that finish what they began and name the path when they fail.

import Platform

/// A file system whose errors are the engine's: the one place where `Errno` becomes `StorageError`.
struct Disk: Sendable {
  let files: any FileSystem

  init(_ files: any FileSystem) { self.files = files }

  func open(_ path: String, _ access: FileAccess, direct: Bool = false) throws(StorageError) -> DiskFile {
    try converting("open", path) { () throws(Errno) in DiskFile(path: path, file: try files.open(path, access, direct: direct)) }
  }

  /// The same, but nil if there is no such file.
  func openIfPresent(_ path: String, _ access: FileAccess, direct: Bool = false) throws(StorageError) -> DiskFile? {
    do throws(Errno) {
      return DiskFile(path: path, file: try files.open(path, access, direct: direct))
    } catch {
      if error == .notFound { return nil }
      throw .io(operation: "open", path: path, errno: error)
    }
  }

  func names(in path: String) throws(StorageError) -> [String] {
    try converting("list", path) { () throws(Errno) in try files.names(in: path) }
  }

  /// The names in a folder, nil if there is no such folder.
  func namesIfPresent(in path: String) throws(StorageError) -> [String]? {
    do throws(Errno) {
      return try files.names(in: path)
    } catch {
      if error == .notFound { return nil }
      throw .io(operation: "list", path: path, errno: error)
    }
  }

  func createDirectory(_ path: String) throws(StorageError) {
    try converting("mkdir", path) { () throws(Errno) in try files.createDirectory(path) }
  }

  func rename(_ old: String, to new: String) throws(StorageError) {
    try converting("rename", old) { () throws(Errno) in try files.rename(old, to: new) }
  }

  func remove(_ path: String) throws(StorageError) {
    try converting("unlink", path) { () throws(Errno) in try files.remove(path) }
  }

  /// Removes a file whose contents matter to nobody any more, and gives its blocks back a piece after the other.
  ///
  /// Only when the name is gone durably: neither a power cut nor the end of the process leaves a shorter file under it. Whoever has the file
  /// open, or another name for it, keeps it whole.
  /// - Parameter opened: the file, open for writing, if it is.
  func removeInPieces(_ path: String, _ opened: DiskFile? = nil, at pace: Pace) throws(StorageError) {
    var file = opened
    if file == nil {
      // What may not be written to can be removed all the same.
      do throws(StorageError) { file = try openIfPresent(path, .readWrite) } catch { file = nil }
    }
    try remove(path)
    try syncDirectory(DataFolder(path).parent)
    guard let file else { return }
    // Closing it gives back what is left.
    do throws(StorageError) { try file.cutIfUnused(at: pace) } catch { return }
  }

  func syncDirectory(_ path: String) throws(StorageError) {
    try converting("fsync", path) { () throws(Errno) in try files.syncDirectory(path) }
  }

  func openDirectory(_ path: String) throws(StorageError) -> DiskDirectory {
    try converting("open", path) { () throws(Errno) in DiskDirectory(path: path, directory: try files.openDirectory(path)) }
  }

  /// Makes the name of a folder durable in the folder above it. Where that may not be read, the folder was made by somebody else, who
  /// is answerable for its name (a service manager, for one).
  func syncParent(_ path: String) throws(StorageError) {
    do throws(Errno) {
      try files.syncDirectory(path)
    } catch {
      if error.kind != .denied { throw .io(operation: "fsync", path: path, errno: error) }
    }
  }
}

/// An open folder that knows its path.
struct DiskDirectory: Sendable {
  let path: String
  let directory: any StoredDirectory

  func sync() throws(StorageError) {
    try converting("fsync", path) { () throws(Errno) in try directory.sync() }
  }
}

/// An open file that knows its path.
struct DiskFile: Sendable {
  let path: String
  let file: any StoredFile

  /// Calls that move no byte are repeated this often before they count as a failure.
  private static let maxIdleCalls = 100

  var isDirect: Bool { file.isDirect }

  /// Fills `bytes` from `offset` on; returns how many there were before the end of the file.
  func read(into bytes: inout MutableSpan<UInt8>, at offset: Int) throws(StorageError) -> Int {
    var done = 0, idle = 0
    while done < bytes.count {
      let got: Int
      do throws(Errno) {
        var rest = bytes._mutatingExtracting(done...)
        got = try file.read(into: &rest, at: offset + done)
      } catch {
        if isDirect && error == .invalid {
          try leaveDirect()
          continue
        }
        guard error.kind == .retry, idle < Self.maxIdleCalls else { throw .io(operation: "read", path: path, errno: error) }
        idle += 1
        continue
      }
      if got == 0 { return done }
      // A direct read that stopped inside a block can only go on from the block's start, unless it met the end of the file.
      if isDirect && got % File.directAlignment != 0 {
        let size = try converting("stat", path) { () throws(Errno) in try file.size() }
        if offset + done + got >= size { return done + got }
        done += got - got % File.directAlignment
        idle += 1
        if idle > Self.maxIdleCalls { throw .io(operation: "read", path: path, errno: .io) }
      } else {
        done += got
      }
    }
    return done
  }

  /// Writes all of `bytes`, however many calls it takes.
  func write(_ bytes: Span<UInt8>, at offset: Int) throws(StorageError) {
    var done = 0, idle = 0
    while done < bytes.count {
      var put = 0
      do throws(Errno) {
        put = try file.write(bytes.extracting(done...), at: offset + done)
      } catch {
        if isDirect && error == .invalid {
          try leaveDirect()
          continue
        }
        guard error.kind == .retry else { throw .io(operation: "write", path: path, errno: error) }
      }
      if isDirect { put -= put % File.directAlignment }
      done += put
      idle = put == 0 ? idle + 1 : 0
      if idle > Self.maxIdleCalls { throw .io(operation: "write", path: path, errno: .io) }
    }
  }

  /// Takes room for a range, so that writing it later cannot fail for want of room.
  func allocate(_ range: Range<Int>) throws(StorageError) {
    try repeating("fallocate") { () throws(Errno) in try file.allocate(range) }
  }

  func truncate(to byteCount: Int) throws(StorageError) {
    try repeating("ftruncate") { () throws(Errno) in try file.truncate(to: byteCount) }
  }

  /// Makes the file shorter, a piece after the other from its end, with a break after each: a file system that gives back a lot at once keeps
  /// the flushes of others waiting.
  func truncateInPieces(to byteCount: Int, isDurable: Bool, at pace: Pace) throws(StorageError) {
    var size = try size()
    while size > byteCount {
      let began = pace.now
      size = max(byteCount, size - Pace.cutByteCount)
      try truncate(to: size)
      if isDurable { try syncData() }
      if size > byteCount { pace.rest(after: began, byteCount: Pace.cutByteCount) }
    }
  }

  fileprivate func cutIfUnused(at pace: Pace) throws(StorageError) {
    guard try converting("fstat", path, { () throws(Errno) in try file.hasNoOtherUser() }) else { return }
    try truncateInPieces(to: 0, isDurable: false, at: pace)
  }

  /// Makes a call that does everything or nothing again while it is interrupted.
  private func repeating(_ operation: StaticString, _ call: () throws(Errno) -> Void) throws(StorageError) {
    for _ in 0..<Self.maxIdleCalls {
      do throws(Errno) {
        return try call()
      } catch {
        guard error.kind == .retry else { throw .io(operation: operation, path: path, errno: error) }
      }
    }
    throw .io(operation: operation, path: path, errno: .interrupted)
  }

  /// Some file systems grant O_DIRECT at open and refuse the first transfer. Then the file is used through the page cache, from which
  /// whatever another process left there is dropped first.
  func leaveDirect() throws(StorageError) {
    try converting("fcntl", path) { () throws(Errno) in try file.leaveDirect() }
    try dropCache()
  }

  /// Reserves room up to `byteCount`, where the file ends then unless it was longer; written with zeros where it cannot be reserved.
  func allocate(upTo byteCount: Int) throws(StorageError) {
    let old = try size()
    guard byteCount > old else { return }
    do throws(StorageError) {
      try allocate(old..<byteCount)
    } catch {
      guard case .io(_, _, .notSupported) = error else { throw error }
      try writeZeros(old..<byteCount)
    }
  }

  private func writeZeros(_ range: Range<Int>) throws(StorageError) {
    let block = OnDisk.blockByteCount
    let zeros = AlignedBuffer(count: min(1 << 20, (range.count + block - 1) / block * block))
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(zeros.count, range.upperBound - offset)
      try zeros.withBytes(0..<count) { bytes throws(StorageError) in try write(bytes, at: offset) }
      offset += count
    }
  }

  func syncData() throws(StorageError) {
    try converting("fdatasync", path) { () throws(Errno) in try file.syncData() }
  }

  func size() throws(StorageError) -> Int {
    try converting("stat", path) { () throws(Errno) in try file.size() }
  }

  func dropCache() throws(StorageError) {
    try converting("fadvise", path) { () throws(Errno) in try file.dropCache() }
  }
}

/// Runs a call and gives its error the operation and path that failed.
private func converting<Value>(
  _ operation: StaticString, _ path: String, _ call: () throws(Errno) -> Value
) throws(StorageError) -> Value {
  do throws(Errno) { return try call() } catch { throw .io(operation: operation, path: path, errno: error) }
}
