// How much memory this process has resident, as the kernel counts it.

import Platform

/// Figures of /proc/self.
enum ResidentMemory {
  /// Bytes resident now: the second number of statm(5), in pages of 4 KiB.
  static func now() throws(BenchmarkError) -> Int {
    let fields = try text(of: "/proc/self/statm").split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { throw .failed("/proc/self/statm has no second number") }
    return pages * 4096
  }

  /// The most that was resident at any moment since the process began: VmHWM of status(5).
  static func peak() throws(BenchmarkError) -> Int {
    for line in try text(of: "/proc/self/status").split(separator: "\n") where line.hasPrefix("VmHWM:") {
      if let kibibytes = Int(line.filter(\.isNumber)) { return kibibytes << 10 }
    }
    throw .failed("/proc/self/status has no VmHWM")
  }

  private static func text(of path: String) throws(BenchmarkError) -> String {
    do throws(Errno) {
      let file = try File(path, .read)
      var bytes = [UInt8](repeating: 0, count: 8192)
      var span = bytes.mutableSpan
      let count = try file.read(into: &span, at: 0)
      return String(decoding: bytes[..<count], as: UTF8.self)
    } catch {
      throw .failed("\(path): \(error)")
    }
  }
}
