// Notes in the audit trail: which hash joins them, and what is kept of an address.

import Codecs
import Crypto
import Platform
import Repositories
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct AuditTests {
  private func trail(_ server: TestServer) throws -> [AuditRecord] {
    var found: [AuditRecord] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try server.store.audit.scan(before: nil, in: &transaction) { record in
        found.append(record)
        return .next
      }
    }
    return found
  }

  private func note(_ server: TestServer, _ address: String, at moment: Int64 = 1_780_000_000_000) throws {
    let audit = Audit(server.store, server.keys)
    let email = try EmailAddress(address)
    _ = try server.settle(
      server.store.writing { (transaction) throws(RepositoryError) in
        try audit.note(
          .loginFailed, at: moment, actor: .nobody, from: TestServer.origin, address: email, .reason(.unknownAddress),
          in: &transaction)
      })
  }

  @Test func `the chain is the SHA-256 of docs/records.md section 9`() throws {
    let server = try TestServer()
    let audit = Audit(server.store, server.keys)
    let ann = UUID(high: 0x0198_f3c0_0000_7000, low: 0x8000_0000_0000_0001)
    _ = try server.settle(
      server.store.writing { (transaction) throws(RepositoryError) in
        try audit.note(.keysRotated, at: 1_780_000_000_000, actor: .owner, in: &transaction)
        try audit.note(
          .sessionEnded, at: 1_780_000_000_001, actor: .user(ann), subject: ann, .reason(.overtaken), in: &transaction)
      })
    // Both hashes were computed by Python's hashlib over bytes put together by hand.
    let found = try trail(server)
    let ends = try server.store.read { (transaction) throws(RepositoryError) in try server.store.audit.trail(in: &transaction) }
    #expect(Hex.encodedString(found[0].previous.span) == "f2ff1c2631a3a1158a9dd0121ab4487093ed5e522308ea46ff4e7f800309bff4")
    #expect(Hex.encodedString(ends.last.span) == "8b4ec174ba45a5033f3054bf379fa125fc467e60162503933ad450186b475c91")
    #expect(found.map(\.event) == [.sessionEnded, .keysRotated] && ends.next == 3)
  }

  @Test func `an address leaves a tag that its case does not change, and nothing else`() throws {
    let server = try TestServer()
    try note(server, "ann@example.org")
    try note(server, "ANN@Example.org")
    try note(server, "bob@example.org")
    let tags = try trail(server).map { record in
      try Hex.encodedString(#require(record.addressTag).span)
    }
    #expect(tags[1] == tags[2] && tags[0] != tags[1])
  }

  @Test func `records go when their time is over, counted back from the newest`() throws {
    let server = try TestServer()
    let service = AuditService(of: server.sessions, retention: 86_400, clock: server.clock)
    func sequences() throws -> [UInt64] { try trail(server).map(\.sequence) }
    func note() throws { try self.note(server, "ann@example.org", at: server.clock.wallMilliseconds()) }
    func drop() throws {
      try service.retentionJob.run()
      // Nobody waits for what it does, but who reads sees only what is durable.
      try server.database.waitUntilDurable(server.sessions.heldPosition)
    }
    for _ in 0..<3 { try note() }
    // A clock that runs ahead drops nothing as long as nothing happens.
    server.clock.shiftWall(milliseconds: 400 * 86_400_000)
    try drop()
    #expect(try sequences() == [3, 2, 1])
    server.clock.shiftWall(milliseconds: -399 * 86_400_000)
    try note()
    try drop()
    #expect(try sequences() == [4, 3, 2, 1], "a day old to the millisecond")
    server.clock.advance(milliseconds: 1)
    try note()
    try drop()
    #expect(try sequences() == [5, 4])
    for _ in 0..<300 { try note() }
    server.clock.advance(seconds: 86_401)
    try note()
    try drop()
    #expect(try sequences() == [306], "more than one slice")
    #expect(server.isSound)
  }
}
