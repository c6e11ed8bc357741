// /api/v1/admin/{checkpoint,compact,scrub,stats}: what an operator asks of the store while it serves.

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
    let erases = try request.flag("scrub")
    let id = try calling(request) { () throws(AuthError) in try work.compact(erases) }
    accepted(id, &response)
  }

  @Sendable func endCompaction(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    try storeWork(authority, .opsWrite, request).endCompaction()
    response.status = .noContent
  }

  @Sendable func scrub(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let work = try storeWork(authority, .opsWrite, request)
    let id = try calling(request) { () throws(AuthError) in try work.scrub() }
    accepted(id, &response)
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

  /// Long work that runs or ran last: its number, how it is or was, figures, and what it found.
  package struct Work: Sendable {
    /// 0 if there was none since the start.
    package let id: UInt64
    package let outcome: String
    package let figures: Figures
    /// Sentences; nil for work that finds nothing.
    package let problems: [String]?

    package init(id: UInt64, outcome: String, _ figures: Figures, problems: [String]? = nil) {
      self.id = id
      self.outcome = outcome
      self.figures = figures
      self.problems = problems
    }
  }

  package let store: Figures
  package let compaction: Work
  package let scrub: Work

  package init(store: Figures, compaction: Work, scrub: Work) {
    self.store = store
    self.compaction = compaction
    self.scrub = scrub
  }

  /// `{"store":{...},"compaction":{...},"scrub":{...}}`; the last two are null if there was none since the start.
  package func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("store")
    json.beginObject()
    Self.write(store, to: &json)
    json.endObject()
    json.key("compaction")
    Self.write(compaction, to: &json)
    json.key("scrub")
    Self.write(scrub, to: &json)
    json.endObject()
  }

  private static func write(_ work: Work, to json: inout JSONWriter) {
    if work.id == 0 { return json.null() }
    json.beginObject()
    json.key("id")
    json.string(String(work.id))
    json.key("outcome")
    json.string(work.outcome)
    write(work.figures, to: &json)
    if let problems = work.problems {
      json.key("problems")
      json.beginArray()
      for problem in problems { json.string(problem) }
      json.endArray()
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
