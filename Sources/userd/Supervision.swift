// Tells the service manager how the server does, and that its loops turn.

import Codecs
import HTTP
import Platform

/// What the main thread says to its supervisor. Without one nothing is said.
struct Supervision: ~Copyable {
  private let supervisor: Supervisor?
  private let clock: any Clock
  private let log: Log
  private var status = ""
  private var hasFailed = false
  /// How often each loop had turned when all were woken last.
  private var turns: [UInt64] = []
  private var nextSign: UInt64 = 0

  init(_ supervisor: Supervisor?, _ log: Log, clock: any Clock = SystemClock()) {
    self.supervisor = supervisor
    self.log = log
    self.clock = clock
  }

  /// How long the main thread may sleep between two signs.
  var milliseconds: Int { supervisor?.watchdogNanoseconds.map { max(1, Int($0 / Self.share / 1_000_000)) } ?? 1000 }

  /// A sign is due four times within the time of the watchdog.
  private static let share: UInt64 = 4

  /// The server takes requests, or goes on after a reload.
  mutating func tellReady() { tell("READY=1\n\(status)") }

  mutating func tellReloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(clock.monotonicNanoseconds() / 1000)") }

  /// - Parameter milliseconds: how long the end may take.
  mutating func tellStopping(within milliseconds: Int) {
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=\((milliseconds + 5000) * 1000)\nSTATUS=stopping")
  }

  /// One line for people who ask the service manager. Sent when it has changed.
  mutating func tellStatus(_ words: String) {
    let line = "STATUS=\(words)"
    if line == status { return }
    status = line
    tell(line)
  }

  /// Says that all is well if every loop has turned since it was woken last, and wakes them again. A loop that hangs lets the time of the
  /// watchdog pass, and the supervisor ends the process.
  mutating func tellTurning(_ server: Server) {
    guard let time = supervisor?.watchdogNanoseconds else { return }
    let now = clock.monotonicNanoseconds()
    if now < nextSign { return }
    nextSign = now + time / Self.share
    let current = server.turns
    let haveTurned = current.count == turns.count && zip(current, turns).allSatisfy { $0 != $1 }
    if haveTurned || turns.isEmpty { tell("WATCHDOG=1") }
    turns = current
    server.wakeLoops()
  }

  /// Says that the process is alive while it is taken down, within the bounds that the grace has.
  mutating func tellAlive() {
    guard let time = supervisor?.watchdogNanoseconds else { return }
    let now = clock.monotonicNanoseconds()
    if now < nextSign { return }
    nextSign = now + time / Self.share
    tell("WATCHDOG=1")
  }

  private mutating func tell(_ lines: String) {
    guard let supervisor else { return }
    do throws(Errno) { try supervisor.tell(lines) } catch {
      // Once: a service manager that is gone would be told of in every second.
      if !hasFailed { log.write(.warn, "userd", "cannot tell the service manager", .text("error", "\(error)")) }
      hasFailed = true
    }
  }
}
