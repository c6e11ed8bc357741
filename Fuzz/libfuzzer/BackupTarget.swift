// Backups: a full one and an increment, changed at a few places, with the checksums left alone or made right again, then restored.

import Platform
@testable import Storage
import TestSupport

/// The first byte says which checksums are made right afterwards; then come changes: file and kind, place (three bytes), length, bytes.
@Sendable func judgeBackup(_ bytes: [UInt8]) -> String? {
  guard let mode = bytes.first else { return nil }
  var files = BackupSample.shared.files
  var rest = bytes.dropFirst()
  while rest.count >= 5 {
    let head = Array(rest.prefix(5))
    rest = rest.dropFirst(5)
    let file = Int(head[0] & 1), count = files[file].count
    guard count > 0 else { continue }
    let place = (Int(head[1]) << 16 | Int(head[2]) << 8 | Int(head[3])) % count
    let length = min(Int(head[4]), count - place)
    switch head[0] >> 1 & 3 {
    case 0, 1:
      for (index, byte) in rest.prefix(length).enumerated() { files[file][place + index] = byte }
      rest = rest.dropFirst(length)
    case 2: files[file].removeSubrange(place..<place + length)
    default: files[file].insert(contentsOf: files[1 - file].dropFirst(place).prefix(length), at: place)
    }
  }
  let isForged = mode & 0x0f != 0 && files != BackupSample.shared.files
  var chain = [["data/0"], ["data/0", "data/1"], ["data/1"], ["data/1", "data/0"]][Int(mode >> 4) & 3]
  if mode & 0x40 != 0 { chain.append(chain[0]) }
  do throws(StorageError) {
    for file in files.indices { try seal(&files[file], mode) }
    let contents = try restored(chain, of: files)
    if isForged { return nil }
    let expected = chain.last == "data/0" ? BackupSample.shared.contents[0] : BackupSample.shared.contents[1]
    return contents == expected && (chain == ["data/0"] || chain == ["data/0", "data/1"])
      ? nil : "\(chain) under \(bytes.shown) is restored to \(contents.count) keys"
  } catch {
    switch error {
    case .damaged, .pageDamaged, .newerFormat, .backupMismatch, .storageFull: break
    default: return "\(chain) under \(bytes.shown) ends with \(error)"
    }
    let isSound = files == BackupSample.shared.files && chain.first == "data/0" && chain.count <= 2 && chain.last != chain.first
    return isSound ? "\(chain) is refused: \(error)" : nil
  }
}

/// What a restored store holds when it is opened.
private func restored(_ chain: [String], of files: [[UInt8]]) throws(StorageError) -> [String: String] {
  var disk = SimulatedDisk(folder: "data")
  for (number, bytes) in files.enumerated() { disk.place("data/\(number)", bytes) }
  // A forged page may claim a place far behind all others.
  disk.capacity = 4 << 20
  let system = SimulatedFileSystem(disk, seed: 1)
  let set = try BackupSet(chain, files: system)
  _ = try set.restore(to: "data/new", random: BackupSample.random())
  let database = try Database.simulated(BackupSample.options("data/new", system, set.limits.pageByteCount))
  let contents = try database.contents()
  try database.close()
  return contents
}

/// Makes checksums right again: 1 of the head, 2 of the superblock, 4 of the pages, 8 of the whole.
private func seal(_ bytes: inout [UInt8], _ mode: UInt8) throws(StorageError) {
  func set(_ hash: UInt64, at offset: Int) {
    for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index)) }
  }
  let page = 512, start = 16_384
  guard bytes.count >= start + page else { return }
  if mode & 1 != 0 { set(XXH64.hash(bytes.span.extracting(0..<8184)), at: 8184) }
  if mode & 2 != 0 { set(XXH64.hash(bytes.span.extracting(8192..<start - 8)), at: start - 8) }
  let count = (bytes.count - start) / page - 1
  if mode & 4 != 0 {
    let memory = try PageMemory(count: 1, PageLimits(pageByteCount: page))
    for number in 0..<count {
      let offset = start + number * page
      memory.withMutableBytes(0) { target in for index in 0..<page { target[index] = bytes[offset + index] } }
      PageSeal(BackupSample.shared.identity).set(on: memory[0], byteCount: page)
      for index in 0..<page { bytes[offset + index] = memory[0].load(index, as: UInt8.self) }
    }
  }
  guard mode & 8 != 0 else { return }
  var chain = BackupChain()
  chain.add(bytes.span.extracting(0..<8192))
  chain.add(bytes.span.extracting(8192..<start))
  for number in 0..<count { chain.add(bytes.span.extracting(start + number * page..<start + (number + 1) * page)) }
  var trailer = [UInt8](repeating: 0, count: page)
  var span = trailer.mutableSpan
  BackupTrailer(pageCount: UInt64(count), chain: chain.value).encode(into: &span)
  bytes.replaceSubrange(start + count * page..<start + (count + 1) * page, with: trailer)
}

/// Two backups of a small store, made once.
private struct BackupSample: Sendable {
  let files: [[UInt8]]
  let contents: [[String: String]]
  let identity: DatabaseIdentity

  static let shared: BackupSample = {
    do { return try BackupSample() } catch { fatalError("no backup to change: \(error)") }
  }()

  private init() throws(StorageError) {
    let system = SimulatedFileSystem(SimulatedDisk(folder: "data"), seed: 1)
    let database = try Database.simulated(Self.options("data/db", system, 512))
    for number in 0..<24 { try database.put("key \(number)", "value \(number)") }
    try database.put("long", String(repeating: "v", count: 900))
    try database.waitUntilDurable(database.heldPosition)
    var contents = [try database.contents()]
    let first = try PinnedCheckpoint(of: database).stored
    identity = first.stored.superblock.identity
    let base = try first.backUp(toFile: "data/0", with: [1, 2, 3])
    for number in 20..<26 { try database.put("key \(number)", "another") }
    try database.remove("key 3")
    try database.waitUntilDurable(database.heldPosition)
    contents.append(try database.contents())
    _ = try PinnedCheckpoint(of: database).stored.backUp(toFile: "data/1", since: base)
    try database.close()
    self.contents = contents
    files = ["data/0", "data/1"].map { system.disk.contents($0) ?? [] }
  }

  static func random() -> RandomSource {
    RandomSource { bytes in for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: 17 &* index &+ 3) } }
  }

  static func options(_ path: String, _ system: SimulatedFileSystem, _ pageByteCount: Int) -> DatabaseOptions {
    var options = DatabaseOptions(path: path)
    options.files = system
    options.clock = SimulatedClock()
    options.random = random()
    options.segmentByteCount = 64 << 10
    options.cacheByteCount = 4 << 20
    options.pageByteCount = pageByteCount
    options.growthByteCount = 16 << 10
    return options
  }
}
