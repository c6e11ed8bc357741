// Administration of a data folder, whether a server runs on it or not: the same requests either way.

import API
import Codecs
import HTTP
import Platform
import Storage

/// Whoever holds a data folder: the server that runs on it, or one that is started here for as long as the requests take.
///
/// So a verb is written once, as requests to the admin socket, and does the same with the server up and down.
struct AdminAccess: Sendable {
  private let configuration: Configuration
  private let surroundings: Surroundings
  private let missing: Missing

  /// What becomes of a data folder without a store.
  enum Missing: Sendable {
    /// It is made.
    case made
    /// Exit code 66.
    case refused
  }

  /// How long to wait for a store that somebody holds without answering: a server that starts or stops.
  private static let maxAttemptCount = 20
  private static let attemptMilliseconds: UInt32 = 100

  init(_ configuration: Configuration, _ surroundings: Surroundings, missing: Missing = .refused) {
    self.configuration = configuration
    self.surroundings = surroundings
    self.missing = missing
  }

  /// Runs `body` on somebody who answers.
  ///
  /// - Throws: exit code 66 without a store, 75 if somebody holds it and does not answer, and what opening it throws; what `body` throws.
  func run<Value>(_ body: (AdminClient) throws(CommandError) -> Value) throws(CommandError) -> Value {
    let socket = AdminSocket(path: "\(configuration.dataPath)/admin.sock")
    for attempt in 1... {
      if try socket.isListening() { return try body(AdminClient(socket: socket)) }
      let server: BriefServer
      do throws(CommandError) { server = try open() } catch {
        // Between the two looks somebody may have taken the lock or given it back.
        guard error.exitCode == .temporary, attempt < Self.maxAttemptCount else { throw error }
        sleepThread(milliseconds: Self.attemptMilliseconds)
        continue
      }
      let value: Value
      do throws(CommandError) { value = try body(AdminClient(socket: socket)) } catch {
        // What the request met is the thing to tell; a store that cannot be closed in order is recovered next time.
        do throws(CommandError) { try server.stop() } catch { surroundings.say("\(error)") }
        throw error
      }
      try server.stop()
      return value
    }
    preconditionFailure("the loop ends inside")
  }

  private func open() throws(CommandError) -> BriefServer {
    switch missing {
    case .made: break
    case .refused:
      do throws(Errno) { _ = try FileStatus(path: "\(configuration.dataPath)/main.udb") } catch {
        let path = visible(configuration.dataPath)
        if error.kind == .missing { throw .failed("there is no store in \(path)", .missingInput) }
        throw .failed("cannot look into \(path): \(error)", error.kind == .denied ? .permission : .inputOutput)
      }
    }
    let folder = try DataFolder(preparing: configuration.dataPath)
    return try BriefServer(folder, configuration, surroundings)
  }
}

/// Asks whoever listens at an admin socket.
struct AdminClient: Sendable {
  fileprivate let socket: AdminSocket

  func get(_ target: String) throws(CommandError) -> AdminSocket.Answer { try answered(try socket.get(target)) }

  func post(
    _ target: String, _ json: consuming ByteBuffer = ByteBuffer(capacity: 0)
  ) throws(CommandError) -> AdminSocket.Answer { try answered(try socket.post(target, json)) }

  func delete(_ target: String) throws(CommandError) -> AdminSocket.Answer { try answered(try socket.delete(target)) }

  func ask(
    _ method: StaticString, _ target: String, _ json: consuming ByteBuffer
  ) throws(CommandError) -> AdminSocket.Answer { try answered(try socket.ask(method, target, json)) }

  /// What came, whatever it is.
  func answer(
    _ method: StaticString, _ target: String, _ json: consuming ByteBuffer
  ) throws(CommandError) -> AdminSocket.Answer {
    guard let answer = try socket.ask(method, target, json) else { throw .failed("the server has stopped meanwhile", .temporary) }
    return answer
  }

  /// - Throws: what the answer refuses, in the words of the command line.
  private func answered(_ answer: AdminSocket.Answer?) throws(CommandError) -> AdminSocket.Answer {
    guard let answer else { throw .failed("the server has stopped meanwhile", .temporary) }
    if answer.status < 300 { return answer }
    throw .refused(by: try answer.json(), status: answer.status)
  }
}

extension AdminSocket.Answer {
  func json() throws(CommandError) -> JSONDocument {
    do throws(JSONError) { return try JSONDocument(body.span) } catch {
      throw .failed("the server's answer is no JSON: \(error)", .internalError)
    }
  }

  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A server for the owner alone, on the admin socket, with the store opened here.
private final class BriefServer: Sendable {
  private let store: OpenStore
  private let server: Server

  init(_ folder: DataFolder, _ configuration: Configuration, _ surroundings: Surroundings) throws(CommandError) {
    ignoreBrokenPipeSignal()
    let store = try OpenStore(folder, configuration, try SuppliedSecrets.read(surroundings.environment)) { _ in }
    self.store = store
    do throws(CommandError) { server = try Self.start(folder, configuration, surroundings, store) } catch {
      do throws(CommandError) { try store.close() } catch { surroundings.say("\(error)") }
      throw error
    }
  }

  /// For whole batches of a load, which a server for clients takes in smaller parts.
  private static let maxBodyByteCount = 4 << 20

  private static func start(
    _ folder: DataFolder, _ configuration: Configuration, _ surroundings: Surroundings, _ store: OpenStore
  ) throws(CommandError) -> Server {
    var options = ServerOptions(listeners: [.unix(path: folder.adminSocketPath)])
    options.loopCount = 1
    options.limits.maxBodyByteCount = Self.maxBodyByteCount
    options.hashPool = PoolOptions(workerCount: 1, maxQueuedCount: 16)
    options.diskPool = PoolOptions(workerCount: 1, maxQueuedCount: 16)
    options.onLoopStart = { store.database.currentThreadNeverWaits() }
    let condition = ServerCondition(store.database, in: folder.path, nil, nil)
    let operation = Services.Operation(
      name: "userd", version: programVersion, adminListenerIndex: 0, ownerUserID: effectiveUserID(),
      health: { condition.health() }, report: { failure, _ in surroundings.say("userd: \(failure)") },
      pins: .init(of: store.database))
    do throws(ServerError) {
      let server = try Server(
        options: options, routes: store.services(operation).routes, durability: store.database.durability)
      try server.start()
      return server
    } catch { throw .starting(error) }
  }

  func stop() throws(CommandError) {
    _ = server.stop(graceMilliseconds: 1000)
    try store.close()
  }
}
