// A checkpoint of the store to read from, whether a server runs on the folder or not.

import Codecs
import Platform
import Storage

/// What reads a store beside its server: check, backup, dump.
struct CheckpointAccess: Sendable {
  private let path: String
  private let socket: AdminSocket

  /// How long to wait for a store that somebody holds without answering: a server that starts or stops.
  private static let maxAttemptCount = 20
  private static let attemptMilliseconds: UInt32 = 100

  init(_ configuration: Configuration) {
    path = configuration.dataPath
    socket = AdminSocket(path: "\(path)/admin.sock")
  }

  /// Opens a checkpoint that has everything in it that was answered before, and keeps it for the length of `body`.
  ///
  /// - Parameters:
  ///   - settles: without a server, has the log applied first; else a closed store is taken as it lies there.
  ///   - body: gets the checkpoint, and something to call now and then.
  /// - Throws: exit code 66 without a store, 75 if somebody holds it, 65 and 74 as opening does; what `body` throws.
  func run<Value>(
    settles: Bool, _ body: (StoredCheckpoint, _ onPage: @escaping () -> Void) throws(CommandError) -> Value
  ) throws(CommandError) -> Value {
    for attempt in 1... {
      if let pin = try ServerPin(socket) {
        defer { pin.release() }
        let stored = try Self.opening { () throws(StorageError) in try StoredCheckpoint(pinned: pin.record, at: path) }
        return try body(stored) { pin.touch() }
      }
      let stored: StoredCheckpoint
      do throws(CommandError) {
        stored = try open(settles: settles)
      } catch {
        // Between the two looks somebody may have taken the lock or given it back.
        guard error.exitCode == .temporary, attempt < Self.maxAttemptCount else { throw error }
        sleepThread(milliseconds: Self.attemptMilliseconds)
        continue
      }
      return try body(stored) {}
    }
    preconditionFailure("the loop ends inside")
  }

  private func open(settles: Bool) throws(CommandError) -> StoredCheckpoint {
    do throws(Errno) {
      _ = try FileStatus(path: "\(path)/main.udb")
    } catch {
      if error.kind == .missing { throw .failed("there is no store in \(visible(path))", .missingInput) }
      throw .failed("cannot look into \(visible(path)): \(error)", error.kind == .denied ? .permission : .inputOutput)
    }
    return try Self.opening { () throws(StorageError) in
      if settles { try Database.open(DatabaseOptions(path: path)).close() }
      return try StoredCheckpoint(closed: path)
    }
  }

  static func opening<Value>(_ work: () throws(StorageError) -> Value) throws(CommandError) -> Value {
    do throws(StorageError) { return try work() } catch { throw .opening(error) }
  }
}

/// A checkpoint that a running server keeps for this process.
private final class ServerPin {
  let record: [UInt8]
  private let id: String
  private let socket: AdminSocket
  private let clock = SystemClock()
  private var renewed: UInt64

  private static let path = "/api/v1/admin/pins"
  private static let renewNanoseconds: UInt64 = 5_000_000_000

  /// Asks the server; nil if none listens.
  init?(_ socket: AdminSocket) throws(CommandError) {
    guard let answer = try socket.post(Self.path) else { return nil }
    let document: JSONDocument
    do throws(JSONError) { document = try JSONDocument(answer.body.span) } catch {
      throw .failed("the server's answer is no JSON: \(error)", .internalError)
    }
    guard answer.status == 201, let id = document.root["id"]?.string, let text = document.root["record"]?.string,
      let record = Base64URL.decode(text.utf8.span)
    else { throw .refused(by: document, status: answer.status) }
    self.id = id
    self.record = record
    self.socket = socket
    renewed = clock.monotonicNanoseconds()
  }

  /// Has it kept for longer. If the server lets go all the same, the next page that it used again is met as damage, and the work fails.
  func touch() {
    let now = clock.monotonicNanoseconds()
    guard now - renewed > Self.renewNanoseconds else { return }
    renewed = now
    do throws(CommandError) { _ = try socket.post("\(Self.path)/\(id)") } catch { return }
  }

  /// The server lets go by itself after a while, so that it is no harm if this is not heard.
  func release() {
    do throws(CommandError) { _ = try socket.delete("\(Self.path)/\(id)") } catch { return }
  }
}
