// Endpoints that create: what they answer, and the same again to whoever repeats the request with its Idempotency-Key.

import Auth
import Codecs
import HTTP

extension Services {
  /// Answers a request that creates something. With an `Idempotency-Key` it has its effect once, and whoever repeats it gets the same answer.
  ///
  /// Whoever calls this has judged that the asker may ask: a repetition is answered without running `effect`.
  /// - Parameters:
  ///   - route: method and pattern; it is part of what is stored, so it never changes.
  ///   - answer: depends on nothing but what the effect made.
  ///   - effect: one call of a service, which passes on what it gets.
  func answeringOnce<Value>(
    _ request: borrowing Request, _ response: inout Response, _ route: StaticString, by asker: @autoclosure () -> Asker,
    _ answer: @escaping @Sendable (Value) -> StoredAnswer,
    _ effect: (_ once: Once<Value>?) throws(AuthError) -> (value: Value, position: StorePosition)
  ) throws(Problem) -> Value? {
    guard let first = try firstRequest(request, &response, route, by: asker) else { return nil }
    defer { if let first = first.request { sessions.answers.end(first) } }
    let once = first.request.map { Once($0, answer) }
    let value = try changing(request, &response) { () throws(AuthError) in try effect(once) }
    response.write(answer(value))
    return value
  }

  /// A request that is to have its effect, with a key or without.
  private struct Beginning {
    let request: FirstRequest?
  }

  /// Nil if the request was answered before, and is again.
  private func firstRequest(
    _ request: borrowing Request, _ response: inout Response, _ route: StaticString, by asker: () -> Asker
  ) throws(Problem) -> Beginning? {
    guard let key = try request.idempotencyKey() else { return Beginning(request: nil) }
    let asker = asker(), target = Array(request.path.utf8)
    let turn = try calling(request) { () throws(AuthError) in
      try request.withBody { body throws(AuthError) in
        try sessions.answers.begin(key, route, target: target.span, body: body, by: asker)
      }
    }
    switch turn {
    case .first(let first): return Beginning(request: first)
    case .again(let answer):
      response.write(answer)
      response.header("Idempotency-Replayed", "true")
      return nil
    }
  }
}

extension Response {
  /// An answer as it was made, or kept.
  fileprivate mutating func write(_ answer: StoredAnswer) {
    guard let known = Status(rawValue: answer.status) else { preconditionFailure("no answer has the status \(answer.status)") }
    status = known
    if let location = answer.location { header("Location", location) }
    if let revision = answer.revision { EntityTag(revision: revision).withSpan { header("ETag", $0) } }
    contentType = .json
    body.removeAll()
    body.append(answer.body.span)
  }
}

extension StoredAnswer {
  /// An answer whose body `write` makes.
  init(_ status: Status, location: String? = nil, revision: UInt64? = nil, _ write: (inout JSONWriter) -> Void) {
    var json = JSONWriter(ByteBuffer(capacity: 1024))
    write(&json)
    let bytes = json.finish()
    self.init(status: status.rawValue, location: location, revision: revision, body: bytes.bytes())
  }
}
