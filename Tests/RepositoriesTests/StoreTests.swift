// Opening a store: its identity, its schema version, and stores that are refused.

import Codecs
import Storage
import TestSupport
import Testing

@testable import Repositories

@Suite struct StoreTests {
  @Test func `a store keeps the identity it was made with`() throws {
    let test = try TestStore()
    #expect(test.store.identity == TestStore.identity)
    try test.reopen()
    #expect(test.store.identity == TestStore.identity)
    #expect(try test.checkIntegrity())
  }

  @Test func `the settings have the bytes of docs/records.md section 5`() throws {
    let test = try TestStore()
    func value(_ key: [UInt8]) throws -> String? {
      try test.store.read { (transaction) throws(RepositoryError) in
        try transaction.get(key.span) { (value) throws(RepositoryError) in Hex.encodedString(value) }
      }
    }
    #expect(try value([1, 1]) == "0103000000")
    #expect(try value([1, 2]) == "0100000000000000010000000000000002d4c3b2a1")
  }

  @Test func `a store of a newer schema is refused with both versions`() throws {
    let test = try TestStore()
    try test.plant([1, 4, 0, 0, 0], at: [1, 1])
    #expect(throws: RepositoryError.newerSchema(found: 4, supported: 3)) { try test.reopen() }
    #expect(
      RepositoryError.newerSchema(found: 4, supported: 3).description
        == "the store has schema version 4; this program reads up to 3")
  }

  @Test func `entries without a schema version are refused`() throws {
    let test = try TestStore()
    try test.erase([1, 1])
    #expect(throws: RepositoryError.schemaMissing) { try test.reopen() }
  }

  @Test(arguments: [[], [2, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0, 0, 0]] as [[UInt8]])
  func `a damaged schema version is an error`(_ value: [UInt8]) throws {
    let test = try TestStore()
    try test.plant(value, at: [1, 1])
    let error = #expect(throws: RepositoryError.self) { try test.reopen() }
    guard case .damaged(.settings, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `a damaged or missing identity is an error`() throws {
    let test = try TestStore()
    try test.plant([1, 2, 3], at: [1, 2])
    #expect(throws: RepositoryError.damaged(.settings, .truncated(offset: 1))) { try test.reopen() }
  }

  @Test func `errors are sorted by what can be done about them`() {
    #expect(RepositoryError.storage(.readOnly).kind == .readOnly)
    #expect(RepositoryError.storage(.storageFull).kind == .storageFull)
    #expect(RepositoryError.storage(.wouldBlock).kind == .wouldBlock)
    #expect(RepositoryError.storage(.commitOutcomeUnknown).kind == .commitOutcomeUnknown)
    #expect(RepositoryError.emailTaken.kind == .emailTaken)
    #expect(RepositoryError.damaged(.users, .brokenIndex).kind == .failure)
  }
}
