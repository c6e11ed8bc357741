// Looks for bytes in files and in the memory of a process, as fast as the C library can.

import Glibc
import Platform

/// Whether `needle` occurs in `bytes`.
func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
  guard let first = needle.first, bytes.count >= needle.count else { return false }
  return unsafe bytes.withUnsafeBytes { hay in
    unsafe needle.withUnsafeBytes { needle in
      var place = 0
      let last = hay.count - needle.count
      while place <= last {
        // SAFETY: the search begins and ends inside the array.
        guard let found = unsafe memchr(hay.baseAddress! + place, Int32(first), last - place + 1) else { return false }
        place = unsafe UnsafeRawPointer(found) - hay.baseAddress!
        if unsafe memcmp(hay.baseAddress! + place, needle.baseAddress!, needle.count) == 0 { return true }
        place += 1
      }
      return false
    }
  }
}

/// The whole contents of a file.
func contents(of path: String) throws(Errno) -> [UInt8] {
  let file = try File(path, .read)
  var bytes = [UInt8](repeating: 0, count: try file.size())
  var count = 0
  while count < bytes.count {
    var span = bytes.mutableSpan
    var rest = span._mutatingExtracting(count...)
    let got = try file.read(into: &rest, at: count)
    if got == 0 { break }
    count += got
  }
  return Array(bytes[..<count])
}

/// The paths of all files under a folder.
func files(under folder: String) throws(Errno) -> [String] {
  var found: [String] = []
  for name in try Directory.names(in: folder) {
    let path = folder + "/" + name
    switch try FileStatus(path: path).kind {
    case .directory: found += try files(under: path)
    case .file: found.append(path)
    case .socket, .other: break
    }
  }
  return found
}

/// What a core dump of a process would hold, read while it runs, as gcore(1) does it: needs root, or a parent that may trace.
struct ProcessMemory {
  /// Everything that a dump takes, region by region.
  private(set) var dumped: [[UInt8]] = []
  /// Everything that is left out of dumps by `MADV_DONTDUMP`.
  private(set) var leftOut: [[UInt8]] = []

  init(of process: pid_t) throws(Errno) {
    let memory = try File("/proc/\(process)/mem", .read)
    var range: Range<Int>?
    for line in text(of: "/proc/\(process)/smaps", chunk: 1 << 20).split(separator: "\n") {
      if let header = Self.range(of: line) { range = header }
      guard line.hasPrefix("VmFlags:"), let region = range else { continue }
      let flags = line.split(separator: " ").dropFirst()
      guard flags.contains("rd"), !flags.contains("io"), region.count <= 256 << 20 else { continue }
      var bytes = [UInt8](repeating: 0, count: region.count)
      var span = bytes.mutableSpan
      do throws(Errno) { _ = try memory.read(into: &span, at: region.lowerBound) } catch { continue }  // [vvar] and the like
      if flags.contains("dd") { leftOut.append(bytes) } else { dumped.append(bytes) }
    }
  }

  /// The addresses at the beginning of a region's first line.
  private static func range(of line: Substring) -> Range<Int>? {
    let ends = line.prefix { $0 != " " }.split(separator: "-")
    guard ends.count == 2, let start = Int(ends[0], radix: 16), let end = Int(ends[1], radix: 16), end > start else { return nil }
    return start..<end
  }

  func isDumped(_ needle: [UInt8]) -> Bool { dumped.contains { contains($0, needle) } }
  func isLeftOut(_ needle: [UInt8]) -> Bool { leftOut.contains { contains($0, needle) } }
}

/// The text of a file whose size the kernel does not tell.
private func text(of path: String, chunk: Int) -> String {
  guard let file = try? File(path, .read) else { return "" }
  var whole: [UInt8] = []
  var room = [UInt8](repeating: 0, count: chunk)
  while true {
    var span = room.mutableSpan
    guard let count = try? file.read(into: &span, at: whole.count), count > 0 else { break }
    whole += room[..<count]
  }
  return String(decoding: whole, as: UTF8.self)
}
