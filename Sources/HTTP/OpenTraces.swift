// The traced requests that a loop is at work on, and which request is the next to be traced.

import Platform
import Synchronization

/// Belongs to one loop. A request knows its place here by a number, so that one that is not traced carries nothing.
struct OpenTraces: ~Copyable {
  /// nil where nothing is traced.
  private let tracing: Tracing?
  private let desk: TraceDesk?
  private var places: [TracedRequest?] = []
  private var freePlaces: [Int16] = []
  /// The state of a generator that nobody needs to be unable to guess (xorshift64).
  private var lot: UInt64

  init(_ tracing: Tracing?, seed: UInt64) {
    self.tracing = tracing
    desk = tracing?.makeDesk()
    lot = seed | 1
    guard tracing != nil else { return }
    places = [TracedRequest?](repeating: nil, count: Tracing.maxCountPerLoop)
    freePlaces = (0..<Int16(Tracing.maxCountPerLoop)).reversed()
  }

  var isOn: Bool { tracing != nil }

  /// Whether the next request without a trace of its own begins one.
  mutating func chooses() -> Bool {
    guard let tracing, tracing.threshold > 0 else { return false }
    lot ^= lot << 13
    lot ^= lot >> 7
    lot ^= lot << 17
    return lot <= tracing.threshold
  }

  /// A place for a request; -1 if there is none left, which is counted.
  mutating func open() -> Int16 {
    guard let tracing, let desk else { return -1 }
    guard let place = freePlaces.popLast() else {
      tracing.drop(1)
      return -1
    }
    guard let request = desk.takeUnused() else {
      freePlaces.append(place)
      tracing.drop(1)
      return -1
    }
    places[Int(place)] = request
    return place
  }

  subscript(place: Int16) -> TracedRequest {
    guard place >= 0, let request = places[Int(place)] else { preconditionFailure("no traced request at \(place)") }
    return request
  }

  var notes: SpanNotes? { tracing?.notes }

  /// A worker has it and is not waited for any more: what it notes is lost, and the request goes on without.
  mutating func abandon(_ place: Int16) {
    guard place >= 0, let desk else { return }
    let (old, new) = (self[place], desk.replacement())
    new.context = old.context
    new.state = old.state
    places[Int(place)] = new
  }

  /// The request is answered: off to the exporter.
  mutating func finish(_ place: Int16) {
    guard let tracing, let desk else { return }
    let request = take(place)
    if desk.finish(request) { tracing.wake() }
  }

  /// The request ends without an answer.
  mutating func discard(_ place: Int16) {
    guard place >= 0, let tracing, let desk else { return }
    desk.free(take(place))
    tracing.drop(1)
  }

  private mutating func take(_ place: Int16) -> TracedRequest {
    let request = self[place]
    places[Int(place)] = nil
    freePlaces.append(place)
    return request
  }
}
