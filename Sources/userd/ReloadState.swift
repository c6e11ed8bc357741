// What became of the last reload, for /readyz and the log.

import API
import Synchronization

/// Which configuration counts, and why a newer one does not. Any thread may ask; the main thread changes it.
final class ReloadState: Sendable {
  private struct Outcome {
    var file: String
    var error = ""
    /// Settings that differ in the file and wait for a start.
    var waiting: [String] = []
    var count = 0
  }

  // Guards the outcome; held to copy it.
  private let outcome: Mutex<Outcome>

  init(file: String?) { outcome = Mutex(Outcome(file: file ?? "")) }

  func succeeded(file: String?, waiting: [String]) {
    outcome.withLock { outcome in
      outcome.file = file ?? ""
      outcome.error = ""
      outcome.waiting = waiting
      outcome.count += 1
    }
  }

  func failed(_ error: String) { outcome.withLock { $0.error = error } }

  /// A server that goes on with an earlier configuration than the one that was meant is degraded.
  var check: Health.Check {
    let outcome = outcome.withLock { $0 }
    return Health.Check(
      "configuration", outcome.error.isEmpty ? .ok : .degraded,
      why: outcome.error.isEmpty ? nil : "the last reload failed; the configuration before it counts",
      [
        ("file", .text(outcome.file)), ("reloads", .number(outcome.count)), ("error", .text(outcome.error)),
        ("waitsForStart", .text(outcome.waiting.joined(separator: ","))),
      ])
  }
}
