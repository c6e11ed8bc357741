// Many changes of accounts in one commit, each judged as it would be alone.

package import Platform
import Repositories

/// One operation of `POST /api/v1/users:batch`, as the decoder found it.
package struct AccountOperation: Sendable {
  package enum Kind: Sendable {
    case create(AccountForm)
    case update(AccountEditForm)
    case disable
    case enable
    case delete
    case erase
    /// None of these; the complaints say what is wrong.
    case unknown
  }

  package var kind: Kind
  /// The account; nothing for `create`.
  package var id: FieldInput
  package var condition: RevisionCondition
  /// About members of the operation itself; those about `user` are in its form.
  package var complaints: [FieldError]

  package init(_ kind: Kind, id: FieldInput = .absent, if condition: RevisionCondition = .none, complaints: [FieldError] = []) {
    self.kind = kind
    self.id = id
    self.condition = condition
    self.complaints = complaints
  }

  package static let maxCount = 1000
}

/// What became of one operation.
package enum AccountResult: Sendable {
  case created(User)
  case changed(User)
  /// Deleted or erased.
  case gone
  case refused(AuthError)
}

extension AccountService {
  /// Takes up to `AccountOperation.maxCount` operations in one commit, in their order; each sees what those before it have done.
  ///
  /// An operation that is refused writes nothing and leaves the others as they are, unless all of them are to be done or none: then a refusal
  /// undoes them, and the others say `.abandoned`. Plain passwords are refused: hashing so many takes too long. It writes for milliseconds, so
  /// it belongs on a pool. Of a batch that was undone no answer is kept: whoever repeats it has it tried again.
  /// - Throws: `.forbidden`; `.tooMuchAtOnce` if a commit cannot hold it, or its answer is too long to be kept; refusals of operations are in the
  ///   results.
  package func batch(
    _ operations: [AccountOperation], undoingAllOnRefusal isAtomic: Bool, by authority: Authority,
    _ once: Once<[AccountResult]>? = nil
  ) throws(AuthError) -> (value: [AccountResult], position: LogPosition) {
    precondition(operations.count <= AccountOperation.maxCount, "\(operations.count) operations in a batch")
    try authority.require(.usersWrite)
    let prepared = operations.indices.map { prepare(operations[$0], number: $0, by: authority) }
    let now = identifiers.now()
    var results: [AccountResult] = []
    var objection: AuthError?
    let position: LogPosition
    do throws(RepositoryError) {
      position = try store.write { (transaction) throws(RepositoryError) in
        results = []
        if let request = once?.request {
          objection = try request.answers.objection(to: request, in: &transaction)
          if objection != nil { throw .abandoned }
        }
        for (number, step) in prepared.enumerated() {
          results.append(try take(step, number, by: authority, at: now, in: &transaction))
        }
        if isAtomic, results.contains(where: \.isRefused) { throw .abandoned }
        try once?.keep(results, in: &transaction)
      }.position
    } catch {
      if case .fieldTooLong(.idempotentAnswers, _, _) = error { throw .tooMuchAtOnce }
      guard error == .abandoned else { throw AuthError(error) }
      if let objection { throw objection }
      return (
        results.map { $0.isRefused ? $0 : .refused(.abandoned) }, try noteRefusals(results, of: prepared, by: authority, at: now)
      )
    }
    for case (.action(let action), let result) in zip(prepared, results) where !result.isRefused { announce(action, position) }
    return (results, position)
  }

  /// An operation as far as it can be judged without the store.
  private enum Step {
    case action(AccountAction)
    case refused(AuthError)
  }

  private func prepare(_ operation: AccountOperation, number: Int, by authority: Authority) -> Step {
    let place = "#/operations/\(number)"
    do throws(AuthError) {
      if !operation.complaints.isEmpty { throw .invalid(operation.complaints.map { $0.moved(below: place) }) }
      if case .create(var form) = operation.kind {
        if !form.password.isAbsent {
          form.password = .absent
          form.complaints.append(FieldError("#/password", .invalidValue, "a batch takes passwordHash"))
        }
        return .action(.create(try moving(below: place) { () throws(AuthError) in try account(form, by: authority) }))
      }
      let id: UserID
      switch operation.id {
      case .absent: throw .invalid([FieldError(place + "/id", .required, "this member is required")])
      case .otherType: throw .invalid([FieldError(place + "/id", .invalidType, "this member must be a string")])
      case .text(let text):
        guard let found = UserID(text.utf8.span) else { throw .notFound }
        id = found
      }
      let condition = operation.condition
      switch operation.kind {
      case .update(let form):
        return .action(.update(id, try moving(below: place) { () throws(AuthError) in try AccountEdit(form) }, condition))
      case .disable: return .action(.disable(id, condition))
      case .enable: return .action(.enable(id, condition))
      case .delete: return .action(.delete(id, condition))
      case .erase: return .action(.erase(id, condition))
      case .create, .unknown: preconditionFailure("an operation of no kind without a complaint")
      }
    } catch { return .refused(error) }
  }

  /// Complaints about members of a form become those about `user` of an operation.
  private func moving<Value>(below place: String, _ body: () throws(AuthError) -> Value) throws(AuthError) -> Value {
    do throws(AuthError) { return try body() } catch { throw error.moved(below: place + "/user") }
  }

  private func take(
    _ step: Step, _ number: Int, by authority: Authority, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> AccountResult {
    let action: AccountAction
    switch step {
    case .refused(let error): return .refused(error)
    case .action(let known): action = known
    }
    switch try perform(action, by: authority, at: now, in: &transaction) {
    case .refused(let error): return .refused(error.moved(below: "#/operations/\(number)/user"))
    case .done(let user):
      switch action {
      case .create: return .created(User(user))
      case .update, .disable, .enable, .restore: return .changed(User(user))
      case .delete, .erase: return .gone
      }
    }
  }

  /// The undone transaction took its audit records with it; what it says about people who reached above themselves is written all the same.
  private func noteRefusals(
    _ results: [AccountResult], of steps: [Step], by authority: Authority, at now: Int64
  ) throws(AuthError) -> LogPosition {
    var subjects: [UserID?] = []
    for case (.action(let action), .refused(.forbidden)) in zip(steps, results) { subjects.append(action.subject) }
    if subjects.isEmpty { return store.heldPosition }
    return try store.writing { (transaction) throws(RepositoryError) in
      for subject in subjects { _ = try refuse(.forbidden, subject, to: authority, at: now, in: &transaction) }
    }.position
  }
}

extension AccountResult {
  fileprivate var isRefused: Bool {
    switch self {
    case .refused: true
    case .created, .changed, .gone: false
    }
  }
}

extension AccountAction {
  /// The account that it is about; nil for one that is not there yet.
  fileprivate var subject: UserID? {
    switch self {
    case .create: nil
    case .update(let id, _, _), .disable(let id, _), .enable(let id, _), .delete(let id, _), .restore(let id, _),
      .erase(let id, _):
      id
    }
  }
}

extension AuthError {
  /// The same with its complaints about the members of an object that lies deeper in the body.
  fileprivate func moved(below place: String) -> AuthError {
    guard case .invalid(let fields) = self else { return self }
    return .invalid(fields.map { $0.moved(below: place) })
  }
}

extension FieldError {
  /// The same about a member of an object that lies deeper in the body.
  fileprivate func moved(below place: String) -> FieldError {
    FieldError(place + pointer.dropFirst(), code, detail, min: min, max: max)
  }
}
