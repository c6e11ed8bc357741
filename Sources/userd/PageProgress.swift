// How far long work is: a line that is written over on a terminal, and nothing elsewhere.

import Platform

/// Counts pages and tells a person about them on standard error.
final class PageProgress {
  private let purpose: String
  private let total: Int
  private let isShown = StandardStream.error.isTerminal
  private let clock = SystemClock()
  private let begin: UInt64
  private var count = 0
  private var shown: UInt64

  private static let intervalNanoseconds: UInt64 = 200_000_000
  static let pageByteCount = 8192

  /// - Parameter total: pages there will be, about; 0 if that is not known.
  init(_ purpose: String, of total: Int) {
    self.purpose = purpose
    self.total = total
    begin = clock.monotonicNanoseconds()
    shown = begin
  }

  func add() {
    count += 1
    if count % 64 == 0 { show() }
  }

  /// For work whose pages somebody else counts.
  func set(_ count: Int) {
    self.count = count
    show()
  }

  private func show() {
    guard isShown else { return }
    let now = clock.monotonicNanoseconds()
    guard now - shown >= Self.intervalNanoseconds else { return }
    shown = now
    write("\r\(purpose): \(text(now))\u{1B}[K")
  }

  /// Takes the line away.
  func end() { if isShown && shown != begin { write("\r\u{1B}[K") } }

  private func text(_ now: UInt64) -> String {
    let seconds = Double(now - begin) / 1e9
    let rate = Double(count) / max(0.001, seconds)
    var text = "\(count * Self.pageByteCount >> 20) MiB, \(Int(rate) * Self.pageByteCount >> 20) MiB/s"
    if total > count { text += ", about \(Int(Double(total - count) / max(1, rate)) + 1) s left" }
    return text
  }

  private func write(_ text: String) {
    // Nobody is left to tell that standard error is gone.
    do throws(Errno) { try StandardStream.error.write(Array(text.utf8).span) } catch { return }
  }
}
