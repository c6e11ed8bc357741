// What took time in one traced request: written down by the threads that work on it, one after the other.

/// One stretch of time in the work on a request.
package struct SpanTime: Sendable {
  package enum Kind: UInt8, Sendable {
    /// Waiting for a worker of a pool.
    case queue
    /// The endpoint's handler: the check of the token, the call of the service, the making of the answer.
    case handler
    /// A transaction that may write, from the wish for the writer lock to its place in the open batch.
    case transaction
    /// Between the answer and the moment when the log has on disk what it says.
    case syncWait
    /// One hash of a password.
    case hash

    /// Whether it happens within another one, and so often that it could take all room.
    var isInner: Bool { self == .transaction || self == .hash }
  }

  package let kind: Kind
  /// On the monotonic clock.
  package let start: UInt64
  package let end: UInt64
}

/// A short list of such times in memory that is used again and again. One thread at a time has it; who hands it on sees to that.
package final class SpanSheet: @unchecked Sendable {
  /// More are counted and not kept.
  package static let maxCount = 16
  /// Of them, those that lie within others. What ends after them finds room too: a handler on the loop, the queue, the handler again on a worker, the wait
  /// for the disk.
  package static let maxInnerCount = maxCount - 4

  private var times = InlineArray<16, SpanTime>(repeating: SpanTime(kind: .handler, start: 0, end: 0))
  package private(set) var count = 0
  /// How many had no room.
  package private(set) var lostCount = 0

  package init() {}

  package subscript(index: Int) -> SpanTime {
    precondition(index >= 0 && index < count, "time \(index) of \(count)")
    return times[index]
  }

  package func add(_ kind: SpanTime.Kind, from start: UInt64, to end: UInt64) {
    if count >= (kind.isInner ? Self.maxInnerCount : Self.maxCount) {
      lostCount += 1
      return
    }
    times[count] = SpanTime(kind: kind, start: start, end: max(start, end))
    count += 1
  }

  /// Ready for the next request.
  package func removeAll() {
    count = 0
    lostCount = 0
  }
}
