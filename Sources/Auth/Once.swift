// A request that is to have its effect once, on its way through a service.

import Codecs
import Crypto
import Platform
import Repositories

/// A request with an Idempotency-Key that nobody has answered yet.
package struct FirstRequest: Sendable {
  let name: AnswerName
  let fingerprint: UUID
  /// How many answers its asker may have.
  let maxCount: Int
  /// When it began, in milliseconds since 1970.
  let moment: Int64
  let nonce: WrappingKey.Nonce
  let answers: IdempotentAnswers

  /// What its box belongs to: who asked, with which key, for what.
  var context: [UInt8] {
    let parts = [name.asker.bytes, name.request.bytes, fingerprint.bytes]
    return parts.flatMap { part in part.indices.map { part[$0] } }
  }
}

/// The same, and how the answer looks that its effect has. Verbs of services take one; nil is a request without a key.
package struct Once<Value>: Sendable {
  let request: FirstRequest
  private let answer: @Sendable (Value) -> StoredAnswer

  /// - Parameter answer: depends on nothing but the value, because it runs inside the transaction and again outside.
  package init(_ request: FirstRequest, _ answer: @escaping @Sendable (Value) -> StoredAnswer) {
    self.request = request
    self.answer = answer
  }

  /// Writes the answer beside the effect, as the last thing that a transaction does.
  func keep(_ value: Value, in transaction: inout Writing) throws(RepositoryError) {
    try request.answers.keep(answer(value), to: request, in: &transaction)
  }
}

extension Store {
  /// `writing` for an effect that a request may have once: nothing happens if somebody else with its key was first.
  func writing<Value>(
    once request: FirstRequest?, _ body: (inout Writing) throws(RepositoryError) -> Value
  ) throws(AuthError) -> (value: Value, position: StorePosition) {
    guard let request else { return try writing(body) }
    let done = try writing { (transaction) throws(RepositoryError) -> Result<Value, AuthError> in
      if let objection = try request.answers.objection(to: request, in: &transaction) { return .failure(objection) }
      return .success(try body(&transaction))
    }
    switch done.value {
    case .success(let value): return (value, done.position)
    case .failure(let objection): throw objection
    }
  }
}
