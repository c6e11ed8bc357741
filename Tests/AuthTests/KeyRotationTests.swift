// Rotations of the signing key: with overlap and at once, cut off at every step, while others sign and verify.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct KeyRotationTests {
  /// The keys of a server that is being tested, over the same folder and clock.
  private func keyService(_ server: TestServer) -> KeyService {
    KeyService(
      store: server.store, folder: KeyFolder(dataPath: server.folder.path + "/db", random: .system, clock: server.clock),
      keys: server.keys, clock: server.clock)
  }

  private func names(_ server: TestServer) throws -> Set<String> {
    Set(try Directory.names(in: server.folder.path + "/db/keys/signing"))
  }

  @Test func `with overlap the new key signs, and the old one verifies until its last token has expired`() throws {
    let server = try TestServer { $0.accessLifetime = 3600 }
    let service = keyService(server)
    let first = try server.register()
    let old = server.keys.signing.id
    let listed = try service.rotate(.overlapping, by: .owner)
    let now = server.clock.wallMilliseconds()
    #expect(listed.map(\.state) == [.signing, .accepted] && listed[1].id == old && listed[0].id != old)
    #expect(listed.map(\.retiresAt) == [nil, now + 3_660_000] && listed[0].createdAt == now)
    let second = try server.login()
    #expect(server.refusal(first.accessToken) == nil && server.refusal(second.accessToken) == nil)
    #expect(TokenParts(second.accessToken)?.header.contains(listed[0].id) == true)
    #expect(try names(server) == [old, listed[0].id, "ring"])
    try server.reopen()
    #expect(server.refusal(first.accessToken) == nil && server.refusal(second.accessToken) == nil)

    server.clock.advance(milliseconds: 3_599_999)
    #expect(server.refusal(first.accessToken) == nil, "the last moment of a token that the old key signed")
    server.clock.advance(milliseconds: 60_001)
    let third = try server.login()
    #expect(server.refusal(third.accessToken) == nil && server.keys.accepted.count == 2)
    try keyService(server).sweep()
    #expect(server.keys.accepted.map(\.id) == [listed[0].id])
    #expect(try names(server) == [listed[0].id, "ring"])
    try keyService(server).sweep()
  }

  @Test func `a retired key is refused from the very moment, also before it is swept`() throws {
    let server = try TestServer { $0.accessLifetime = 3600 }
    let service = keyService(server)
    let old = server.keys.signing
    _ = try service.rotate(.overlapping, by: .owner)
    let session = try server.register()
    // A token of the old key that would live on: issued later than any that it can have signed.
    let record = try #require(try server.session(session.session.id))
    let user = try #require(
      try server.store.read { (transaction) throws(RepositoryError) in
        try server.store.users.find(session.user.id.uuid, in: &transaction)
      })
    let stale = KeyRing(
      access: AccessKeys([old]), mac: SecretBytes(count: 32, from: .system), wrap: SecretBytes(count: 32, from: .system))
    let forger = AccessTokens(
      keys: stale, issuer: "userd", audience: "userd", storeEpoch: server.store.identity.epoch)
    server.clock.advance(milliseconds: 3_659_999)
    let token = forger.issue(
      to: user, in: record, identifier: UUID(high: 1, low: 1), issuedAt: server.clock.wallMilliseconds() / 1000, lifetime: 600)
    #expect(server.refusal(token) == nil)
    server.clock.advance(milliseconds: 1)
    #expect(server.refusal(token) == .invalidToken)
    // Also where the header is not written as we write it.
    let spaced = #"{ "alg":"HS256","typ":"at+jwt","kid":"\#(old.id)"}"#
    let parts = try #require(TokenParts(token))
    let input = TokenForge.encode(spaced) + "." + TokenForge.encode(parts.payload)
    let tag = old.mac.authenticate(input.utf8.span)
    #expect(server.refusal(input + "." + tag.withSpan { Base64URL.encodedString($0) }) == .invalidToken)
  }

  @Test func `at once the old key ends, and refresh tokens go on`() throws {
    let server = try TestServer()
    let service = keyService(server)
    let first = try server.register()
    _ = try service.rotate(.overlapping, by: .owner)
    let second = try server.login()
    let listed = try service.rotate(.atOnce, by: .owner)
    #expect(listed.map(\.state) == [.signing])
    #expect(server.refusal(first.accessToken) == .invalidToken && server.refusal(second.accessToken) == .invalidToken)
    let third = try server.refresh(first.refreshToken)
    #expect(server.refusal(third.accessToken) == nil)
    #expect(try names(server) == [listed[0].id, "ring"])
    try server.reopen()
    #expect(server.refusal(third.accessToken) == nil && server.refusal(second.accessToken) == .invalidToken)
  }

  @Test func `a key that retired before keeps its own end, and there are never more than sixteen`() throws {
    let server = try TestServer()
    let service = keyService(server)
    var ids = [server.keys.signing.id]
    for _ in 1..<AccessKeyList.maxCount {
      server.clock.advance(seconds: 1)
      ids.append(try service.rotate(.overlapping, by: .owner)[0].id)
    }
    let listed = try service.list(by: .owner)
    #expect(listed.map(\.id) == Array(ids.reversed()) && Set(ids).count == 16)
    #expect(listed[15].retiresAt == server.clock.wallMilliseconds() - 14_000 + 3_660_000)
    #expect(refusal { try service.rotate(.overlapping, by: .owner) } == .rotationRefused(.tooOften))
    try server.reopen()
    #expect(server.keys.accepted.map(\.id) == Array(ids.reversed()))
    // The oldest goes, and there is room again; at once there is room always.
    server.clock.advance(milliseconds: 3_660_000 - 14_000)
    #expect(try keyService(server).rotate(.overlapping, by: .owner).count == 16)
    #expect(try keyService(server).rotate(.atOnce, by: .owner).count == 1)
    #expect(try names(server).count == 2)
  }

  @Test func `supplied secrets are not rotated, and are listed without times`() throws {
    let server = try TestServer()
    let secret = SecretBytes(copying: Array("0123456789abcdef0123456789abcdef".utf8).span)
    let folder = KeyFolder(dataPath: server.folder.path + "/db", random: .system, clock: server.clock)
    let before = try names(server)
    let keys = try folder.load(supplied: [secret])
    let service = KeyService(store: server.store, folder: folder, keys: keys, clock: server.clock)
    #expect(refusal { try service.rotate(.overlapping, by: .owner) } == .rotationRefused(.secretIsSupplied))
    #expect(refusal { try service.rotate(.atOnce, by: .owner) } == .rotationRefused(.secretIsSupplied))
    try service.sweep()
    let listed = try service.list(by: .owner)
    #expect(listed.count == 1 && listed[0].createdAt == nil && listed[0].retiresAt == nil && listed[0].state == .signing)
    #expect(try names(server) == before)
  }

  @Test func `only who may do so rotates and lists, and the trail tells it`() throws {
    let server = try TestServer()
    let service = keyService(server)
    let ann = try server.register()
    let principal = Authority.principal(try server.authenticate(ann.accessToken))
    #expect(refusal { try service.rotate(.atOnce, by: principal) } == .forbidden)
    #expect(refusal { try service.list(by: principal) } == .forbidden)
    #expect(server.keys.accepted.count == 1)
    _ = try service.rotate(.overlapping, by: .owner)
    _ = try service.rotate(.atOnce, by: .owner)
    var actors: [AuditActor] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: nil, in: &transaction) { record in
        if record.event == .keysRotated { actors.append(record.actor) }
        return .next
      }
    }
    #expect(actors == [.owner, .owner])
  }

  // MARK: Cut off

  /// Stops everything at one call to the system, as a kill does.
  private final class Interruption: Sendable {
    let calls = Mutex<[String]>([])
    private let last: Int

    init(before last: Int) { self.last = last }

    func meet(_ operation: StaticString, _ path: String) throws(Errno) {
      let count = calls.withLock { calls in
        calls.append("\(operation) \(path.split(separator: "/").suffix(2).joined(separator: "/"))")
        return calls.count
      }
      if count > last { throw .interrupted }
    }
  }

  /// A folder in which one key signs and another one has retired, and the names of both.
  private func usedFolder(_ clock: ManualClock) throws -> (folder: TemporaryFolder, signing: SigningKey, retired: SigningKey) {
    let folder = TemporaryFolder("keys")
    let keyFolder = KeyFolder(dataPath: folder.path, random: .system, clock: clock)
    let first = try keyFolder.load().signing
    let second = try keyFolder.makeSigningKey()
    let retired = first.retired(until: clock.wallMilliseconds() + 1000)
    try keyFolder.replaceList(with: AccessKeys([second, retired]))
    return (folder, second, retired)
  }

  /// How a change of keys may end when it was cut off: as it was before, or as it should be after.
  private enum Change: CaseIterable {
    case rotateWithOverlap, rotateAtOnce, removeRetired

    func run(_ folder: KeyFolder, _ signing: SigningKey, _ retired: SigningKey, _ clock: ManualClock) throws(KeyError) {
      switch self {
      case .rotateWithOverlap:
        let fresh = try folder.makeSigningKey()
        try folder.replaceList(with: AccessKeys([fresh, signing.retired(until: clock.wallMilliseconds() + 3_660_000), retired]))
      case .rotateAtOnce: try folder.replaceList(with: AccessKeys([try folder.makeSigningKey()]))
      case .removeRetired: try folder.replaceList(with: AccessKeys([signing]))
      }
    }
  }

  @Test(arguments: [0, 1, 31]) func `a change of keys that is cut off at any call leaves a folder that loads and verifies`(
    _ torn: Int
  ) throws {
    for change in Change.allCases {
      var step = 0
      while true {
        let clock = ManualClock()
        let (folder, signing, retired) = try usedFolder(clock)
        var interrupted = KeyFolder(dataPath: folder.path, random: .system, clock: clock)
        let interruption = Interruption(before: step)
        interrupted.files.beforeCall = { (operation, path) throws(Errno) in try interruption.meet(operation, path) }
        let isWhole: Bool
        do throws(KeyError) {
          try change.run(interrupted, signing, retired, clock)
          isWhole = true
        } catch { isWhole = false }
        let calls = interruption.calls.withLock { $0 }
        // A write that is cut off leaves any part of the file.
        if !isWhole, let last = calls.last, last.hasPrefix("write ") {
          let name = last.dropFirst("write signing/".count)
          let part = try File("\(folder.path)/keys/signing/\(name)", .createNew)
          _ = try part.write([UInt8](repeating: 0x75, count: torn).span, at: 0)
        }
        try expectSound(folder, signing, retired, change, isWhole, clock, "\(change), cut off before \(calls.last ?? "")")
        if isWhole { break }
        step += 1
      }
      #expect(step > 5, "there are calls to be cut off at")
    }
  }

  private func expectSound(
    _ folder: TemporaryFolder, _ signing: SigningKey, _ retired: SigningKey, _ change: Change, _ isWhole: Bool,
    _ clock: ManualClock,
    _ story: String
  ) throws {
    // The start after the crash is cut off too, at every call; then one is not.
    for step in 0...100 {
      var again = KeyFolder(dataPath: folder.path, random: .system, clock: clock)
      let interruption = Interruption(before: step)
      again.files.beforeCall = { (operation, path) throws(Errno) in try interruption.meet(operation, path) }
      do throws(KeyError) {
        _ = try again.load()
        break
      } catch {
        guard case .io(_, _, .interrupted) = error else {
          Issue.record("\(story): \(error)")
          return
        }
      }
    }
    let ring = try KeyFolder(dataPath: folder.path, random: .system, clock: clock).load()
    let ids = ring.accepted.map(\.id)
    let before = [signing.id, retired.id]
    switch change {
    case .rotateWithOverlap:
      #expect(isWhole ? ids.count == 3 : ids == before || ids.count == 3, "\(story): \(ids)")
      #expect(Array(ids.suffix(2)) == before, "\(story): every token that is out is verified still")
    case .rotateAtOnce:
      #expect(isWhole ? ids.count == 1 : ids == before || ids.count == 1, "\(story): \(ids)")
      #expect(!isWhole || !ids.contains(signing.id))
    case .removeRetired:
      #expect(isWhole ? ids == [signing.id] : ids == before || ids == [signing.id], "\(story): \(ids)")
    }
    #expect(
      Set(try Directory.names(in: folder.path + "/keys/signing")) == Set(ids + ["ring"]), "\(story): nothing is left over")
  }

  @Test func `each step of a rotation is on disk before the next begins`() throws {
    let clock = ManualClock()
    let (folder, signing, retired) = try usedFolder(clock)
    var watched = KeyFolder(dataPath: folder.path, random: .system, clock: clock)
    let watch = Interruption(before: .max)
    watched.files.beforeCall = { (operation, path) throws(Errno) in try watch.meet(operation, path) }
    try Change.rotateAtOnce.run(watched, signing, retired, clock)
    let verbs = watch.calls.withLock { $0 }.map { String($0.prefix { $0 != " " }) }
    #expect(
      verbs == [
        "unlink", "write", "rename", "fsync",  // the key
        "unlink", "write", "rename", "fsync",  // the list
        "list", "unlink", "unlink", "fsync",  // what is not in it
      ])
  }

  // MARK: Beside others

  @Test func `keys are rotated while others sign and verify, and nobody meets half a set`() throws {
    let server = try TestServer()
    let service = keyService(server)
    let session = try server.register()
    let record = try #require(try server.session(session.session.id))
    let user = try #require(
      try server.store.read { (transaction) throws(RepositoryError) in
        try server.store.users.find(session.user.id.uuid, in: &transaction)
      })
    let isDone = Atomic<Bool>(false)
    let refusals = Mutex<Set<String>>([])
    let sessions = server.sessions, clock = server.clock
    inParallel(4) { index in
      if index == 0 {
        for round in 0..<(12 * testScale) {
          do throws(AuthError) {
            // The seventeenth key is never reached.
            if round % 12 == 11 { clock.advance(seconds: 4000) }
            try service.sweep()
            _ = try service.rotate(.overlapping, by: .owner)
          } catch { refusals.withLock { _ = $0.insert("\(error)") } }
        }
        isDone.store(true, ordering: .releasing)
      } else {
        while !isDone.load(ordering: .acquiring) {
          let now = clock.wallMilliseconds()
          let signed = sessions.authentication(for: record, of: user, at: now, tokenID: user.id)
          do throws(AuthError) { _ = try sessions.authenticate(signed.accessToken.utf8.span) } catch {
            // With overlap what was signed a moment ago is accepted, unless that moment is an hour ago by now.
            if clock.wallMilliseconds() == now { refusals.withLock { _ = $0.insert("\(error)") } }
          }
        }
      }
    }
    #expect(refusals.withLock { $0 }.isEmpty)
  }
}

@Suite struct AccessKeyListTests {
  private static let example = """
    userd signing keys 1
    8f3a09c1d2e4b567 1780000000000 signs
    01c44e7bb2a89d30 1770000000000 until 1780003660000
    end

    """

  // A span goes into no macro.
  private static func list(_ text: String) throws -> AccessKeyList {
    let list = AccessKeyList(text.utf8.span)
    return try #require(list)
  }

  @Test func `the example of the documents is read and written as it stands`() throws {
    let list = try Self.list(Self.example)
    #expect(
      list.rows == [
        .init(id: "8f3a09c1d2e4b567", createdAt: 1_780_000_000_000, acceptedUntil: nil),
        .init(id: "01c44e7bb2a89d30", createdAt: 1_770_000_000_000, acceptedUntil: 1_780_003_660_000),
      ])
    #expect(list.text == Self.example)
  }

  @Test func `sixteen keys are a list and seventeen are not`() {
    func list(_ count: Int) -> AccessKeyList? {
      var text = "userd signing keys 1\n0000000000000000 1 signs\n"
      for index in 1..<count {
        let digits = String(index, radix: 16)
        text += String(repeating: "0", count: 16 - digits.utf8.count) + digits + " 1 until 9223372036854775807\n"
      }
      text += "end\n"
      #expect(text.utf8.count <= AccessKeyList.maxByteCount)
      return AccessKeyList(text.utf8.span)
    }
    #expect(list(16)?.rows.count == 16)
    #expect(list(17) == nil)
  }

  @Test func `whatever is changed in a list, it is another list or none`() throws {
    let list = try Self.list(Self.example)
    let bytes = Array(Self.example.utf8)
    for index in bytes.indices {
      for byte in [0, 0x0a, 0x20, 0x2d, 0x30, 0x31, 0x66, 0x67, 0xff] as [UInt8] where byte != bytes[index] {
        var changed = bytes
        changed[index] = byte
        if let other = AccessKeyList(changed.span) {
          #expect(other != list && Array(other.text.utf8) == changed)
        }
      }
      #expect(AccessKeyList(Array(bytes[..<index]).span) == nil)
    }
    for lines in [
      "", "\n", "8f3a09c1d2e4b567 1 until 2\n", "8f3a09c1d2e4b567 01 signs\n", "8f3a09c1d2e4b567 -1 signs\n",
      "8f3a09c1d2e4b567 9223372036854775808 signs\n", "8f3a09c1d2e4b567 1 signs\n8f3a09c1d2e4b567 1 until 2\n",
      "8f3a09c1d2e4b567 1 signs\n01c44e7bb2a89d30 1 signs\n",
    ] { #expect(AccessKeyList("userd signing keys 1\n\(lines)end\n".utf8.span) == nil, "\(lines)") }
  }
}
