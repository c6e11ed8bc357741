// Work on a store, done by its server if one runs, else by this process.

import API
import Codecs
import Platform
import Storage

/// Compaction, checkpoints and figures of the store in a folder.
struct StoreAccess {
  private let path: String
  private let socket: AdminSocket

  private static let maxAttemptCount = 20
  private static let attemptMilliseconds: UInt32 = 100

  init(_ configuration: Configuration) {
    path = configuration.dataPath
    socket = AdminSocket(path: "\(path)/admin.sock")
  }

  /// What a compaction came to.
  struct Figures {
    let outcome: String
    let id: String
    fileprivate let values: [(name: StaticString, value: Int)]

    var movedPages: Int { values[1].value }
    var bytesBefore: Int { values[2].value }
    var bytes: Int { values[3].value }
    var erasedPages: Int { values[4].value }

    var json: String {
      var json = JSONWriter(ByteBuffer(capacity: 256))
      json.beginObject()
      json.key("outcome")
      json.string(outcome)
      for (name, value) in values {
        json.key(name)
        json.integer(value)
      }
      json.endObject()
      return json.finish().text()
    }
  }

  // MARK: What can be done

  /// Compacts and returns when that has ended, showing how far it is.
  ///
  /// - Parameter erases: at its end, free pages become zeros.
  func compact(erases: Bool) throws(CommandError) -> Figures {
    let progress = PageProgress("compacting", of: 0)
    defer { progress.end() }
    return try run(
      server: { () throws(CommandError) in
        guard let answer = try socket.post("/api/v1/admin/compact\(erases ? "?scrub=true" : "")") else { return nil }
        let document = try Self.parsed(answer, status: 202)
        let id = document.root["id"]?.string ?? ""
        while true {
          guard let stats = try socket.get("/api/v1/admin/stats") else {
            throw .failed("the server was stopped; what was moved so far stays", .temporary)
          }
          // Until it begins, the figures are those of one before.
          if let figures = Self.figures(try Self.parsed(stats, status: 200)), figures.id == id {
            progress.set(figures.movedPages)
            if figures.outcome != "running" { return figures }
          }
          sleepThread(milliseconds: Self.attemptMilliseconds)
        }
      },
      closed: { database throws(StorageError) in
        let id = try database.requestCompaction(erases: erases)
        while database.compaction.id != id || database.compaction.outcome == .running {
          if database.statistics().hasFailed { throw .readOnly }
          progress.set(database.compaction.movedPages)
          sleepThread(milliseconds: Self.attemptMilliseconds / 10)
        }
        return Self.figures(Self.document(Self.bytes(StoreFigures(of: database))))
      })
  }

  /// Ends the compaction that a server does; false if no server runs.
  func endCompaction() throws(CommandError) -> Bool {
    guard let answer = try socket.delete("/api/v1/admin/compact") else { return false }
    if answer.status == 204 { return true }
    throw .refused(by: try Self.parsed(answer, status: 204), status: answer.status)
  }

  /// Has the server read and verify all that is on disk, and returns when that has ended; nil if no server runs.
  func scrub() throws(CommandError) -> (pages: Int, segments: Int, problems: [String])? {
    guard let answer = try socket.post("/api/v1/admin/check") else { return nil }
    let id = try Self.parsed(answer, status: 202).root["id"]?.string ?? ""
    let progress = PageProgress("checking", of: 0)
    defer { progress.end() }
    while true {
      guard let stats = try socket.get("/api/v1/admin/stats") else { throw .failed("the server was stopped", .temporary) }
      let scrub = try Self.parsed(stats, status: 200).root["scrub"]
      if let scrub, scrub["id"]?.string == id {
        let pages = Int(scrub["pages"]?.integer ?? 0)
        progress.set(pages)
        switch scrub["outcome"]?.string {
        case "running": break
        case "done":
          var problems: [String] = []
          if let found = scrub["problems"] { for problem in found.elements { problems.append(problem.string ?? "") } }
          return (pages, Int(scrub["segments"]?.integer ?? 0), problems)
        default: throw .failed("the server ended it before it was done", .temporary)
        }
      }
      sleepThread(milliseconds: Self.attemptMilliseconds)
    }
  }

  func checkpoint() throws(CommandError) -> UInt64 {
    try run(
      server: { () throws(CommandError) in
        guard let answer = try socket.post("/api/v1/admin/checkpoint") else { return nil }
        return UInt64(try Self.parsed(answer, status: 202).root["id"]?.string ?? "")
      },
      closed: { database throws(StorageError) in
        try database.checkpoint()
        return database.statistics().checkpoint
      })
  }

  /// The figures as JSON.
  func stats() throws(CommandError) -> [UInt8] {
    try run(
      server: { () throws(CommandError) in
        guard let answer = try socket.get("/api/v1/admin/stats") else { return nil }
        _ = try Self.parsed(answer, status: 200)
        return answer.body
      },
      closed: { database throws(StorageError) in Self.bytes(StoreFigures(of: database)) })
  }

  // MARK: Where it is done

  /// - Parameters:
  ///   - server: asks the server; nil if none listens.
  ///   - closed: works on the store that was opened here; nil cannot come of it.
  private func run<Value>(
    server: () throws(CommandError) -> Value?, closed: (Database) throws(StorageError) -> Value?
  ) throws(CommandError) -> Value {
    for attempt in 1... {
      if let value = try server() { return value }
      do throws(CommandError) { return try open(closed) } catch {
        // Between the two looks somebody may have taken the lock or given it back.
        guard error.exitCode == .temporary, attempt < Self.maxAttemptCount else { throw error }
        sleepThread(milliseconds: Self.attemptMilliseconds)
      }
    }
    preconditionFailure("the loop ends inside")
  }

  private func open<Value>(_ work: (Database) throws(StorageError) -> Value?) throws(CommandError) -> Value {
    do throws(Errno) { _ = try FileStatus(path: "\(path)/main.udb") } catch {
      if error.kind == .missing { throw .failed("there is no store in \(visible(path))", .missingInput) }
      throw .failed("cannot look into \(visible(path)): \(error)", error.kind == .denied ? .permission : .inputOutput)
    }
    setFileCreationMask(0o077)
    let value = try CheckpointAccess.opening { () throws(StorageError) in
      let database = try Database.open(DatabaseOptions(path: path))
      let value = try work(database)
      try database.close()
      return value
    }
    guard let value else { throw .failed("the store gave no figures", .internalError) }
    return value
  }

  // MARK: Figures

  private static func bytes(_ figures: StoreFigures) -> [UInt8] {
    var json = JSONWriter(ByteBuffer(capacity: 1024))
    figures.write(to: &json)
    return json.finish().bytes()
  }

  static func document(_ bytes: [UInt8]) -> JSONDocument? {
    do throws(JSONError) { return try JSONDocument(bytes.span) } catch { return nil }
  }

  private static func parsed(_ answer: AdminSocket.Answer, status: Int) throws(CommandError) -> JSONDocument {
    guard let document = document(answer.body) else { throw .failed("the server's answer is no JSON", .internalError) }
    if answer.status != status { throw .refused(by: document, status: answer.status) }
    return document
  }

  private static func figures(_ document: JSONDocument?) -> Figures? {
    guard let compaction = document?.root["compaction"], let id = compaction["id"]?.string,
      let outcome = compaction["outcome"]?.string
    else { return nil }
    let names: [StaticString] = ["passes", "movedPages", "bytesBefore", "bytes", "erasedPages"]
    return Figures(outcome: outcome, id: id, values: names.map { ($0, Int(compaction[$0]?.integer ?? 0)) })
  }
}
