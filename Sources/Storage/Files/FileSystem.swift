// The few file operations that the engine needs, so that tests can play a disk that fails.

package import Platform

/// A place with folders and files. Names and contents may be lost in a crash until they were flushed, each by its own call.
///
/// Every path is that of the data folder or below it, or its parent's for `syncDirectory`.
package protocol FileSystem: Sendable {
  /// Opens a file. `direct` asks for transfers past the page cache; `StoredFile.isDirect` says whether that was granted.
  func open(_ path: String, _ access: FileAccess, direct: Bool) throws(Errno) -> any StoredFile
  /// The names in a folder, in byte order.
  func names(in path: String) throws(Errno) -> [String]
  func createDirectory(_ path: String) throws(Errno)
  /// Renames in one step, over an existing file too. Durable after `syncDirectory` of the folder.
  func rename(_ old: String, to new: String) throws(Errno)
  func remove(_ path: String) throws(Errno)
  /// Makes the names in a folder durable.
  func syncDirectory(_ path: String) throws(Errno)
  /// Keeps a folder open, so that making its names durable needs no descriptor later.
  func openDirectory(_ path: String) throws(Errno) -> any StoredDirectory
}

/// An open folder of a `FileSystem`; it closes when the last reference goes.
package protocol StoredDirectory: AnyObject, Sendable {
  /// Makes the names in it durable.
  func sync() throws(Errno)
}

/// An open file of a `FileSystem`. Any thread may call it; it closes when the last reference goes.
package protocol StoredFile: AnyObject, Sendable {
  /// Offsets, counts and buffers must then be multiples of `File.directAlignment`.
  var isDirect: Bool { get }
  /// Reads at most `bytes.count` bytes; 0 only at or behind the end.
  func read(into bytes: inout MutableSpan<UInt8>, at offset: Int) throws(Errno) -> Int
  /// Writes at most `bytes.count` bytes, growing the file as needed.
  func write(_ bytes: Span<UInt8>, at offset: Int) throws(Errno) -> Int
  /// Takes room for a range of the file, zeros where nothing was written, and grows the file to its end. Durable after `syncData`.
  ///
  /// - Throws: `.notSupported` where room cannot be taken without writing to it.
  func allocate(_ range: Range<Int>) throws(Errno)
  /// Cuts the file off. What lay behind reads as zeros if the file grows again. Durable after `syncData`.
  func truncate(to byteCount: Int) throws(Errno)
  /// Makes contents and size durable. After a failure nothing is known about what was written since the last success.
  func syncData() throws(Errno)
  func size() throws(Errno) -> Int
  /// From now on transfers go through the page cache; `isDirect` is false afterwards.
  func leaveDirect() throws(Errno)
  /// Makes the next read come from the device where that can be asked for.
  func dropCache() throws(Errno)
  /// Whether it has no name any more and nobody else has it open.
  func hasNoOtherUser() throws(Errno) -> Bool
  /// Locks against every other open; kind `.wouldBlock` if somebody has it.
  func lockExclusively() throws(Errno)
}
