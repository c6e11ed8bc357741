// One-time tokens in clear: their spelling, what their digest is bound to, when they are good, and that one of many gets them.

import Codecs
import Crypto
import Platform
import Repositories
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct OneTimeTokenTests {
  private func digest(_ token: OneTimeToken, epoch: UInt32 = 7) -> [UInt8] {
    token.digest(in: StoreIdentity(uuid: UUID(high: 1, low: 2), epoch: epoch)).span.array()
  }

  private func token(_ text: String, _ purpose: OneTimePurpose) -> OneTimeToken? { OneTimeToken(text.utf8.span, purpose) }

  private func issue(_ token: OneTimeToken, to user: UserID, _ server: TestServer, payload: [UInt8] = []) throws {
    let now = server.clock.wallMilliseconds()
    try server.settle(
      server.store.writing { (transaction) throws(RepositoryError) in
        guard let user = try server.store.users.find(user.uuid, in: &transaction) else { throw .rowMissing(.users) }
        try server.store.issue(token, to: user, at: now, payload: payload, in: &transaction)
      })
  }

  private func isLive(_ token: OneTimeToken, _ server: TestServer) throws -> Bool {
    let now = server.clock.wallMilliseconds()
    return try server.store.reading { (transaction) throws(RepositoryError) in
      try server.store.live(token, at: now, in: &transaction) != nil
    }
  }

  @Test(arguments: OneTimePurpose.allCases)
  func `a token comes back from its text, and from no other spelling`(_ purpose: OneTimePurpose) throws {
    let token = OneTimeToken(purpose, .system)
    let text = token.text
    #expect(text.utf8.count == OneTimeToken.textByteCount)
    let read = try #require(self.token(text, purpose))
    #expect(digest(read) == digest(token))
    for other in OneTimePurpose.allCases where other != purpose { #expect(self.token(text, other) == nil) }
    for wrong in [text + "A", String(text.dropLast()), text.uppercased(), " " + text.dropLast(), text.dropLast() + "=", ""] {
      #expect(self.token(wrong, purpose) == nil, "\(wrong)")
    }
    // 43 digits carry two bits more than 32 bytes have, and those must be zero.
    let spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".filter {
      self.token(text.dropLast() + String($0), purpose) != nil
    }
    #expect(spellings.count == 16)
  }

  @Test func `no two purposes and no two epochs share a digest`() throws {
    let token = OneTimeToken(.reset, RandomSource { bytes in for index in bytes.indices { bytes[index] = 5 } })
    let other = OneTimeToken(.verifyEmail, RandomSource { bytes in for index in bytes.indices { bytes[index] = 5 } })
    #expect(digest(token) != digest(other))
    #expect(digest(token, epoch: 7) != digest(token, epoch: 8))
    // docs/records.md section 7, byte by byte.
    let message = Array("userd one-time token 1".utf8) + [1] + [0, 0, 1, 2] + [UInt8](repeating: 5, count: 32)
    #expect(digest(token, epoch: 0x102) == SHA256.hash(message.span).bytes.span.array())
  }

  @Test func `a token never prints`() {
    let token = OneTimeToken(.reset, .system)
    var dumped = ""
    dump(token, to: &dumped)
    #expect(!"\(token) \(String(reflecting: token)) \(dumped)".contains(token.text.dropFirst(5)))
  }

  @Test(arguments: [(OneTimePurpose.reset, 1800), (.verifyEmail, 86_400), (.changeEmail, 86_400), (.pendingLogin, 300)])
  func `a token lives as long as documented and not a millisecond more`(_ purpose: OneTimePurpose, _ seconds: Int) throws {
    let server = try TestServer()
    let user = try server.register().user.id
    let token = OneTimeToken(purpose, .system)
    try issue(token, to: user, server)
    server.clock.advance(milliseconds: Int64(seconds) * 1000 - 1)
    #expect(try isLive(token, server))
    server.clock.advance(milliseconds: 1)
    #expect(try !isLive(token, server))
  }

  @Test func `a token is void once the user's epoch has changed, and when the account is deleted`() throws {
    let server = try TestServer()
    let user = try server.register().user.id
    let token = OneTimeToken(.reset, .system)
    try issue(token, to: user, server)
    #expect(try isLive(token, server))
    #expect(try !isLive(OneTimeToken(.reset, .system), server))
    try server.change(user) { $0.epoch += 1 }
    #expect(try !isLive(token, server))
    try server.change(user) { $0.epoch -= 1 }
    #expect(try isLive(token, server))
    try server.change(user) { $0.status = .deleted }
    #expect(try !isLive(token, server))
  }

  @Test func `of 32 who bring one token at the same time one gets it`() throws {
    let server = try TestServer()
    let user = try server.register().user.id
    let token = OneTimeToken(.reset, .system)
    try issue(token, to: user, server, payload: [42])
    let now = server.clock.wallMilliseconds()
    let store = server.store
    let taken = Atomic<Int>(0)
    inParallel(32) { _ in
      let done = try? store.writing { (transaction) throws(RepositoryError) in
        try store.take(token, at: now, in: &transaction)?.token.payload
      }
      if done?.value == [42] { taken.wrappingAdd(1, ordering: .relaxed) }
    }
    #expect(taken.load(ordering: .relaxed) == 1)
    #expect(server.isSound)
  }
}
