// The server's log: lines go into a bounded buffer, and one thread writes them out.

import Codecs
import Platform
import Synchronization

/// Writes lines to standard output without ever making their authors wait for it.
///
/// Any thread may log. A line that finds the buffer full is dropped and counted; the count is logged when there is room again.
final class Log: Sendable {
  /// What may wait to be written.
  static let maxPendingByteCount = 1 << 20
  /// How long the writing thread lets lines gather.
  private static let burstMilliseconds: UInt32 = 5
  /// How long the writing thread waits for a reader before it looks whether the log is being closed.
  private static let waitMilliseconds: Int32 = 100
  /// So often it looks once more then: a reader that sleeps does not keep the process alive.
  private static let maxClosingWaits = 10

  /// The mutex is held while a line is formatted, never while one is written.
  private let pending: Mutex<PendingLines>
  private let bell: EventDescriptor
  private let thread: Mutex<Thread?>
  let clock: any Clock
  /// How many bytes are written at once: to whatever may make the thread wait, no more than a pipe with room takes.
  private let pieceByteCount: Int
  /// What may change while a server runs. The level by its rank, the sample in millionths.
  private let isText: Atomic<Bool>
  private let rank: Atomic<UInt8>
  private let sample: Atomic<Int>
  /// Requests that went well, while not each of them has a line.
  private let sampled = Atomic<UInt64>(0)

  struct PendingLines: ~Copyable {
    var opening = AccessOpening()
    fileprivate var lines: ByteBuffer? = ByteBuffer(capacity: 4096)
    fileprivate var droppedCount = 0
    fileprivate var totalDroppedCount = 0
    fileprivate var isClosing = false
  }

  /// Starts the thread that writes.
  init(level: LogLevel, format: LogFormat, sample: Fraction = .all, clock: any Clock) throws(Errno) {
    rank = Atomic(level.rank)
    isText = Atomic(format == .text)
    self.sample = Atomic(sample.millionths)
    self.clock = clock
    pieceByteCount = StandardStream.output.isFile ? Self.maxPendingByteCount : 4096
    pending = Mutex(PendingLines())
    bell = try EventDescriptor(.semaphore)
    thread = Mutex(nil)
    var running: Thread? = try Thread(name: "userd-log") { [self] in writeUntilClosed() }
    thread.withLock { $0 = running.take() }
  }

  /// Lines that were dropped since the start.
  var droppedCount: Int { pending.withLock { $0.totalDroppedCount } }

  /// Whether a line of this level would be written.
  func includes(_ level: LogLevel) -> Bool { level.rank <= rank.load(ordering: .relaxed) }

  /// Writes lines of this level and what matters more, in this form, and for so many of the requests that go well, from now on.
  func use(_ level: LogLevel, _ format: LogFormat, sample: Fraction) {
    self.sample.store(sample.millionths, ordering: .relaxed)
    rank.store(level.rank, ordering: .relaxed)
    isText.store(format == .text, ordering: .relaxed)
  }

  var format: LogFormat { isText.load(ordering: .relaxed) ? .text : .json }

  /// Whether the next request that went well has a line: evenly spread, and as many of each million as `log.sample` says.
  func takesSample() -> Bool {
    let millionths = UInt64(sample.load(ordering: .relaxed))
    if millionths == 1_000_000 { return true }
    // The line comes with the request by which the product passes the next million.
    let number = sampled.wrappingAdd(1, ordering: .relaxed).newValue % 1_000_000
    return number &* millionths % 1_000_000 < millionths
  }

  /// Logs one line.
  func write(_ level: LogLevel, _ component: StaticString, _ message: String, _ fields: LogField...) {
    line(level, component, message) { line in
      for field in fields {
        switch field {
        case .text(let name, let value): line.text(name, value)
        case .number(let name, let value): line.number(name, value)
        }
      }
    }
  }

  /// Logs one line whose further members `body` writes.
  func line(_ level: LogLevel, _ component: StaticString, _ message: String, _ body: (inout LogLine) -> Void) {
    guard includes(level) else { return }
    let now = clock.wallMilliseconds()
    append { _, lines in
      var line = LogLine(lines, format, milliseconds: now, level, component, message)
      body(&line)
      return line.end()
    }
  }

  /// Has `write` append a line to those that wait and return them, if there is room.
  func append(_ write: (inout PendingLines, consuming ByteBuffer) -> ByteBuffer) {
    let isFirst = pending.withLock { pending in
      guard !pending.isClosing, let lines = pending.lines.take() else { return false }
      let count = lines.count
      guard count < Self.maxPendingByteCount else {
        pending.lines = consume lines
        pending.droppedCount += 1
        pending.totalDroppedCount += 1
        return false
      }
      pending.lines = write(&pending, lines)
      return count == 0
    }
    if isFirst { bell.signal() }
  }

  /// Writes what is left and ends the thread. Later lines are lost.
  func close() {
    pending.withLock { $0.isClosing = true }
    bell.signal()
    if let running = thread.withLock({ $0.take() }) { running.join() }
  }

  private func writeUntilClosed() {
    var batch: ByteBuffer? = ByteBuffer(capacity: 4096)
    while let empty = batch.take() {
      bell.take()
      // Lines come in bursts: a short sleep makes one wake-up and few writes out of many.
      sleepThread(milliseconds: Self.burstMilliseconds)
      batch = writePending(empty)
    }
  }

  /// Writes batches until none is left; nil if the log is closed.
  private func writePending(_ empty: consuming ByteBuffer) -> ByteBuffer? {
    var batch = empty
    while true {
      batch.removeAll()
      var dropped = 0
      var isClosing = false
      var next: ByteBuffer? = consume batch
      pending.withLock { pending in
        let lines = pending.lines.take()
        pending.lines = next.take()
        next = consume lines
        dropped = pending.droppedCount
        pending.droppedCount = 0
        isClosing = pending.isClosing
      }
      guard let taken = next.take() else { return nil }
      batch = taken
      if dropped > 0 {
        var line = LogLine(
          batch, format, milliseconds: clock.wallMilliseconds(), .warn, "log", "lines were dropped: nobody reads fast enough")
        line.number("count", dropped)
        batch = line.end()
      }
      if batch.count == 0 {
        if isClosing { return nil }
        return consume batch
      }
      batch.withSpan(output)
    }
  }

  /// Writes whole lines, as many at a time as cannot make the thread wait without end.
  private func output(_ bytes: Span<UInt8>) {
    var start = 0
    while start < bytes.count {
      var end = min(start + pieceByteCount, bytes.count)
      if let lineEnd = (start..<end).last(where: { bytes[$0] == UInt8(ascii: "\n") }) { end = lineEnd + 1 }
      guard waitForReader() else { return }
      // A reader that has gone cannot be told: the lines are lost as if they had been read.
      do throws(Errno) { try StandardStream.output.write(bytes.extracting(start..<end)) } catch { return }
      start = end
    }
  }

  /// Waits until somebody reads; false if nobody does and the log is being closed.
  private func waitForReader() -> Bool {
    var closingWaits = 0
    while !StandardStream.output.waitUntilWritable(milliseconds: Self.waitMilliseconds) {
      if pending.withLock({ $0.isClosing }) { closingWaits += 1 }
      if closingWaits > Self.maxClosingWaits { return false }
    }
    return true
  }
}

/// A named value beside the message of a line. Never a password, token, code or e-mail address.
enum LogField: Sendable {
  case text(StaticString, String)
  case number(StaticString, Int)
}
