// A store that somebody copies while a server has it open, and files of a later format: refused by name or recovered, never misread.

import Platform
import TestSupport
import Testing

@Suite struct CopiedStoreTests {
  private static let password = "a long enough password"

  /// Somebody's copy of a folder: file by file, piece by piece, with `meanwhile` between any two pieces.
  private struct Copy {
    private static let pieceByteCount = 2 << 20
    let meanwhile: () throws -> Void

    func folder(_ source: String, to target: String, first: [String] = []) throws {
      try Directory.create(target)
      let names = try Directory.names(in: source)
      for name in first + names.filter({ !first.contains($0) }) {
        // A name may have gone since the folder was listed, as for any `cp`.
        guard let status = try? FileStatus(path: "\(source)/\(name)") else { continue }
        switch status.kind {
        case .directory: try folder("\(source)/\(name)", to: "\(target)/\(name)")
        case .file: try file("\(source)/\(name)", to: "\(target)/\(name)")
        case .socket, .other: continue
        }
      }
    }

    private func file(_ source: String, to target: String) throws {
      guard let from = try? File(source, .read) else { return }
      let to = try File(target, .createNew)
      var bytes = [UInt8](repeating: 0, count: Self.pieceByteCount), offset = 0
      while true {
        var span = bytes.mutableSpan
        let count = try from.read(into: &span, at: offset)
        if count == 0 { return }
        var written = 0
        while written < count { written += try to.write(bytes.span.extracting(written..<count), at: offset + written) }
        offset += count
        try meanwhile()
      }
    }
  }

  @Test(arguments: [["main.udb", "wal"], ["wal", "main.udb"]])
  func `a store that is copied while a server writes opens with everything that was answered, or is refused by name`(
    order: [String]
  ) throws {
    let folder = TemporaryFolder("copied"), data = "\(folder.path)/db", target = "\(folder.path)/copy"
    let server = try RunningServer(data: data)
    let client = try server.connect()
    var count = 0, pieces = 0
    func register() throws {
      let answer = try client.request(
        "POST", "/api/auth/register", json: #"{"email":"p\#(count)@example.org","password":"\#(Self.password)","name":"P"}"#)
      #expect(answer.status == 201)
      count += 1
    }
    for _ in 0..<10 { try register() }
    let before = count
    let copy = Copy {
      try register()
      pieces += 1
      // A checkpoint in the middle: pages are written, the superblock moves on.
      if pieces == 2 {
        #expect(try Program.run(["admin", "backup", "-o", "\(folder.path)/backup", "--data", data]).exitCode == 0)
      }
    }
    try copy.folder(data, to: target, first: order)
    #expect(pieces > 4)

    let check = try Program.run(["admin", "check", "--deep", "--data", target])
    do {
      let copied = try RunningServer(data: target)
      #expect(check.exitCode == 0, "\(check.output)\(check.error)")
      let reader = try copied.connect()
      for number in 0..<before {
        let login = #"{"email":"p\#(number)@example.org","password":"\#(Self.password)"}"#
        #expect(try reader.request("POST", "/api/auth/login", json: login).status == 200, "p\(number)")
      }
      #expect(copied.stop() == 0)
    } catch let failure as RunningServer.StartFailure {
      #expect(failure.exitCode == 65 && failure.error.contains(target), "\(failure)")
      #expect(check.exitCode == 65, "\(check.output)\(check.error)")
    }
    // The server that was copied has noticed nothing.
    try register()
    #expect(server.stop() == 0)
    #expect(try Program.run(["admin", "check", "--deep", "--data", data]).exitCode == 0)
  }

  @Test func `a store of a later format is refused by name, whatever is asked of it, and left as it is`() throws {
    let folder = TemporaryFolder("later"), data = "\(folder.path)/db"
    #expect(try RunningServer(data: data).stop() == 0)
    let path = "\(data)/main.udb"
    // docs/file-format.md §3: an incompatible feature that nobody knows, in all four copies, with the right checksum.
    for copy in 0..<4 {
      let file = try File(path, .readWrite)
      var page = [UInt8](repeating: 0, count: 8192)
      var span = page.mutableSpan
      #expect(try file.read(into: &span, at: copy * 8192) == 8192)
      page[24] |= 0x40
      let hash = Self.plainXXH64(page[..<8184])
      for index in 0..<8 { page[8184 + index] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * index)) }
      #expect(try file.write(page.span, at: copy * 8192) == 8192)
    }
    let names = try Directory.names(in: "\(data)/wal")
    for words in [
      ["serve", "--data", data, "--listen", "127.0.0.1:0"], ["admin", "check", "--data", data],
      ["admin", "backup", "-o", "\(folder.path)/backup", "--data", data], ["admin", "compact", "--data", data],
    ] {
      let refused = try Program.run(words)
      #expect(refused.exitCode == 65, "\(words): \(refused.error)")
      #expect(refused.error.contains(path) && refused.error.contains("version 2"), "\(words): \(refused.error)")
    }
    #expect(try Directory.names(in: "\(data)/wal") == names)
  }

  /// XXH64 of whole words and at least four of them, from its description and not from the code that it is to judge.
  private static func plainXXH64(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    let primes: [UInt64] = [
      11_400_714_785_074_694_791, 14_029_467_366_897_019_727, 1_609_587_929_392_839_161, 9_650_029_242_287_828_579,
    ]
    func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
    func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 { rotate(lane &+ word &* primes[1], 31) &* primes[0] }
    let words = stride(from: bytes.startIndex, to: bytes.endIndex, by: 8).map { start in
      (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
    var lanes = [primes[0] &+ primes[1], primes[1], 0, 0 &- primes[0]]
    let whole = words.count / 4 * 4
    for index in 0..<whole { lanes[index % 4] = mixed(lanes[index % 4], words[index]) }
    var hash = rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
    for lane in lanes { hash = (hash ^ mixed(0, lane)) &* primes[0] &+ primes[3] }
    hash &+= UInt64(bytes.count)
    for word in words[whole...] { hash = rotate(hash ^ mixed(0, word), 27) &* primes[0] &+ primes[3] }
    hash = (hash ^ hash >> 33) &* primes[1]
    hash = (hash ^ hash >> 29) &* primes[2]
    return hash ^ hash >> 32
  }
}
