// What the kernel knows of this process and its disks: processor time, memory, descriptors, threads, room.

import Glibc

/// Figures of this process at one moment.
package struct ProcessFigures: Sendable {
  /// Processor time of all threads since the start.
  package private(set) var processorNanoseconds: UInt64 = 0
  package private(set) var virtualByteCount = 0
  package private(set) var residentByteCount = 0
  package private(set) var descriptorCount = 0
  package private(set) var maxDescriptorCount = 0
  package private(set) var threadCount = 0

  /// Reads /proc, which must be there.
  package init() throws(Errno) {
    var time = timespec()
    // SAFETY: a local that outlives the call.
    try checked { unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) }
    processorNanoseconds = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    let pages = try Self.numbers(in: "/proc/self/statm")
    let size = sysconf(CInt(_SC_PAGESIZE))
    if pages.count > 1 { (virtualByteCount, residentByteCount) = (pages[0] * size, pages[1] * size) }
    // The folder itself is open while it is read.
    descriptorCount = try Directory.names(in: "/proc/self/fd").count - 1
    threadCount = try Directory.names(in: "/proc/self/task").count
    var limit = rlimit()
    // SAFETY: as above. RLIMIT_NOFILE is 7.
    try checked { unsafe getrlimit(__rlimit_resource_t(7), &limit) }
    maxDescriptorCount = Int(clamping: limit.rlim_cur)
  }

  /// The numbers at the beginning of a small file that has spaces between them.
  private static func numbers(in path: String) throws(Errno) -> [Int] {
    let file = try File(path, .read)
    var bytes = [UInt8](repeating: 0, count: 256)
    var span = bytes.mutableSpan
    let count = try file.read(into: &span, at: 0)
    var numbers = [0]
    for byte in bytes[..<count] {
      if byte == UInt8(ascii: " ") {
        numbers.append(0)
      } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int(byte - UInt8(ascii: "0"))
      } else {
        break
      }
    }
    return numbers
  }
}

/// Room on the file system that a path is on: what this user may still take, and how much there is in all.
package func roomOnDisk(at path: String) throws(Errno) -> (freeByteCount: Int, byteCount: Int) {
  var figures = statvfs()
  // SAFETY: a local that outlives the call.
  try checked { unsafe statvfs(path, &figures) }
  let unit = Int(figures.f_frsize)
  // Some file systems say that they have more than there are numbers for.
  func byteCount(_ blocks: fsblkcnt_t) -> Int {
    let (count, overflows) = Int(clamping: blocks).multipliedReportingOverflow(by: unit)
    return overflows ? .max : count
  }
  return (byteCount(figures.f_bavail), byteCount(figures.f_blocks))
}
