// Breaks in long work: as long as they must be, never without somebody who commits, never so long that the work does not end.

import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Storage

struct PaceTests {
  private static let mebibyte = 1 << 20

  /// Lets a piece of work take so long, and says how long the break after it is.
  private func pause(_ pace: Pace, _ clock: SimulatedClock, milliseconds: Int, byteCount: Int = mebibyte, times: UInt64 = 1)
    -> UInt64
  {
    let began = pace.now
    clock.advance(milliseconds: milliseconds)
    return pace.pause(after: began, byteCount: byteCount, times: times)
  }

  @Test func `a break is as long as the piece was while others commit, and there is none when they have stopped`() {
    let clock = SimulatedClock(), signal = DurabilitySignal()
    signal.advance(to: LogPosition(batch: 7))
    let pace = Pace(beside: signal, clock)
    #expect(pause(pace, clock, milliseconds: 3) == 0, "what was durable before is no news")
    signal.advance(to: LogPosition(batch: 8))
    #expect(pause(pace, clock, milliseconds: 3) == 3_000_000)
    #expect(pause(pace, clock, milliseconds: 2, times: 9) == 18_000_000)
    clock.advance(milliseconds: 97)
    #expect(pause(pace, clock, milliseconds: 1) == 1_000_000, "100 ms after the news")
    #expect(pause(pace, clock, milliseconds: 1) == 0, "101 ms after it")
    signal.advance(to: LogPosition(batch: 9))
    #expect(pause(pace, clock, milliseconds: 1) == 1_000_000)
  }

  @Test func `where commits cannot be seen there is always a break, and where nobody else is there never is one`() {
    var seen = 0
    let began = Pace.besideServer().now
    while Pace.besideServer().pause(after: began, byteCount: Self.mebibyte) == 0 { seen += 1 }
    #expect(seen < 1_000_000)
    let clock = SimulatedClock()
    #expect(Pace.alone().pause(after: 0, byteCount: Self.mebibyte) == 0)
    #expect(pause(Pace(beside: DurabilitySignal(), clock), clock, milliseconds: 50) == 0)
  }

  @Test func `breaks alone never make work slower than twenty megabytes a second`() {
    let clock = SimulatedClock(), signal = DurabilitySignal()
    let slept = Atomic<UInt64>(0)
    let pace = Pace(beside: signal, clock) { slept.add($0, ordering: .relaxed) }
    var batch: UInt64 = 0
    // A disk that stands still for a second at each piece, and writers that never stop.
    for _ in 0..<160 {
      batch += 1
      signal.advance(to: LogPosition(batch: batch))
      let began = pace.now
      clock.advance(milliseconds: 1000)
      pace.rest(after: began, byteCount: 125_000)
    }
    #expect(slept.load(ordering: .relaxed) == 1_000_000_000, "for 20 MB")
  }

  // MARK: What is written at a pace

  private static func text(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  @Test(arguments: [0, 1, 2, 3]) func `a file has exactly what was added, whatever the file system grants`(_ kind: Int) throws {
    var generator = SeededGenerator.announced("paced file")
    let piece = Pace.pieceByteCount
    for count in [0, 1, 4095, 4096, piece - 1, piece, piece + 1, 2 * piece + 12_345] {
      let system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: generator.next())
      system.faults.grantsDirect = kind != 1
      system.faults.refusesDirectTransfers = kind == 2
      system.faults.cannotAllocate = kind == 3
      if kind == 3 { system.faults.disturbance = 3 }
      let content = Self.text(count, &generator), disk = Disk(system)
      var file = PacedFile(try disk.open("data/x", .createNew, direct: true), at: .alone())
      var rest = content[...]
      while !rest.isEmpty {
        let part = Array(rest.prefix(generator.number(1..<50_000)))
        try file.add(part.span)
        rest = rest.dropFirst(part.count)
      }
      try file.end()
      try disk.syncDirectory("data")
      #expect(system.disk.contents("data/x") == content, "\(count) bytes")
      #expect(system.disk.afterPowerCut([:], using: &generator).contents("data/x") == content)
    }
  }

  @Test func `room that is only taken ahead may be missing`() throws {
    var generator = SeededGenerator(seed: 3)
    let system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: 1), disk = Disk(system)
    let content = Self.text(300_000, &generator)
    system.limitRoom(to: 303_104)
    var file = PacedFile(try disk.open("data/x", .createNew, direct: true), at: .alone())
    try file.add(content.span)
    try file.end()
    #expect(system.disk.contents("data/x") == content)
    #expect(throws: StorageError.io(operation: "write", path: "data/y", errno: .noSpace)) {
      var file = PacedFile(try disk.open("data/y", .createNew, direct: true), at: .alone())
      try file.add(content.span)
      try file.end()
    }
  }

  // MARK: What is removed at a pace

  // Cutting a file whose name a power cut brings back would leave a shorter file under the name of a whole one.
  @Test func `a file that is removed in pieces is whole or gone, whenever the power fails`() throws {
    var generator = SeededGenerator.announced("removal")
    let size = 2 * Pace.cutByteCount + 4096, content = [UInt8](repeating: 7, count: size)
    for call in 1...20 {
      let system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: 1), disk = Disk(system)
      let file = try disk.open("data/x", .createNew)
      try file.write(content.span, at: 0)
      try file.syncData()
      try disk.syncDirectory("data")
      system.kill()
      system.faults.crashCall = system.calls + call
      system.faults.crashEffect = CrashEffect.allCases[call % 3]
      let isDone = (try? disk.removeInPieces("data/x", at: .alone())) != nil && !system.hasCrashed
      let left = system.disk.afterPowerCut(using: &generator).contents("data/x")
      #expect(left == nil || left == content, "call \(call): \(left?.count ?? 0) bytes")
      if isDone {
        #expect(left == nil && call > 6, "it takes \(call) calls")
        return
      }
    }
    Issue.record("it does not end")
  }

  @Test func `whoever reads a file that is removed, or has another name for it, keeps it whole`() throws {
    let folder = TemporaryFolder("removal"), disk = Disk(LinuxFileSystem())
    let path = folder.path + "/x", size = Pace.cutByteCount + 4096
    func make() throws -> DiskFile {
      let file = try disk.open(path, .createNew)
      try file.truncate(to: size)
      return file
    }
    let own = try make()
    let reader = try disk.open(path, .read)
    try disk.removeInPieces(path, own, at: .alone())
    #expect(try reader.size() == size)
    let other = try make()
    try #require(unsafe link(path, folder.path + "/y") == 0)
    try disk.removeInPieces(path, other, at: .alone())
    #expect(try other.size() == size && Directory.names(in: folder.path) == ["y"])
    try #require(unsafe symlink(folder.path + "/y", path) == 0)
    try disk.removeInPieces(path, at: .alone())
    #expect(try other.size() == size && Directory.names(in: folder.path) == ["y"])
  }
}
