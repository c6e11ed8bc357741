// /api/v1/admin/{backup,check,checkpoint,compact,stats}: what an operator asks of the store while it serves.

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

  /// What is read is what a scrub reads: pages, superblocks and the closed log, beside all other work.
  @Sendable func check(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let work = try storeWork(authority, .opsWrite, request)
    let id = try calling(request) { () throws(AuthError) in try work.scrub() }
    accepted(id, &response)
  }

  @Sendable func backUp(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let work = try storeWork(authority, .opsWrite, request)
    let body = try BodyMembers(request, .optional, knows: ["name", "incrementalFrom"])
    let form = BackupForm(name: body.text("name"), base: body.text("incrementalFrom"), complaints: body.complaints)
    let wanted = try calling(request) { () throws(AuthError) in try form.judged() }
    guard let backUp = work.backUp else {
      throw ProblemKind.invalidRequest.problem("no folder for backups is configured: backup.dir")
    }
    let id = try calling(request) { () throws(AuthError) in try backUp(wanted.name, wanted.base) }
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
    /// The file that it makes; nil for work that makes none.
    package let name: String?
    /// Sentences; nil for work that finds nothing.
    package let problems: [String]?

    package init(id: UInt64, outcome: String, name: String? = nil, _ figures: Figures, problems: [String]? = nil) {
      self.id = id
      self.outcome = outcome
      self.name = name
      self.figures = figures
      self.problems = problems
    }
  }

  package let store: Figures
  package let compaction: Work
  package let scrub: Work
  package let backup: Work?

  package init(store: Figures, compaction: Work, scrub: Work, backup: Work?) {
    self.store = store
    self.compaction = compaction
    self.scrub = scrub
    self.backup = backup
  }

  /// `{"store":{...},"compaction":{...},"scrub":{...},"backup":{...}}`; the last three are null if there was none since the start.
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
    json.key("backup")
    Self.write(backup, to: &json)
    json.endObject()
  }

  private static func write(_ work: Work?, to json: inout JSONWriter) {
    guard let work, work.id > 0 else { return json.null() }
    json.beginObject()
    json.key("id")
    json.string(String(work.id))
    json.key("outcome")
    json.string(work.outcome)
    if let name = work.name {
      json.key("name")
      json.string(name)
    }
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
