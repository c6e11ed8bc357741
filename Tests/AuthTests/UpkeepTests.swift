// The background thread: jobs in slices, each at its time, none after the stop.

import Platform
import Synchronization
import TestSupport
import Testing

@testable import Auth

@Suite struct UpkeepTests {
  /// What jobs did, in their order; and a clock that a test moves while the thread sleeps by it.
  private final class Diary: Sendable {
    private let entries = Mutex<[String]>([])
    func note(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }

    func waits(for count: Int) -> Bool {
      for _ in 0..<20_000 {
        if all.count >= count { return true }
        sleepThread(milliseconds: 1)
      }
      return false
    }
  }

  /// A clock that is always late enough for everything that is due within an hour, so that a test never sleeps.
  private final class HastyClock: Clock {
    private let now = Atomic<UInt64>(1)
    func monotonicNanoseconds() -> UInt64 { now.wrappingAdd(3_600_000_000_000, ordering: .relaxed).newValue }
    func wallMilliseconds() -> Int64 { 0 }
  }

  @Test func `a round is all slices of a job until it says that it is done`() throws {
    let left = Mutex(3)
    let job = UpkeepJob("count", everySeconds: 1) { () throws(AuthError) in
      left.withLock { $0 -= 1 }
      return left.withLock { $0 } > 0 ? .more : .done
    }
    try job.run()
    #expect(left.withLock { $0 } == 0)
  }

  @Test func `all jobs run again and again on one thread, and one that fails is told and tried again`() throws {
    let diary = Diary()
    let good = UpkeepJob("good", everySeconds: 60) { () throws(AuthError) in
      diary.note("good")
      return .done
    }
    let bad = UpkeepJob("bad", everySeconds: 60) { () throws(AuthError) in throw .storageFull }
    let upkeep = Upkeep([good, bad], clock: HastyClock()) { diary.note("\($0): \($1)") }
    try upkeep.start()
    #expect(diary.waits(for: 20))
    upkeep.stop()
    let entries = diary.all
    #expect(entries.count { $0 == "good" } >= 2)
    #expect(entries.count { $0 == "bad: no space left for the log" } >= 2)
    sleepThread(milliseconds: 20)
    #expect(diary.all == entries, "nothing runs after the stop")
  }

  @Test func `a stop wakes a thread that sleeps, also before anything was due`() throws {
    let diary = Diary()
    let job = UpkeepJob("never", everySeconds: 3600) { () throws(AuthError) in
      diary.note("ran")
      return .done
    }
    let upkeep = Upkeep([job], clock: SystemClock()) { _, _ in }
    try upkeep.start()
    upkeep.requestStop()
    upkeep.stop()
    upkeep.stop()
    #expect(diary.all.isEmpty)
    Upkeep([job], clock: SystemClock()) { _, _ in }.stop()
  }

  @Test func `a stop lets the slice at work end and begins no other`() throws {
    let diary = Diary()
    let job = UpkeepJob("long", everySeconds: 60) { () throws(AuthError) in
      diary.note("begin")
      sleepThread(milliseconds: 50)
      diary.note("end")
      return .more
    }
    let upkeep = Upkeep([job], clock: HastyClock()) { _, _ in }
    try upkeep.start()
    #expect(diary.waits(for: 1))
    upkeep.stop()
    let entries = diary.all
    #expect(entries.last == "end" && entries.count.isMultiple(of: 2))
    sleepThread(milliseconds: 20)
    #expect(diary.all == entries)
  }
}
