// `userd admin dump`: what the store holds of people, as text that other programs read.

import API
import Auth
import Codecs
import Platform
import Repositories
import Storage

extension Verb {
  static let adminDump = Verb(
    words: ["admin", "dump"], summary: "write all accounts as JSON, one a line",
    details: [
      """
      Deleted accounts too, in the order of creation, from one moment: with a server running it keeps a checkpoint of all that it has answered and goes on. No
      passwords, codes, sessions or keys are in it; with --with-hashes the hashes of passwords are, and who gets the file can try to guess them.
      """,
      "\"userd admin load\" reads it. The first line says what it is, and the last one how many accounts there are: without that one it is not whole.",
      "  userd admin dump -o people.jsonl --with-hashes --data ./db",
    ],
    flags: [
      .output("FILE|-", "where to write (default: standard output)"),
      .switch("with-hashes", "write the hashes of passwords"),
    ],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    setFileCreationMask(0o077)
    let target = invocation.values["output"] ?? "-", hasHashes = invocation.switches.contains("with-hashes")
    let output = try DumpOutput(target)
    let count = try CheckpointAccess(configuration).run(settles: true) { stored, keep throws(CommandError) in
      let users = UserDump(of: stored)
      let lines = DumpLines(store: users.store, checkpoint: users.number, hasHashes: hasHashes)
      var hasMore = true
      while hasMore {
        keep()
        let batch: [UserRecord]
        do throws(RepositoryError) { batch = try users.next() } catch { throw .opening(error) }
        var piece = ByteBuffer(capacity: DumpOutput.flushByteCount)
        hasMore = lines.append(batch.map { (User($0), $0.passwordHash) }, to: &piece)
        try output.write(piece)
      }
      return lines.accountCount
    }
    try output.finish()
    if target != "-" { try surroundings.answer("\(count) accounts in \(visible(target))\n") }
    return .success
  }
}

/// Where lines go: standard output, or a file that has its name only when it is whole and on disk.
final class DumpOutput {
  private let path: String
  private let file: (any StoredFile)?
  private let files = LinuxFileSystem()
  private var offset = 0
  private var buffer: [UInt8] = []

  static let flushByteCount = 1 << 16

  init(_ path: String) throws(CommandError) {
    self.path = path
    guard path != "-" else {
      file = nil
      return
    }
    if Self.isThere(path) { throw .failed("\(visible(path)) exists; a dump needs a new file", .cannotCreate) }
    file = try Self.calling(path) { () throws(Errno) in
      try LinuxFileSystem().open(path + Self.suffix, .createOrOpen, direct: false)
    }
    try Self.calling(path) { () throws(Errno) in try file?.truncate(to: 0) }
  }

  private static let suffix = ".unfinished"

  private static func isThere(_ path: String) -> Bool {
    do throws(Errno) { _ = try FileStatus(path: path) } catch { return false }
    return true
  }

  func write(_ line: consuming ByteBuffer) throws(CommandError) {
    buffer += line.bytes()
    if buffer.count >= Self.flushByteCount { try flush() }
  }

  /// Writes what is left, and gives a file its name.
  func finish() throws(CommandError) {
    try flush()
    guard let file else { return }
    try Self.calling(path) { () throws(Errno) in
      try file.syncData()
      try files.rename(path + Self.suffix, to: path)
      try files.syncDirectory(path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : ".")
    }
  }

  private func flush() throws(CommandError) {
    let bytes = buffer
    buffer.removeAll(keepingCapacity: true)
    do throws(Errno) {
      guard let file else { return try StandardStream.output.write(bytes.span) }
      var done = 0
      while done < bytes.count { done += try file.write(bytes.span.extracting(done...), at: offset + done) }
      offset += done
    } catch { throw Self.failure(path, error) }
  }

  private static func calling<Value>(_ path: String, _ call: () throws(Errno) -> Value) throws(CommandError) -> Value {
    do throws(Errno) { return try call() } catch { throw failure(path, error) }
  }

  private static func failure(_ path: String, _ error: Errno) -> CommandError {
    .failed(
      "cannot write \(path == "-" ? "to standard output" : visible(path)): \(error)",
      error.kind == .noSpace || error.kind == .missing ? .cannotCreate : .inputOutput)
  }
}
