// What a flush costs under a folder, and what can be said of it from here. docs/operations.md §6.

package import Platform

/// The costs of single flushes, in nanoseconds.
package struct FlushProbe: Sendable {
  /// Ascending.
  package let costs: [UInt64]

  package static let byteCount = 4096
  package static let name = "userd-disk-check.tmp"
  private static let blockCount = 256
  private static let minRounds = 20
  /// No more rounds begin after so long.
  private static let maxNanoseconds: UInt64 = 10_000_000_000

  /// Writes 4 KiB and flushes, again and again, over a file of 1 MiB that has its room already, as the log does; the file is removed.
  ///
  /// - Parameter folder: where the file is made; one of its name that a process left is replaced.
  /// - Throws: `.io`.
  package init(
    in folder: String, rounds: Int, files: any FileSystem = LinuxFileSystem(), clock: any Clock = SystemClock()
  ) throws(StorageError) {
    precondition(rounds > 0, "\(rounds) rounds")
    let disk = Disk(files), path = folder + "/" + Self.name
    if try disk.openIfPresent(path, .read) != nil { try disk.remove(path) }
    let file = try disk.open(path, .createNew)
    do throws(StorageError) {
      costs = try Self.measure(file, rounds, clock).sorted()
    } catch {
      Self.discard(path, disk)
      throw error
    }
    try disk.remove(path)
  }

  /// Removes what a failed probe left, if that is possible; the next one does it otherwise.
  private static func discard(_ path: String, _ disk: Disk) {
    do throws(StorageError) { try disk.remove(path) } catch { return }
  }

  private static func measure(_ file: DiskFile, _ rounds: Int, _ clock: any Clock) throws(StorageError) -> [UInt64] {
    try file.write([UInt8](repeating: 0, count: byteCount * blockCount).span, at: 0)
    try file.syncData()
    let begin = clock.monotonicNanoseconds()
    var costs: [UInt64] = []
    for round in 0..<rounds {
      let block = [UInt8](repeating: UInt8(truncatingIfNeeded: round + 1), count: byteCount)
      let before = clock.monotonicNanoseconds()
      if costs.count >= minRounds && before - begin > maxNanoseconds { break }
      try file.write(block.span, at: round % blockCount * byteCount)
      try file.syncData()
      costs.append(clock.monotonicNanoseconds() - before)
    }
    return costs
  }

  /// The cost that so many of a thousand flushes do not exceed.
  package func cost(perMille: Int) -> UInt64 { costs[min(costs.count - 1, costs.count * perMille / 1000)] }

  /// How many can be made in a second, one after another.
  package var perSecond: Int {
    let total = costs.reduce(0, +)
    return total == 0 ? 0 : Int(UInt64(costs.count) * 1_000_000_000 / total)
  }
}

/// What the kernel says about the place of a folder.
package struct DiskFacts: Equatable, Sendable {
  /// The type of the file system, such as `ext4`; empty if it is not known.
  package private(set) var fileSystem = ""
  /// How it is mounted, with commas between them.
  package private(set) var options = ""
  /// `write back` if the device says that it has a cache that forgets without power, `write through` if it says that it has none.
  package private(set) var writeCache: String?
  package private(set) var isRotational: Bool?

  /// - Parameters:
  ///   - mounts: /proc/self/mountinfo.
  ///   - device: the folder's, such as `8:1`.
  ///   - queue: what a file in the device's queue/ below /sys says, without its newline; nil if there is none.
  package init(mounts: String, device: String, queue: (_ name: String) -> String?) {
    for line in mounts.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 5, words[2] == device, let dash = words.firstIndex(of: "-"), words.count > dash + 3 else { continue }
      fileSystem = String(words[dash + 1])
      options = "\(words[5]),\(words[dash + 3])"
    }
    writeCache = queue("write_cache")
    switch queue("rotational") {
    case "0": isRotational = false
    case "1": isRotational = true
    default: isRotational = nil
    }
  }

  package enum Verdict: String, Sendable {
    /// A file system in memory: nothing in it survives.
    case memory
    /// It is mounted so that flushes do not reach the device.
    case barriersOff
    /// Faster than a medium of its kind can be.
    case tooFast
    /// The device says that it has no cache that forgets, so there is nothing to wait for.
    case noCache
    /// As slow as a device that waits for its medium.
    case plausible
  }

  /// Below these a flush is faster than a turn of a disk, or the programming of a page of flash, lets it be, in nanoseconds.
  private static let minRotating: UInt64 = 1_000_000
  private static let minFlash: UInt64 = 50_000

  /// - Parameter median: of the costs of a flush, in nanoseconds.
  package func verdict(median: UInt64) -> Verdict {
    if ["tmpfs", "ramfs", "rootfs"].contains(fileSystem) { return .memory }
    let words = options.split(separator: ",")
    if words.contains("nobarrier") || words.contains("barrier=0") || words.contains("nobarriers") { return .barriersOff }
    if isRotational == true && writeCache == "write back" { return median < Self.minRotating ? .tooFast : .plausible }
    if writeCache == "write through" { return .noCache }
    return median < Self.minFlash ? .tooFast : .plausible
  }
}
