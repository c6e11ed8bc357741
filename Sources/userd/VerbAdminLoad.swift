// `userd admin load`: accounts from a file of JSON lines into the store.

import API
import Codecs
import Platform
import Storage

extension Verb {
  static let adminLoad = Verb(
    words: ["admin", "load"], summary: "make accounts from a file with one JSON object a line",
    details: [
      """
      A line is what "admin dump" wrote, or a User of the API, with "passwordHash" for the hash that another system made of the password: argon2id, bcrypt, scrypt
      or PBKDF2 as docs/security.md says. Passwords themselves are not taken. Only "email" and "name" must be there; identifiers, times and status are taken as they are.
      """,
      """
      Up to 1,000 lines are one commit, which is taken as a whole or not at all. If a line is refused, each one that is wrong in its commit is named with its number, nothing
      of that commit is taken, and the work ends with exit code 65; what was before it stays. Run it again then, or after it was cut short: accounts that are
      there with the same identifier and address (the address alone, where a line has no identifier) are passed over.
      """,
      "  userd admin load people.jsonl --data ./db",
    ],
    arguments: "FILE|-", flags: [.json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    guard invocation.arguments.count == 1 else { throw .failed("\"admin load\" needs one file, or - for standard input", .usage) }
    setFileCreationMask(0o077)
    let lines = try LineReader(invocation.arguments[0])
    var total = LoadCounts()
    try AdminAccess(configuration, surroundings, missing: .made).run { (client) throws(CommandError) in
      let progress = PageProgress("loading", of: lines.byteCount / PageProgress.pageByteCount)
      defer { progress.end() }
      var batch = LoadBatch()
      while let line = try lines.next() {
        guard try batch.take(line) else { continue }
        if batch.isFull { try batch.send(to: client, &total) }
        progress.set(lines.offset / PageProgress.pageByteCount)
      }
      try batch.send(to: client, &total)
      try batch.checkEnd(total)
    }
    if invocation.switches.contains("json") {
      try surroundings.answer("{\"made\":\(total.made),\"present\":\(total.present)}\n")
    } else {
      try surroundings.answer("\(total.made) accounts made, \(total.present) were there already\n")
    }
    return .success
  }
}

/// What became of the accounts so far.
private struct LoadCounts {
  var made = 0
  var present = 0
}

/// Lines that go into one commit.
private struct LoadBatch {
  private var lines: [LineReader.Line] = []
  private var byteCount = 0
  /// Lines that one request may have; fewer where a running server takes only short bodies.
  private var maxCount = 1000
  /// How many accounts the dump says that it has, at its end; and whether it began as a dump.
  private var announced: Int?
  private var isDump = false

  private static let maxByteCount = 1 << 20

  var isFull: Bool { lines.count >= maxCount || byteCount >= Self.maxByteCount }

  /// - Returns: whether the line is an account; else it is the first or last line of a dump.
  mutating func take(_ line: LineReader.Line) throws(CommandError) -> Bool {
    let root: JSONValue
    do throws(JSONError) { root = try JSONDocument(line.bytes.span).root } catch {
      throw .failed("line \(line.number) is no JSON: \(error)", .damagedData)
    }
    switch root["type"]?.string {
    case "dump":
      guard root["version"]?.integer == DumpLine.version else {
        throw .failed("line \(line.number): a dump of another version than \(DumpLine.version)", .damagedData)
      }
      isDump = true
      return false
    case "end":
      announced = root["users"]?.integer.map { Int($0) }
      return false
    case nil, "user": break
    case let type?: throw .failed("line \(line.number): \"\(visible(type))\" is nothing that can be loaded", .damagedData)
    }
    if announced != nil { throw .failed("line \(line.number) is behind the end of the dump", .damagedData) }
    lines.append(line)
    byteCount += line.bytes.count
    return true
  }

  /// Has what was gathered committed, in parts where the server's bound on bodies makes it.
  mutating func send(to client: AdminClient, _ total: inout LoadCounts) throws(CommandError) {
    var rest = lines[...]
    lines = []
    byteCount = 0
    while !rest.isEmpty {
      let part = rest.prefix(maxCount)
      let answer = try client.answer("POST", "/api/v1/admin/load", Self.body(part))
      if answer.status == 413, part.count > 1 {
        maxCount = part.count / 2
        continue
      }
      let document = try answer.json()
      guard answer.status == 200 else { throw Self.refusal(document, answer.status, part) }
      total.made += Int(document.root["made"]?.integer ?? 0)
      total.present += Int(document.root["present"]?.integer ?? 0)
      rest = rest.dropFirst(part.count)
    }
  }

  /// - Throws: exit code 65 if a dump was cut off.
  func checkEnd(_ total: LoadCounts) throws(CommandError) {
    guard isDump else { return }
    if announced != total.made + total.present {
      throw .failed(
        "the dump is not whole: it \(announced.map { "announces \($0) accounts" } ?? "has no last line"), and "
          + "\(total.made + total.present) were in it; all of these are in the store", .damagedData)
    }
  }

  private static func body(_ lines: ArraySlice<LineReader.Line>) -> ByteBuffer {
    var body = ByteBuffer(capacity: 1 << 16)
    body.append("{\"users\":[")
    for (index, line) in lines.enumerated() {
      if index > 0 { body.append(",") }
      body.append(line.bytes.span)
    }
    body.append("]}")
    return body
  }

  /// The complaints of the server, with lines instead of places in the batch.
  private static func refusal(
    _ document: JSONDocument, _ status: Int, _ part: ArraySlice<LineReader.Line>
  ) -> CommandError {
    guard status == 422, let errors = document.root["errors"] else { return .refused(by: document, status: status) }
    var text = ""
    for error in errors.elements {
      let parts = (error["pointer"]?.string ?? "").split(separator: "/")
      let index = parts.count > 2 ? decimal(String(parts[2])) ?? 0 : 0
      let number = part[part.startIndex + min(index, part.count - 1)].number
      text += "line \(number): \(parts.dropFirst(3).joined(separator: ".")) \(error["detail"]?.string ?? "")\n"
    }
    let first = part.first?.number ?? 0, last = part.last?.number ?? 0
    return .failed(text + "nothing of lines \(first) to \(last) was taken", .damagedData)
  }
}

/// Reads a file, or standard input, line by line.
private final class LineReader {
  struct Line {
    let number: Int
    let bytes: [UInt8]
  }

  private let name: String
  /// nil for standard input.
  private let file: (any StoredFile)?
  private var chunk: [UInt8] = []
  private var place = 0
  private var number = 0
  /// Bytes read so far, and those there are; 0 if that is not known.
  private(set) var offset = 0
  let byteCount: Int

  private static let chunkByteCount = 1 << 16
  private static let maxLineByteCount = 512 << 10

  /// - Throws: exit code 66 if there is no such file.
  init(_ path: String) throws(CommandError) {
    name = path
    guard path != "-" else {
      (file, byteCount) = (nil, 0)
      return
    }
    do throws(Errno) {
      let file = try LinuxFileSystem().open(path, .read, direct: false)
      byteCount = try file.size()
      self.file = file
    } catch { throw Self.failure(path, error) }
  }

  /// The next line that is not empty, without its end; nil at the end.
  ///
  /// - Throws: exit code 65 for a line that is longer than any account.
  func next() throws(CommandError) -> Line? {
    while true {
      var line: [UInt8] = []
      var isWhole = false
      while !isWhole {
        if place == chunk.count {
          try fill()
          if chunk.isEmpty { break }
        }
        let end = chunk[place...].firstIndex(of: UInt8(ascii: "\n")) ?? chunk.count
        line += chunk[place..<end]
        isWhole = end < chunk.count
        place = isWhole ? end + 1 : end
        if line.count > Self.maxLineByteCount {
          throw .failed("line \(number + 1) has more than \(Self.maxLineByteCount) bytes", .damagedData)
        }
      }
      if line.isEmpty && !isWhole { return nil }
      number += 1
      if line.contains(where: { $0 > 0x20 }) { return Line(number: number, bytes: line) }
    }
  }

  private func fill() throws(CommandError) {
    chunk = [UInt8](repeating: 0, count: Self.chunkByteCount)
    place = 0
    do throws(Errno) {
      var span = chunk.mutableSpan
      let count: Int
      if let file { count = try file.read(into: &span, at: offset) } else { count = try StandardStream.input.read(into: &span) }
      chunk.removeLast(chunk.count - count)
      offset += count
    } catch { throw Self.failure(name, error) }
  }

  private static func failure(_ name: String, _ error: Errno) -> CommandError {
    .failed("cannot read \(visible(name)): \(error)", error.kind == .missing ? .missingInput : .inputOutput)
  }
}
