// The real file system behind the engine's protocol.

package import Platform

/// Files and folders of this machine.
package struct LinuxFileSystem: FileSystem {
  package init() {}

  package func open(_ path: String, _ access: FileAccess, direct: Bool) throws(Errno) -> any StoredFile {
    LinuxFile(try File(path, access, direct: direct))
  }

  package func names(in path: String) throws(Errno) -> [String] { try Directory.names(in: path) }
  package func createDirectory(_ path: String) throws(Errno) { try Directory.create(path) }
  package func rename(_ old: String, to new: String) throws(Errno) { try Directory.rename(old, to: new) }
  package func remove(_ path: String) throws(Errno) { try Directory.remove(path) }
  package func syncDirectory(_ path: String) throws(Errno) { try Directory.sync(path) }
  package func openDirectory(_ path: String) throws(Errno) -> any StoredDirectory { LinuxDirectory(try OpenDirectory(path)) }
}

/// A `File` that can be shared between threads and kept in a field of protocol type.
private final class LinuxFile: StoredFile {
  private let file: File

  init(_ file: consuming File) { self.file = file }

  var isDirect: Bool { file.isDirect }
  func read(into bytes: inout MutableSpan<UInt8>, at offset: Int) throws(Errno) -> Int { try file.read(into: &bytes, at: offset) }
  func write(_ bytes: Span<UInt8>, at offset: Int) throws(Errno) -> Int { try file.write(bytes, at: offset) }
  func allocate(_ range: Range<Int>) throws(Errno) { try file.allocate(offset: range.lowerBound, byteCount: range.count) }
  func truncate(to byteCount: Int) throws(Errno) { try file.setSize(byteCount) }
  func syncData() throws(Errno) { try file.syncData() }
  func size() throws(Errno) -> Int { try file.size() }
  func leaveDirect() throws(Errno) { try file.leaveDirect() }
  func dropCache() throws(Errno) { try file.dropCache() }
  func hasNoOtherUser() throws(Errno) -> Bool { try file.hasNoOtherUser() }
  func lockExclusively() throws(Errno) { try file.lockExclusively() }
}

/// An `OpenDirectory` that can be kept in a field of protocol type.
private final class LinuxDirectory: StoredDirectory {
  private let directory: OpenDirectory

  init(_ directory: consuming OpenDirectory) { self.directory = directory }

  func sync() throws(Errno) { try directory.sync() }
}
