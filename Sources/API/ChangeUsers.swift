// POST /api/v1/users:batch: many accounts made and changed in one commit.

import Auth
import Codecs
import HTTP

extension Services {
  @Sendable func changeUsers(_ request: borrowing Request, _ authority: Authority, _ response: inout Response) throws(Problem) {
    let body = try BodyMembers(request, knows: ["operations", "atomic"])
    var complaints = body.complaints
    var isAtomic = false
    switch body.flag("atomic") {
    case .absent: break
    case .flag(let flag): isAtomic = flag
    case .otherType: complaints.append(Auth.FieldError("#/atomic", .invalidType, "this member must be true or false"))
    }
    var operations: [AccountOperation] = []
    switch body["operations"] {
    case nil: complaints.append(Auth.FieldError("#/operations", .required, "this member is required"))
    case .some(let list) where list.kind != .array:
      complaints.append(Auth.FieldError("#/operations", .invalidType, "this member must be an array"))
    case .some(let list) where list.count > AccountOperation.maxCount:
      let limit = AccountOperation.maxCount
      complaints.append(Auth.FieldError("#/operations", .tooLong, "use at most \(limit) operations", max: limit))
    case .some(let list): operations = list.elements.map { AccountOperation($0) }
    }
    if !complaints.isEmpty { throw .invalid(complaints) }

    let id = request.requestID
    let path = Array(request.path.utf8)
    _ = try answeringOnce(
      request, &response, "POST /api/v1/users:batch", by: .authority(authority),
      { results in
        StoredAnswer(.ok) { json in json.value(results, instance: path.span, requestID: id) }
      }
    ) { (once) throws(AuthError) in
      try accounts.batch(operations, undoingAllOnRefusal: isAtomic, by: authority, once)
    }
  }
}

extension JSONWriter {
  /// What became of each operation of a batch, in the order of the operations.
  fileprivate mutating func value(_ results: [AccountResult], instance: Span<UInt8>, requestID: RequestID) {
    beginObject()
    key("results")
    beginArray()
    for result in results {
      beginObject()
      key("status")
      switch result {
      case .created(let user):
        integer(Status.created.code)
        key("user")
        value(user)
      case .changed(let user):
        integer(Status.ok.code)
        key("user")
        value(user)
      case .gone: integer(Status.noContent.code)
      case .refused(let error):
        // What is for the log ends the whole batch, so no single refusal has anything for it.
        let problem = API.problem(of: error) { _ in }
        integer(problem.status.code)
        key("problem")
        problem.write(to: &self, instance: instance, requestID: requestID)
      }
      endObject()
    }
    endArray()
    endObject()
  }
}

extension AccountOperation {
  /// An operation as it was sent; whatever is wrong with it is in its complaints.
  fileprivate init(_ value: JSONValue) {
    self.init(.unknown)
    guard value.kind == .object else {
      complaints = [Auth.FieldError("#", .invalidType, "an operation is an object")]
      return
    }
    let method = value["method"]
    guard let name = method?.string else {
      complaints = [
        Auth.FieldError(
          "#/method", method == nil ? .required : .invalidType,
          method == nil ? "this member is required" : "this member must be a string")
      ]
      return
    }
    let names: [StaticString]
    switch name {
    case "create": names = ["method", "user"]
    case "update": names = ["method", "id", "user", "ifMatch"]
    case "disable", "enable", "delete", "erase": names = ["method", "id", "ifMatch"]
    default:
      complaints = [Auth.FieldError("#/method", .invalidValue, "method is create, update, disable, enable, delete or erase")]
      return
    }
    let members = BodyMembers(of: value, knows: names)
    complaints = members.complaints
    id = members.text("id")
    if name != "create" { readCondition(members.text("ifMatch")) }
    switch name {
    case "create":
      if let user = user(in: members) { kind = .create(BodyMembers(of: user, knows: BodyMembers.ofNewAccount).accountForm) }
    case "update":
      if let user = user(in: members) { kind = .update(BodyMembers(of: user, knows: BodyMembers.ofAccountEdit).accountEditForm) }
    case "disable": kind = .disable
    case "enable": kind = .enable
    case "delete": kind = .delete
    default: kind = .erase
    }
  }

  private mutating func user(in members: borrowing BodyMembers) -> JSONValue? {
    switch members.object("user") {
    case .object(let user): return user
    case .absent: complaints.append(Auth.FieldError("#/user", .required, "this member is required"))
    case .null, .otherType: complaints.append(Auth.FieldError("#/user", .invalidType, "this member must be an object"))
    }
    return nil
  }

  /// A revision as in an entity tag, without its quotes.
  private mutating func readCondition(_ input: FieldInput) {
    switch input {
    case .absent: return
    case .otherType: complaints.append(Auth.FieldError("#/ifMatch", .invalidType, "this member must be a string"))
    case .text(let text):
      let tag = Array("\"\(text)\"".utf8)
      let revisions = EntityTag.revisions(in: tag.span)
      if revisions.count == 1 {
        condition = .oneOf(revisions)
      } else {
        complaints.append(Auth.FieldError("#/ifMatch", .invalidValue, "a revision such as r7"))
      }
    }
  }
}
