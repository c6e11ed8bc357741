// `userd admin audit tail` and `verify`: what happened, and whether the trail that tells it is the one that was written.

import API
import Auth
import Codecs
import Repositories
import Storage

extension Verb {
  static let adminAuditTail = Verb(
    words: ["admin", "audit", "tail"], summary: "show the newest security events",
    details: [
      """
      One line for each event, oldest first: number, time, type, who did it, whom it happened to, and what else there is to say. With --json
      each line is the object of GET /api/v1/audit. It works with a server running and without one.
      """
    ],
    flags: [Flag(name: "count", placeholder: "N", meaning: "how many, 1 to 10000 (default: 20)", letter: "n"), .json],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let count = try tailCount(invocation)
    let configuration = try surroundings.configuration(for: invocation)
    let entries = try AuditAccess(configuration).run { entries throws(RepositoryError) in
      try AuditCheck.newest(count, entries).map { AuditEntry($0) }
    }
    let isJSON = invocation.switches.contains("json")
    var text = ""
    for entry in entries { text += isJSON ? entry.json : entry.line }
    try surroundings.answer(text)
    return .success
  }

  static let adminAuditVerify = Verb(
    words: ["admin", "audit", "verify"], summary: "prove the audit trail unchanged, or name the first record that does not fit",
    details: [
      """
      Each record carries the SHA-256 of the one before it. The hash of the newest record is printed: who keeps it somewhere else can tell
      later that nobody wrote another trail. It works with a server running and without one, and changes nothing.
      """,
      "Exit code 0 if all fits, 65 if not.",
    ],
    flags: [.json],
    settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    let report = try AuditAccess(configuration).run { entries throws(RepositoryError) in
      try AuditCheck.run(entries, hash: AuditService.hash)
    }
    try surroundings.answer(invocation.switches.contains("json") ? report.json : report.text)
    return report.isSound ? .success : .damagedData
  }

  private static func tailCount(_ invocation: Invocation) throws(CommandError) -> Int {
    guard let text = invocation.values["count"] else { return 20 }
    guard text.utf8.count <= 5, let count = Int(text), (1...10_000).contains(count) else {
      throw .failed("--count \(visible(text)) is not a number from 1 to 10000", .usage)
    }
    return count
  }
}

/// The entries of a store, whether a server runs on its folder or not.
private struct AuditAccess {
  private let checkpoint: CheckpointAccess

  init(_ configuration: Configuration) { checkpoint = CheckpointAccess(configuration) }

  func run<Value>(_ body: (EntriesFrom) throws(RepositoryError) -> Value) throws(CommandError) -> Value {
    // What is in the log of a store that no server has open counts too.
    try checkpoint.run(settles: true) { stored, keep throws(CommandError) in
      do throws(RepositoryError) {
        return try body { lower, visit throws(RepositoryError) in
          try stored.forEachEntry(from: lower) { (key, value) throws(RepositoryError) in
            keep()
            return try visit(key, value)
          }
        }
      } catch { throw .opening(error) }
    }
  }
}

extension AuditEntry {
  fileprivate var json: String {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.value(self)
    return json.finish().text() + "\n"
  }

  fileprivate var line: String {
    var words = [
      "\(sequence)", RFC3339.string(milliseconds: time), "\(type)", actorID.map { "\(actorKind) \($0)" } ?? "\(actorKind)",
    ]
    for (name, text) in [
      ("subject", subject), ("session", session), ("from", network), ("address", addressTag), ("reason", reason.map { "\($0)" }),
      ("role", role), ("policy", policy.map { "\($0)" }), ("key", key), ("count", count.map { "\($0)" }),
    ] {
      if let text { words.append("\(name) \(text)") }
    }
    return words.joined(separator: "  ") + "\n"
  }
}

extension AuditReport {
  fileprivate var lastHash: String { Hex.encodedString(last.span) }

  fileprivate var text: String {
    if let misfit { return "record \(misfit.sequence): \(misfit.what)\n\(count) records before it fit; NOT SOUND\n" }
    if count == 0 { return "no records; sound\n" }
    return "records \(first) to \(next - 1): each fits the one before it; sound\nhash of record \(next - 1): \(lastHash)\n"
  }

  fileprivate var json: String {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    json.key("sound")
    json.boolean(isSound)
    for (name, value) in [("first", first), ("next", next), ("count", count)] {
      json.key(utf8: name)
      json.integer(Int64(clamping: value))
    }
    json.key("lastHash")
    json.string(lastHash)
    json.key("misfit")
    if let misfit {
      json.beginObject()
      json.key("sequence")
      json.integer(Int64(clamping: misfit.sequence))
      json.key("what")
      json.string(misfit.what)
      json.endObject()
    } else {
      json.null()
    }
    json.endObject()
    return json.finish().text() + "\n"
  }
}
