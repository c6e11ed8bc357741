// Files and folders against the kernel.

import Glibc
import Platform
import TestSupport
import Testing

struct FileTests {
  @Test func `bytes written at an offset are read back, and a gap reads as zeros`() throws {
    let folder = try ScratchFolder()
    let file = try File(folder.path + "/a", .createNew)
    let bytes: [UInt8] = [1, 2, 3]
    #expect(try file.write(bytes.span, at: 5) == 3)
    var read = [UInt8](repeating: 9, count: 10)
    var span = read.mutableSpan
    #expect(try file.read(into: &span, at: 0) == 8)
    #expect(read == [0, 0, 0, 0, 0, 1, 2, 3, 9, 9])
    #expect(try file.size() == 8)
    try file.syncData()
    try file.sync()
    try file.dropCache()
    try file.setSize(6)
    #expect(try file.size() == 6)
    try file.allocate(offset: 0, byteCount: 8192)
    #expect(try file.size() == 8192)
  }

  @Test func `access says what may be made and what must be there`() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/a"
    #expect(throws: Errno.notFound) { _ = try File(path, .read) }
    #expect(throws: Errno.notFound) { _ = try File(path, .readWrite) }
    _ = try File(path, .createNew)
    #expect(throws: Errno.exists) { _ = try File(path, .createNew) }
    _ = try File(path, .createOrOpen)
    let reader = try File(path, .read)
    #expect(throws: Errno.badDescriptor) { _ = try reader.write([UInt8(1)].span, at: 0) }
    #expect(try reader.status().kind == .file)
    #expect(try FileStatus(path: path).permissions & 0o077 == 0, "others may read it")
    #expect(try FileStatus(path: folder.path).kind == .directory)
    #expect(throws: Errno.notFound) { _ = try FileStatus(path: folder.path + "/none") }
  }

  @Test func `a direct file takes aligned blocks, or says that it is not direct`() throws {
    let folder = try ScratchFolder()
    let file = try File(folder.path + "/a", .createNew, direct: true)
    if file.isDirect {
      let bytes = [UInt8](repeating: 1, count: 100)
      #expect(throws: Errno.invalid) { _ = try file.write(bytes.span, at: 0) }
    }
  }

  @Test func `a lock holds against every other open until its owner goes`() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/LOCK"
    do {
      let owner = try File(path, .createOrOpen)
      try owner.lockExclusively()
      let other = try File(path, .createOrOpen)
      #expect(throws: Errno.again) { try other.lockExclusively() }
    }
    let next = try File(path, .createOrOpen)
    try next.lockExclusively()
  }

  // A database that was closed and opened again was "locked" now and then while another thread was spawning a process: the child had a copy
  // of the descriptor until it executed.
  @Test func `a lock ends with its owner, whoever else has a copy of the descriptor`() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/LOCK"
    var copy: CInt = -1
    do {
      let owner = try File(path, .createOrOpen)
      try owner.lockExclusively()
      copy = (3..<4096).lazy.filter { linkTarget(of: $0) == path }.map { dup($0) }.first ?? -1
    }
    #expect(copy >= 0)
    let next = try File(path, .createOrOpen)
    try next.lockExclusively()
    close(copy)
  }

  /// What an open descriptor of this process stands for.
  private func linkTarget(of descriptor: CInt) -> String? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe readlink("/proc/self/fd/\(descriptor)", buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }

  @Test func `a file that has a name, or that somebody else has open, is not its owner's alone`() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/a"
    let file = try File(path, .createNew)
    #expect(try !file.hasNoOtherUser())
    do {
      let reader = try File(path, .read)
      try Directory.remove(path)
      #expect(try !file.hasNoOtherUser())
      #expect(try !reader.hasNoOtherUser())
    }
    // Whether it is now, not every file system can tell; asking leaves the file of use.
    _ = try file.hasNoOtherUser()
    try file.setSize(5)
    #expect(try file.size() == 5)
  }

  @Test func `names are made, listed, renamed over each other and removed`() throws {
    let folder = try ScratchFolder()
    let path = folder.path + "/sub"
    try Directory.create(path)
    #expect(throws: Errno.exists) { try Directory.create(path) }
    #expect(try FileStatus(path: path).permissions == 0o700)
    for name in ["b", "a", "ä"] { _ = try File(path + "/" + name, .createNew) }
    #expect(try Directory.names(in: path) == ["a", "b", "ä"])
    try Directory.rename(path + "/a", to: path + "/b")
    try Directory.sync(path)
    #expect(try Directory.names(in: path) == ["b", "ä"])
    #expect(throws: Errno.notFound) { try Directory.remove(path + "/a") }
    #expect(throws: Errno.notFound) { _ = try Directory.names(in: folder.path + "/none") }
    try Directory.remove(path + "/b")
    try Directory.remove(path + "/ä")
    try Directory.removeEmpty(path)
    #expect(try Directory.names(in: folder.path).isEmpty)
  }
}
