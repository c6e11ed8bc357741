// PUT, PATCH and DELETE /api/v1/users/{id}, and the verbs below it that change whether an account may be used.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func updateUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userID(), form = try BodyMembers(request, knows: BodyMembers.ofAccountEdit).accountEditForm
    try answer(request, &response) { () throws(AuthError) in
      try accounts.update(id, form, if: request.revisionCondition, by: authority)
    }
  }

  @Sendable func replaceUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userID(), form = try BodyMembers(request, knows: BodyMembers.ofAccountEdit).accountEditForm
    var condition = request.revisionCondition
    if case .none = condition { condition = .missing }
    try answer(request, &response) { () throws(AuthError) in try accounts.replace(id, form, if: condition, by: authority) }
  }

  /// `?erase=true` is final; without it the account can be restored.
  @Sendable func deleteUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userID(), erases = try request.flag("erase")
    try BodyMembers(request, .optional, knows: []).judged()
    try leave(request, &response) { () throws(AuthError) in
      if erases { return try accounts.erase(id, if: request.revisionCondition, by: authority) }
      return try accounts.delete(id, if: request.revisionCondition, by: authority).position
    }
  }

  @Sendable func disableUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userWithoutMembers()
    try answer(request, &response) { () throws(AuthError) in
      try accounts.disable(id, if: request.revisionCondition, by: authority)
    }
  }

  @Sendable func enableUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userWithoutMembers()
    try answer(request, &response) { () throws(AuthError) in
      try accounts.enable(id, if: request.revisionCondition, by: authority)
    }
  }

  @Sendable func unlockUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userWithoutMembers()
    try answer(request, &response) { () throws(AuthError) in
      try accounts.unlock(id, if: request.revisionCondition, by: authority)
    }
  }

  @Sendable func restoreUser(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let id = try request.userWithoutMembers()
    try answer(request, &response) { () throws(AuthError) in
      try accounts.restore(id, if: request.revisionCondition, by: authority)
    }
  }

  /// The password alone logs in again.
  @Sendable func resetSecondFactors(
    _ request: borrowing Request, _ authority: Authority, _ response: inout Response
  ) throws(Problem) {
    let id = try request.userWithoutMembers()
    try answer(request, &response) { () throws(AuthError) in
      try accounts.resetSecondFactors(id, if: request.revisionCondition, by: authority)
    }
  }

  /// Answers with the account as a change left it.
  func answer(
    _ request: borrowing Request, _ response: inout Response,
    _ change: () throws(AuthError) -> (value: User, position: StorePosition)
  ) throws(Problem) {
    do throws(AuthError) {
      let (user, position) = try change()
      response.hold(until: position)
      response.write(user)
    } catch {
      if error.mayShowTheStore { response.hold(until: accounts.heldPosition) }
      throw problem(error, in: request)
    }
  }

  /// Answers with nothing, because there is nothing left.
  func leave(
    _ request: borrowing Request, _ response: inout Response, _ change: () throws(AuthError) -> StorePosition
  ) throws(Problem) {
    do throws(AuthError) {
      response.hold(until: try change())
      response.status = .noContent
    } catch {
      if error.mayShowTheStore { response.hold(until: accounts.heldPosition) }
      throw problem(error, in: request)
    }
  }
}

extension Request {
  /// What `If-Match` says.
  var revisionCondition: RevisionCondition {
    withHeader(.ifMatch) { value in
      value.count == 1 && value[0] == UInt8(ascii: "*") ? .any : .oneOf(EntityTag.revisions(in: value))
    } ?? .none
  }

  /// The user that the path names.
  borrowing func userID() throws(Problem) -> UserID {
    guard let id = withParameter(0, { UserID($0) }) else { throw ProblemKind.notFound.problem() }
    return id
  }

  /// The user that the path names, of a request that may say nothing more.
  fileprivate borrowing func userWithoutMembers() throws(Problem) -> UserID {
    let id = try userID()
    try BodyMembers(self, .optional, knows: []).judged()
    return id
  }

  /// - Throws: 400 `invalid_request` for another value than `true` or `false`: what is final must not hang on a guess.
  borrowing func flag(_ name: StaticString) throws(Problem) -> Bool {
    guard let items = queryItems() else { throw ProblemKind.invalidRequest.problem("the query is not percent-encoded UTF-8") }
    var flag: Bool?
    for (found, value) in items where found.utf8.span.equals(name) {
      guard flag == nil, value == "true" || value == "false" else {
        throw ProblemKind.invalidRequest.problem("\(name) is true or false, once")
      }
      flag = value == "true"
    }
    return flag ?? false
  }
}

extension BodyMembers {
  /// For bodies that have no members.
  ///
  /// - Throws: 422 with every member that is there.
  func judged() throws(Problem) {
    if !complaints.isEmpty { throw .invalid(complaints) }
  }
}
