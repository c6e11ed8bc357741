// Sixty-four clients that refresh one token at the same moment, over real sockets, before and after kill -9.

import Codecs
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct ParallelRefreshTests {
  static let clientCount = 64

  /// What many clients were told who sent the same.
  private struct Answers {
    var tokens: [String] = []
    var codes: [String] = []
    /// Requests without an answer.
    var silences = 0
  }

  /// All clients are connected before any of them asks.
  private static func refresh(_ token: String, key: String? = nil, on server: RunningServer) throws -> Answers {
    try refresh(token, key: key, port: server.port)
  }

  private static func refresh(_ token: String, key: String?, port: UInt16) throws(ClientError) -> Answers {
    var clients: [Held] = []
    for _ in 0..<clientCount { clients.append(Held(client: try HTTPClient(port: port))) }
    let held = clients
    let answers = Mutex(Answers())
    inParallel(clientCount) { index in
      do throws(ClientError) {
        let answer = try held[index].client.request(
          "POST", "/api/auth/refresh", headers: key.map { ["Idempotency-Key: \($0)"] } ?? [],
          json: #"{"refreshToken":"\#(token)"}"#)
        answers.withLock { answers in
          if answer.status == 200 {
            answers.tokens.append(answer.json["refreshToken"]?.string ?? "none")
          } else {
            answers.codes.append("\(answer.status) \(answer.code ?? "")")
          }
        }
      } catch { answers.withLock { $0.silences += 1 } }
    }
    return answers.withLock { $0 }
  }

  /// A connection that one thread at a time uses.
  private struct Held: @unchecked Sendable {
    let client: HTTPClient
  }

  private static func register(_ number: Int, on server: RunningServer) throws -> (access: String, refresh: String) {
    let answer = try server.connect().request(
      "POST", "/api/auth/register",
      json: #"{"email":"u\#(number)@example.org","password":"correct horse battery","name":"Ann"}"#)
    return (try #require(answer.json["token"]?.string), try #require(answer.json["refreshToken"]?.string))
  }

  @Test
  func `without key and grace one client gets the new generation, the next one ends the session, and kill -9 changes nothing`()
    throws
  {
    let folder = TemporaryFolder("parallel")
    let server = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=0s"])
    let ann = try Self.register(1, on: server)
    let answers = try Self.refresh(ann.refresh, on: server)
    #expect(answers.tokens.count == 1 && answers.silences == 0)
    #expect(answers.codes.count { $0 == "401 refresh_reused" } == 1)
    #expect(answers.codes.count { $0 == "401 refresh_invalid" } == Self.clientCount - 2)
    server.kill()
    let next = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=0s"])
    for token in [ann.refresh, answers.tokens[0]] {
      let again = try Self.refresh(token, on: next)
      #expect(again.tokens.isEmpty && again.codes == [String](repeating: "401 refresh_invalid", count: Self.clientCount))
    }
    #expect(try next.connect().request("GET", "/api/auth/me", token: ann.access).code == "session_revoked")
    #expect(next.stop() == 0)
  }

  @Test func `within the grace four clients get one and the same new token`() throws {
    let folder = TemporaryFolder("parallel")
    let server = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=60s"])
    let answers = try Self.refresh(try Self.register(1, on: server).refresh, on: server)
    #expect(answers.tokens.count == 4 && Set(answers.tokens).count == 1)
    #expect(answers.codes.count { $0 == "401 refresh_reused" } == 1 && answers.silences == 0)
    #expect(server.stop() == 0)
  }

  @Test func `with one key all get one and the same new token, also after kill -9, and a session goes on with it`() throws {
    let folder = TemporaryFolder("parallel")
    let server = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=0s"])
    let ann = try Self.register(1, on: server)
    let answers = try Self.refresh(ann.refresh, key: "one", on: server)
    #expect(answers.tokens.count == Self.clientCount && Set(answers.tokens).count == 1)
    server.kill()
    let next = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=0s"])
    let again = try Self.refresh(ann.refresh, key: "one", on: next)
    #expect(again.tokens == answers.tokens)
    let third = try Self.refresh(answers.tokens[0], key: "two", on: next)
    #expect(third.tokens.count == Self.clientCount && Set(third.tokens).count == 1 && third.tokens[0] != answers.tokens[0])
    #expect(next.stop() == 0)
  }

  @Test func `killed in the middle, the new token that anybody was told is the one that all are told afterwards`() throws {
    let folder = TemporaryFolder("parallel")
    var random = SeededGenerator.announced("killed refreshes")
    for round in 1...3 * testScale {
      let server = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=0s"])
      let token = try Self.register(round, on: server).refresh
      let process = server.program.process, port = server.port, delay = UInt32(random.number(0..<12_000))
      let killer = Mutex(false)
      let told = Mutex(Answers())
      inParallel(2) { index in
        if index == 0 {
          let answers = try? Self.refresh(token, key: "k", port: port)
          told.withLock { $0 = answers ?? Answers() }
        } else {
          usleep(delay)
          killer.withLock { $0 = Glibc.kill(process, SIGKILL) == 0 }
        }
      }
      _ = server.program.wait()
      let before = told.withLock { $0 }
      #expect(killer.withLock { $0 } && before.codes.isEmpty)
      let next = try RunningServer(data: folder.path + "/db", flags: ["--auth-refresh-grace=0s"])
      let after = try Self.refresh(token, key: "k", on: next)
      #expect(after.tokens.count == Self.clientCount && Set(after.tokens + before.tokens).count == 1)
      #expect(next.stop() == 0)
    }
  }
}
