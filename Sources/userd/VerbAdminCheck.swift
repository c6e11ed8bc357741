// `userd admin check`: whether the store on disk is what it must be.

import Codecs
import Platform
import Repositories
import Storage

extension Verb {
  static let adminCheck = Verb(
    words: ["admin", "check"], summary: "prove the store sound, or name what is not",
    details: [
      """
      It reads every page of the newest checkpoint from the disk: checksum, place in the tree, order of keys, large values, and that the bitmap of
      free pages is right; then every record, and that records and indexes agree. Of a store that no server has open it also checks
      superblocks and log. With a server running, the server keeps a checkpoint of all that it has answered; it goes on working meanwhile.
      """,
      """
      With --online a running server reads what is on its disk itself, between its other work: pages of its newest checkpoint, superblocks, and the log that is
      closed, not the records. It does that by itself once in store.scrub_interval; what it finds makes /readyz "degraded" until it reads them whole again.
      """,
      "Nothing is changed. Exit code 0 if all is well, 65 if anything is wrong; each finding is a line.",
    ],
    flags: [
      .switch("deep", "also read free pages, and log frames that are in the pages already"),
      .switch("online", "have the running server do it"), .json,
    ],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let isDeep = invocation.switches.contains("deep")
    if invocation.switches.contains("online") {
      if isDeep { throw .failed("--online and --deep do not go together", .usage) }
      guard let found = try StoreAccess(configuration).scrub() else {
        throw .failed("no server runs on \(visible(configuration.dataPath)); check without --online", .missingInput)
      }
      try surroundings.answer(
        invocation.switches.contains("json")
          ? json(found.pages, found.segments, found.problems) : text(found.pages, found.segments, found.problems))
      return found.problems.isEmpty ? .success : .damagedData
    }
    let (store, records) = try CheckpointAccess(configuration).run(settles: false) { stored, keep throws(CommandError) in
      try check(stored, isDeep: isDeep, keep)
    }
    let isSound = store.isSound && (records?.isSound ?? false)
    try surroundings.answer(
      invocation.switches.contains("json") ? json(store, records, isSound) : text(store, records, isSound))
    return isSound ? .success : .damagedData
  }

  /// Records are looked at only in a tree that is sound: others would be reported twice.
  private static func check(
    _ stored: StoredCheckpoint, isDeep: Bool, _ keep: @escaping () -> Void
  ) throws(CommandError) -> (CheckReport, RecordReport?) {
    let progress = PageProgress("checking", of: stored.pageCount)
    defer { progress.end() }
    let report = try CheckpointAccess.opening { () throws(StorageError) in
      try stored.check(deep: isDeep) {
        progress.add()
        keep()
      }
    }
    guard report.isSound else { return (report, nil) }
    do throws(RepositoryError) {
      return (
        report,
        try RecordCheck.run { body throws(RepositoryError) in
          try stored.forEachEntry { (key, value) throws(RepositoryError) in
            keep()
            return try body(key, value)
          }
        }
      )
    } catch { throw .opening(error) }
  }

  private static func text(_ pages: Int, _ segments: Int, _ problems: [String]) -> String {
    problems.reduce("") { $0 + "\($1)\n" } + "\(pages) pages, \(segments) segments of the log"
      + (problems.isEmpty ? "; sound\n" : "; NOT SOUND\n")
  }

  private static func json(_ pages: Int, _ segments: Int, _ problems: [String]) -> String {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    json.key("sound")
    json.boolean(problems.isEmpty)
    json.key("pages")
    json.integer(pages)
    json.key("segments")
    json.integer(segments)
    json.key("problems")
    json.beginArray()
    for problem in problems { json.string(problem) }
    json.endArray()
    json.endObject()
    return json.finish().text() + "\n"
  }

  private static func text(_ store: CheckReport, _ records: RecordReport?, _ isSound: Bool) -> String {
    var text = ""
    for problem in store.problems + (records?.problems ?? []) { text += "\(problem)\n" }
    text += "checkpoint \(store.checkpoint): \(store.pages) pages, \(store.keys) keys, \(store.frames) frames of the log"
    if let records { text += ", \(records.users) users, \(records.sessions) sessions" }
    if store.freePages > 0 { text += ", \(store.freePages) free pages" }
    if store.unfinishedByteCount > 0 {
      text += "; an unfinished write of \(store.unfinishedByteCount) bytes is left out at the next start"
    }
    if store.unfinishedSuperblocks > 0 {
      text += "; \(store.unfinishedSuperblocks) unfinished superblocks are written again after the next start"
    }
    return text + (isSound ? "; sound\n" : "; NOT SOUND\n")
  }

  private static func json(_ store: CheckReport, _ records: RecordReport?, _ isSound: Bool) -> String {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    json.key("sound")
    json.boolean(isSound)
    for (name, value) in [
      ("checkpoint", Int(store.checkpoint)), ("pages", store.pages), ("keys", store.keys), ("height", store.height),
      ("frames", store.frames), ("freePages", store.freePages), ("users", records?.users ?? 0),
      ("sessions", records?.sessions ?? 0),
    ] {
      json.key(utf8: name)
      json.integer(value)
    }
    json.key("problems")
    json.beginArray()
    for problem in store.problems + (records?.problems ?? []) { json.string(problem) }
    json.endArray()
    json.endObject()
    return json.finish().text() + "\n"
  }
}
