// A client that notes what it was answered: which rows of the routing table went well, and which codes came.

import Codecs
import HTTP
import Testing

@testable import API

/// What was seen of the contract over real sockets.
struct ContractLedger {
  /// `GET /api/v1/users/{id}`, for each row that was answered as it promises.
  private(set) var rows: Set<String> = []
  /// Codes of problem documents, and of the fields in them.
  private(set) var codes: Set<String> = []

  /// Asks, notes, and holds the answer against the row: its status, its object member by member, its problems.
  @discardableResult
  mutating func ask(
    _ server: APIServer, _ method: String, _ target: String, _ body: String? = nil, token: String? = nil, fields: [String] = [],
    type: String = "application/json", over listener: APIServer.Listener = .internet, expects status: Int? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Answer {
    let answer = try server.ask(method, target, body, token: token, fields: fields, type: type, over: listener)
    note(answer, method, target, sourceLocation)
    if let status { #expect(answer.status == status, "\(method) \(target): \(answer.text)", sourceLocation: sourceLocation) }
    return answer
  }

  mutating func note(
    _ answer: Answer, _ method: String, _ target: String, _ sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let endpoint = Endpoint.all.first { "\($0.method.name)" == method && Self.matches("\($0.pattern)", target) }
    if let code = answer.code {
      codes.insert(code)
      codes.formUnion(answer["errors"]?.elements.compactMap { $0["code"]?.string } ?? [])
      if let fault = answer.fault(by: .problem) { Issue.record("\(method) \(target): \(fault)", sourceLocation: sourceLocation) }
      guard let endpoint else { return }
      #expect(
        endpoint.problemKinds.contains { "\($0.code)" == code },
        "\(method) \(endpoint.pattern) does not say that it answers \(code)",
        sourceLocation: sourceLocation)
    } else if let endpoint {
      if answer.status == 304 { return }
      let statuses = [endpoint.success.status.code, endpoint.success.otherwise?.code]
      #expect(statuses.contains(answer.status), "\(method) \(target): \(answer.text)", sourceLocation: sourceLocation)
      if let schema = endpoint.success.schema {
        if let fault = answer.fault(by: schema) { Issue.record("\(method) \(target): \(fault)", sourceLocation: sourceLocation) }
      } else if endpoint.success.text.utf8CodeUnitCount == 0 {
        #expect(answer.text.isEmpty, "\(method) \(target): \(answer.text)", sourceLocation: sourceLocation)
      }
      for name in words(endpoint.success.headers) where name != "Link" {
        #expect(answer.header(name) != nil, "\(method) \(target) without \(name)", sourceLocation: sourceLocation)
      }
      rows.insert("\(method) \(endpoint.pattern)")
    }
  }

  /// Whether a path is one of a pattern.
  private static func matches(_ pattern: String, _ target: String) -> Bool {
    let wanted = pattern.split(separator: "/"), found = target.prefix { $0 != "?" }.split(separator: "/")
    return wanted.count == found.count && zip(wanted, found).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
  }
}

extension Answer {
  /// What of the body is not as the schema says.
  func fault(by schema: Schema) -> String? {
    guard let document = try? JSONDocument(Array(text.utf8).span) else { return "no JSON: \(text)" }
    return schema.fault(in: document.root)
  }
}
