// /api/v1/admin/{checkpoint,compact,stats}: what an operator asks of the store while it serves.

import Auth
package import Codecs
import HTTP

extension Services {
  @Sendable func checkpoint(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let work = try storeWork(authority, .opsWrite, request)
    let number = try calling(request) { () throws(AuthError) in try work.checkpoint() }
    accepted(number, &response)
  }

  @Sendable func compact(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let work = try storeWork(authority, .opsWrite, request)
    let id = try calling(request) { () throws(AuthError) in try work.compact() }
    accepted(id, &response)
  }

  @Sendable func endCompaction(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try storeWork(authority, .opsWrite, request).endCompaction()
    response.status = .noContent
  }

  @Sendable func stats(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let figures = try storeWork(authority, .opsRead, request).figures()
    response.json { json in figures.write(to: &json) }
  }

  private func accepted(_ id: UInt64, _ response: inout Response) {
    response.status = .accepted
    response.json { json in
      json.beginObject()
      json.key("id")
      json.string(String(id))
      json.endObject()
    }
  }

  /// - Throws: 403 for whoever may not; 404 where there is no store to work on.
  private func storeWork(
    _ authority: Authority, _ permission: Permission, _ request: borrowing Request
  ) throws(Problem) -> StoreWork {
    try calling(request) { () throws(AuthError) in try authority.require(permission) }
    guard let work = operation.storeWork else { throw ProblemKind.notFound.problem() }
    return work
  }
}

/// Figures of the store at one moment.
package struct StoreFigures: Sendable {
  package typealias Figures = [(name: StaticString, value: Int)]

  package let store: Figures
  /// Of the compaction that runs or ran last: its number, how it is or was, and figures.
  package let compactionID: UInt64
  package let compactionOutcome: String
  package let compaction: Figures

  package init(store: Figures, compactionID: UInt64, compactionOutcome: String, compaction: Figures) {
    self.store = store
    self.compactionID = compactionID
    self.compactionOutcome = compactionOutcome
    self.compaction = compaction
  }

  /// `{"store":{...},"compaction":{...}}`; the second is null if there was none since the start.
  package func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("store")
    json.beginObject()
    Self.write(store, to: &json)
    json.endObject()
    json.key("compaction")
    if compactionID == 0 {
      json.null()
    } else {
      json.beginObject()
      json.key("id")
      json.string(String(compactionID))
      json.key("outcome")
      json.string(compactionOutcome)
      Self.write(compaction, to: &json)
      json.endObject()
    }
    json.endObject()
  }

  private static func write(_ figures: Figures, to json: inout JSONWriter) {
    for figure in figures {
      json.key(figure.name)
      json.integer(figure.value)
    }
  }
}
