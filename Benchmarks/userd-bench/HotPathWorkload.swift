// The paths that every request takes, each alone and often: for Benchmarks/budget.py, which counts their instructions.

import Codecs
import Crypto
import HTTP
import Platform
import Storage

/// One path, some thousand times over, on the same input. Portable cryptography, so that it is the same code on every processor.
struct HotPathWorkload {
  /// In the order in which they are listed.
  static let names =
    ["head", "json-read", "json-write", "base64url", "hmac", "token-hash", "uuid", "timestamp", "log-line"]
    + ["tree-get", "tree-put", "commit"] + RequestPaths.names
  private let name: String
  private let rounds: Int
  private let folder: String?

  init(_ arguments: inout BenchmarkArguments) throws(BenchmarkError) {
    guard let name = arguments.text("--name"), Self.names.contains(name) else {
      throw .usage("--name is one of \(Self.names.joined(separator: ", "))")
    }
    self.name = name
    rounds = try arguments.integer("--rounds", in: 0...10_000_000) ?? 1000
    folder = arguments.text("--data")
    try arguments.finish()
  }

  func run() throws(BenchmarkError) {
    var output = ByteBuffer(capacity: 4096)
    switch name {
    case "head": try head()
    case "json-read": try readJSON()
    case "json-write": writeJSON(&output)
    case "base64url": base64URL(&output)
    case "hmac": authenticate()
    case "token-hash": hash()
    case "uuid": identifiers(&output)
    case "timestamp": timestamps(&output)
    case "log-line": logLines(&output)
    case "tree-get", "tree-put": try tree()
    case "commit": try commits(place())
    default:
      var paths = try RequestPaths(folder: place())
      try paths.run(name, rounds: rounds)
    }
  }

  // MARK: What arrives

  private func head() throws(BenchmarkError) {
    let bytes = Array(
      """
      GET /api/auth/me HTTP/1.1\r
      Host: accounts.example.org\r
      User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r
      Accept: application/json\r
      Accept-Encoding: gzip, deflate\r
      Authorization: Bearer \(String(repeating: "eyJhbGciOiJIUzI1NiJ9.", count: 14))\r
      X-Request-Id: 01a200b1-ffa1-7ff6-a0d5-5a248ff56ed4\r
      Connection: keep-alive\r
      \r

      """.utf8)
    let parser = RequestParser(limits: HTTPLimits())
    var head = RequestHead()
    for _ in 0..<rounds {
      let isWhole: Bool
      do throws(Refusal) { isWhole = try parser.parse(bytes.span, into: &head) } catch { throw .failed("\(error)") }
      guard isWhole && head.byteCount == bytes.count else { throw .failed("the head is not whole") }
    }
  }

  private func readJSON() throws(BenchmarkError) {
    let bytes = Array(
      #"{"email":"somebody@example.org","password":"correct horse battery 7","name":"J\u00fcrgen Müller","metadata":{"team":[1,2.5,true,null]}}"#
        .utf8)
    for _ in 0..<rounds {
      let document: JSONDocument
      do throws(JSONError) { document = try JSONDocument(bytes.span) } catch { throw .failed("\(error)") }
      guard document.root["email"]?.string != nil else { throw .failed("no member") }
    }
  }

  private func identifiers(_ output: inout ByteBuffer) {
    let text = Array("01a200b1-ffa1-7ff6-a0d5-5a248ff56ed4".utf8)
    for _ in 0..<rounds {
      guard let id = UUID(text.span) else { preconditionFailure("an identifier") }
      output.removeAll()
      id.append(to: &output)
    }
  }

  // MARK: What leaves

  private func writeJSON(_ output: inout ByteBuffer) {
    for round in 0..<rounds {
      output.removeAll()
      var writer = JSONWriter(output)
      writer.beginObject()
      writer.key("id")
      writer.uuid(UUID(high: 0x01a2_00b1_ffa1_7ff6, low: UInt64(round)))
      writer.key("email")
      writer.string("somebody@example.org")
      writer.key("name")
      writer.string("Jürgen \"Jay\" Müller")
      writer.key("createdAt")
      writer.timestamp(milliseconds: 1_777_629_600_123)
      writer.key("verified")
      writer.boolean(true)
      writer.key("roles")
      writer.beginArray()
      writer.string("admin" as String)
      writer.endArray()
      writer.key("revision")
      writer.integer(round)
      writer.endObject()
      output = writer.finish()
    }
  }

  private func timestamps(_ output: inout ByteBuffer) {
    for round in 0..<rounds {
      output.removeAll()
      RFC3339.append(milliseconds: 1_777_629_600_123 + Int64(round), to: &output)
      HTTPDate.append(milliseconds: 1_777_629_600_123 + Int64(round), to: &output)
    }
  }

  /// The line of a request, as for each with `log.level info`.
  private func logLines(_ output: inout ByteBuffer) {
    let opening = LogLine(ByteBuffer(), .json, milliseconds: 1_777_629_600_123, .info, "http", "request").interrupted()
    for round in 0..<rounds {
      output.removeAll()
      opening.withSpan { output.append($0) }
      var line = LogLine(continuing: output, .json)
      line.uuid("requestId", UUID(high: 0x01a2_00b1_ffa1_7ff6, low: UInt64(round)))
      line.text("method", Method.get.name)
      line.text("route", "/api/auth/me" as StaticString)
      line.number("status", 200)
      line.thousandths("durationMs", UInt64(round % 1000))
      line.number("bytes", 793)
      line.host("clientIp", .loopback(port: 1))
      line.uuid("userId", UUID(high: 0x01a2_00b0_f882_720e, low: 7))
      output = line.end()
    }
  }

  // MARK: Secrets

  private func base64URL(_ output: inout ByteBuffer) {
    let bytes = (0..<192).map { UInt8(truncatingIfNeeded: RecordSource.mix($0)) }
    var room = [UInt8](repeating: 0, count: 192)
    var span = room.mutableSpan
    for _ in 0..<rounds {
      output.removeAll()
      Base64URL.encode(bytes.span, into: &output)
      let count = output.withSpan { Base64URL.decode($0, into: &span) }
      precondition(count == 192, "192 bytes")
    }
  }

  /// The check of an access token's signature.
  private func authenticate() {
    let (key, message) = ([UInt8](repeating: 7, count: 32), [UInt8](repeating: 9, count: 280))
    let hmac = HMACSHA256(key: key.span, .portable)
    let tag = hmac.authenticate(message.span).bytes
    for _ in 0..<rounds { precondition(hmac.isValid(tag.span, for: message.span), "a right signature") }
  }

  /// What is kept of a refresh token.
  private func hash() {
    var token = [UInt8](repeating: 7, count: 32)
    for round in 0..<rounds {
      token[0] = UInt8(truncatingIfNeeded: round)
      _ = SHA256.hash(token.span, .portable)
    }
  }

  // MARK: The store

  private static let records: UInt64 = 4000

  private func place() throws(BenchmarkError) -> String {
    guard let folder else { throw .usage("--data is missing") }
    return folder
  }

  /// Gets from a tree of records, or puts that replace some of them, a hundred in a transaction. No thread, no log, no file.
  private func tree() throws(BenchmarkError) {
    let pool = ValuePool()
    do throws(StorageError) {
      let tree = try StandaloneTree(pageByteCount: 8192)
      for start in stride(from: 0, to: Self.records, by: 100) {
        try Self.put(pool, into: tree, start..<start + 100, version: 0)
      }
      if name == "tree-put" {
        for round in 0..<UInt64(rounds / 100) {
          let start = round * 100 % Self.records
          try Self.put(pool, into: tree, start..<start + 100, version: round + 1)
        }
      } else {
        var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
        for round in 0..<UInt64(rounds) {
          var target = key.mutableSpan
          RecordSource.fill(&target, record: round % Self.records)
          let found = try tree.read { (transaction: inout ReadTransaction) throws(StorageError) in
            try transaction.get(key.span) { value throws(StorageError) in value.count }
          }
          precondition(found == RecordSource.valueByteCount, "a record is missing")
        }
      }
    } catch { throw .failed("\(error)") }
  }

  private static func put(
    _ pool: ValuePool, into tree: borrowing StandaloneTree, _ numbers: Range<UInt64>, version: UInt64
  ) throws(StorageError) {
    _ = try tree.write { transaction throws(StorageError) in
      var key = [UInt8](repeating: 0, count: RecordSource.keyByteCount)
      for record in numbers {
        var target = key.mutableSpan
        RecordSource.fill(&target, record: record)
        try pool.withValue(of: record &+ version &<< 32) { value throws(StorageError) in try transaction.put(key.span, value) }
      }
    }
    tree.commit()
  }

  /// One record in each transaction, framed, written and flushed by the log's thread, which is turned by hand.
  private func commits(_ folder: String) throws(BenchmarkError) {
    let pool = ValuePool()
    do throws(StorageError) {
      let database = try Database.simulated(DatabaseOptions(path: folder))
      for round in 0..<UInt64(rounds) {
        _ = try pool.put(into: database, round % Self.records..<round % Self.records + 1, version: round)
        for thread in EngineThread.allCases { _ = database.turn(thread) }
      }
      try database.close()
    } catch { throw .failed("\(error)") }
  }
}
