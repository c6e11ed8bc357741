// What writers did and when, and whether a restored store is exactly one moment of it.

import Codecs
import Platform
import Synchronization
import TestSupport

/// A request with all accounts that it makes, or none of them.
struct HistoryEntry: Sendable {
  let emails: [String]
  /// On the monotonic clock, in nanoseconds.
  let sent: UInt64
  var answered: UInt64?
}

enum History {
  /// What is wrong with a restored store; empty if it is one moment of the history, not before `begin`.
  ///
  /// It is one moment if there is a time at which everything in it had been sent and nothing that is missing had been answered.
  static func complaints(_ entries: [HistoryEntry], restored: Set<String>, begin: UInt64) -> [String] {
    var complaints: [String] = [], known: Set<String> = []
    var lastSent: (time: UInt64, email: String) = (0, ""), firstMissing: (time: UInt64, email: String) = (.max, "")
    for entry in entries {
      known.formUnion(entry.emails)
      let found = entry.emails.count { restored.contains($0) }
      if found > 0 && found < entry.emails.count { complaints.append("\(entry.emails) is there by half") }
      if found > 0 {
        if entry.sent > lastSent.time { lastSent = (entry.sent, entry.emails[0]) }
      } else if let answered = entry.answered {
        if answered <= begin { complaints.append("\(entry.emails[0]) was answered before the backup and is missing") }
        if answered < firstMissing.time { firstMissing = (answered, entry.emails[0]) }
      }
    }
    if lastSent.time > firstMissing.time {
      complaints.append("\(lastSent.email) was sent after \(firstMissing.email) was answered, and only the first is there")
    }
    complaints += restored.subtracting(known).sorted().prefix(5).map { "\($0) is there, and nobody made it" }
    return complaints
  }
}

/// Clients that make accounts, alone and three at once in one commit, until they are told to stop.
final class HistoryWriters: Sendable {
  static let count = 64

  private let logs: [HistoryLog]
  private let isDone = Atomic<Bool>(false)
  private let answered = Atomic<Int>(0)
  private let clock = SystemClock()

  init() { logs = (0..<Self.count).map { _ in HistoryLog() } }

  /// Everything so far.
  var entries: [HistoryEntry] { logs.flatMap { $0.entries.withLock { $0 } } }

  var answeredCount: Int { answered.load(ordering: .relaxed) }

  func stop() { isDone.store(true, ordering: .relaxed) }

  /// One writer, to its end.
  ///
  /// - Parameter pause: milliseconds between two requests, at most.
  func run(_ index: Int, port: UInt16, token: String, seed: UInt64, pause: Int) throws(ClientError) {
    var random = SeededGenerator(seed: seed)
    let client = try HTTPClient(port: port, secondsToWait: 60)
    var number = 0
    while !isDone.load(ordering: .relaxed) {
      number += 1
      let isBatch = random.number(0..<3) == 0
      let emails = (0..<(isBatch ? 3 : 1)).map { "w\(index)-\(number)-\($0)@example.org" }
      let users = emails.map { #"{"email":"\#($0)","name":"Somebody"}"# }
      logs[index].entries.withLock {
        $0.append(HistoryEntry(emails: emails, sent: clock.monotonicNanoseconds(), answered: nil))
      }
      let answer =
        isBatch
        ? try client.request(
          "POST", "/api/v1/users:batch", token: token,
          json: #"{"operations":["# + users.map { #"{"method":"create","user":\#($0)}"# }.joined(separator: ",")
            + #"],"atomic":true}"#)
        : try client.request("POST", "/api/v1/users", token: token, json: users[0])
      guard answer.status == (isBatch ? 200 : 201) else { throw .malformed("\(answer.status) \(answer.text)") }
      logs[index].entries.withLock { $0[$0.count - 1].answered = clock.monotonicNanoseconds() }
      answered.wrappingAdd(1, ordering: .relaxed)
      sleepThread(milliseconds: UInt32(random.number(0..<pause)))
    }
  }
}

/// What one writer did.
private final class HistoryLog: Sendable {
  let entries = Mutex<[HistoryEntry]>([])
}
