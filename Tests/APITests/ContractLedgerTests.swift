// Every row of the routing table and every code of the catalogue, produced over a socket and counted.

import Auth
import Codecs
import HTTP
import Platform
import Repositories
import TestSupport
import Testing

@testable import API

@Suite struct ContractLedgerTests {
  /// Codes that no request to a server of this test can bring about, and the test that brings them about over a socket; nil if none can,
  /// because the server has no use for the code.
  static let elsewhere: [String: String?] = [
    // Bodies come with a length or in chunks, and either is taken.
    "length_required": nil,
    // Readiness says so; requests that arrive meanwhile are answered or their connection is closed.
    "draining": nil,
    "request_timeout": "HTTPTests/ServerLimitTests.swift", "timeout": "HTTPTests/ServerLimitTests.swift",
    "overloaded": "APITests/HashQueueTests.swift",
    "idempotency_in_flight": "APITests/RepeatedRequestTests.swift",
  ]

  @Test func `each row of the table is answered as it promises, and each code comes up`() throws {
    var tour = try ContractTour()
    try tour.person()
    try tour.secondFactors()
    try tour.administration()
    try tour.authorization()
    try tour.operation()
    try tour.open()
    try tour.refusals()
    let rows = Set(Endpoint.all.map { "\($0.method.name) \($0.pattern)" })
    #expect(rows.subtracting(tour.ledger.rows).sorted() == [], "rows that no request was answered by")
    let codes = Set(ProblemKind.all.map { "\($0.code)" })
    #expect(codes.subtracting(tour.ledger.codes).sorted() == Self.elsewhere.keys.sorted(), "codes that no request brought about")
  }

  @Test func `codes that come up elsewhere do so in the test that is named`() throws {
    for (code, file) in Self.elsewhere {
      guard let file else { continue }
      #expect(try DocumentTests.text(of: "Tests/\(file)").contains("\"\(code)\""), "\(file) does not expect \(code)")
    }
  }
}
