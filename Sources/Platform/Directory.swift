// Folders: making, listing, flushing, and the names in them.

import Glibc

/// An open folder: its names can be made durable without another descriptor, which a process may have run out of.
package struct OpenDirectory: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  package init(_ path: String) throws(Errno) {
    descriptor = FileDescriptor(owning: try checked { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
  }

  /// Makes created, renamed and removed names of the folder durable (fsync on the folder).
  package func sync() throws(Errno) {
    let raw = descriptor.rawValue
    try checked { fsync(raw) }
  }
}

/// Operations on folders and on names in them. Each takes effect at once and is durable after `sync` of the folder.
package enum Directory {
  package static func create(_ path: String, permissions: UInt32 = 0o700) throws(Errno) {
    try checked { unsafe mkdir(path, permissions) }
  }

  /// Makes created, renamed and removed names of a folder durable (fsync on the folder).
  package static func sync(_ path: String) throws(Errno) { try OpenDirectory(path).sync() }

  /// The names in a folder, `.` and `..` left out, in byte order.
  package static func names(in path: String) throws(Errno) -> [String] {
    guard let stream = unsafe opendir(path) else { throw Errno.last }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      Glibc.errno = 0
      guard let entry = unsafe readdir(stream) else {
        if Glibc.errno != 0 { throw Errno.last }
        return names.sorted()
      }
      // SAFETY: d_name is terminated by a zero byte and stays valid until the next readdir on this stream.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  /// Gives a file another name in one step; a file that had that name is gone.
  package static func rename(_ old: String, to new: String) throws(Errno) {
    try checked { unsafe Glibc.rename(old, new) }
  }

  /// Removes the name of a file.
  package static func remove(_ path: String) throws(Errno) {
    try checked { unsafe unlink(path) }
  }

  /// Removes an empty folder.
  package static func removeEmpty(_ path: String) throws(Errno) {
    try checked { unsafe rmdir(path) }
  }
}
