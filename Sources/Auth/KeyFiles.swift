// One small file of the key folder: read as a whole, replaced as a whole whenever the power goes.

import Crypto
import Platform

/// The files below `<data>/keys`. Every call to the system goes through `calling`, so that a test can stop between any two of them.
struct KeyFiles: Sendable {
  /// Told before every call that changes or reads something; what it throws takes the place of the call.
  var beforeCall: @Sendable (_ operation: StaticString, _ path: String) throws(Errno) -> Void = { (_, _) throws(Errno) in }

  static let temporarySuffix = ".tmp"

  /// The bytes of a file that only its owner may have access to; nil if there is no such file.
  ///
  /// - Parameter byteCounts: how many there may be.
  func read(_ path: String, byteCounts: ClosedRange<Int>) throws(KeyError) -> SecretBytes? {
    guard let file = try open(path) else { return nil }
    let status = try calling("stat", path) { () throws(Errno) in try file.status() }
    guard status.kind == .file, byteCounts.contains(status.byteCount) else {
      throw .wrongSize(path: path, byteCount: status.byteCount, expected: byteCounts.upperBound)
    }
    guard status.permissions & 0o077 == 0 else { throw .tooOpen(path: path, permissions: status.permissions) }
    return try SecretBytes(count: status.byteCount) { (bytes) throws(KeyError) in
      var count = 0
      while count < bytes.count {
        do throws(Errno) {
          var rest = bytes._mutatingExtracting(count...)
          let got = try file.read(into: &rest, at: count)
          guard got > 0 else { throw .io }
          count += got
        } catch {
          throw .io(operation: "read", path: path, errno: error)
        }
      }
    }
  }

  /// Puts a file under a name so that the name has the old bytes or the new ones, never a part, whenever the power goes. On disk on return.
  func replace(_ name: String, in folder: String, with bytes: Span<UInt8>) throws(KeyError) {
    let target = folder + "/" + name
    let temporary = target + Self.temporarySuffix
    try remove(temporary)  // left by somebody who was cut off
    try calling("write", temporary) { () throws(Errno) in
      let file = try File(temporary, .createNew)
      var count = 0
      while count < bytes.count {
        let written = try file.write(bytes.extracting(count...), at: count)
        guard written > 0 else { throw .noSpace }
        count += written
      }
      try file.sync()
    }
    try calling("rename", target) { () throws(Errno) in try Directory.rename(temporary, to: target) }
    try sync(folder)
  }

  /// Removes a file; one that is gone already is no error. On disk after `sync`.
  func remove(_ path: String) throws(KeyError) {
    try calling("unlink", path) { () throws(Errno) in
      do throws(Errno) { try Directory.remove(path) } catch { if error != .notFound { throw error } }
    }
  }

  func sync(_ folder: String) throws(KeyError) {
    try calling("fsync", folder) { () throws(Errno) in try Directory.sync(folder) }
  }

  /// Makes a folder if it is missing. On disk on return.
  func makeDirectory(_ folder: String) throws(KeyError) {
    let isNew = try calling("mkdir", folder) { () throws(Errno) in
      do throws(Errno) {
        try Directory.create(folder)
        return true
      } catch {
        if error == .exists { return false }
        throw error
      }
    }
    if isNew { try sync(folder + "/..") }
  }

  func names(in folder: String) throws(KeyError) -> [String] {
    try calling("list", folder) { () throws(Errno) in try Directory.names(in: folder) }
  }

  /// The file for reading; nil if there is none.
  private func open(_ path: String) throws(KeyError) -> File? {
    do throws(Errno) {
      try beforeCall("open", path)
      return try File(path, .read)
    } catch {
      if error == .notFound { return nil }
      throw .io(operation: "open", path: path, errno: error)
    }
  }

  private func calling<Value>(
    _ operation: StaticString, _ path: String, _ body: () throws(Errno) -> Value
  ) throws(KeyError) -> Value {
    do throws(Errno) {
      try beforeCall(operation, path)
      return try body()
    } catch { throw .io(operation: operation, path: path, errno: error) }
  }
}
