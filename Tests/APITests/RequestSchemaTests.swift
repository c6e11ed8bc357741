// Each endpoint takes the members that its schema has, and no other: the decoder and the documents cannot part.

import HTTP
import Testing

@testable import API

@Suite struct RequestSchemaTests {
  /// Every member that any request of the contract has, and some of objects that nobody may set.
  private static let everyMember: [String] = {
    let requests = Schema.all.filter(\.isRequest).flatMap { $0.members.map { "\($0.name)" } }
    return Set(requests + ["id", "status", "revision", "createdAt", "permissions", "mfa", "__proto__"]).sorted()
  }()

  @Test func `an endpoint knows the members of its schema, and every other one is unknown to it`() throws {
    let server = try APIServer()
    let ann = try server.register()
    for endpoint in Endpoint.all {
      guard let schema = endpoint.body.schema else { continue }
      let known = schema.members.map { "\($0.name)" }
      let unknown = Self.everyMember.filter { !known.contains($0) }
      // As many as are told of at once.
      for start in stride(from: 0, to: unknown.count, by: BodyMembers.maxComplaintCount) {
        let some = unknown[start..<min(start + BodyMembers.maxComplaintCount, unknown.count)]
        let answer = try Self.ask(endpoint, some + known, schema, server, ann)
        #expect(answer.status == 422, "\(endpoint.name): \(answer.text)")
        // Members that exclude each other are told so beside.
        let found = Set(answer.fieldErrors.filter { !$0.hasSuffix(" invalid_value") })
        let expected = some.map { "#/\($0) unknown_field" } + known.map { "#/\($0) invalid_type" }
        #expect(found == Set(expected), "\(endpoint.name)")
      }
    }
  }

  /// Sends a body in which every member has a type that it cannot have.
  private static func ask(
    _ endpoint: Endpoint, _ names: [String], _ schema: Schema, _ server: APIServer, _ pair: APIServer.Pair
  ) throws -> Answer {
    let body = names.map { name in
      let isList = schema.members.first { "\($0.name)" == name }?.shape.isList ?? false
      return "\"\(name)\":\(isList ? "7" : "[]")"
    }.joined(separator: ",")
    var path = "\(endpoint.pattern)"
    for parameter in endpoint.parameters where parameter.place == .path {
      let value = parameter == .userID ? pair.userID : parameter == .problemCode ? "internal" : pair.sessionID
      path = path.split(separator: "/").map { $0 == "{\(parameter.name)}" ? value : String($0) }.reduce("") { "\($0)/\($1)" }
    }
    let isPersonal =
      switch endpoint.access {
      case .bearer, .bearerEvenIfRestricted, .recentLogin: true
      case .anyone, .uncounted, .observer, .holder, .eitherToken, .credential, .permission, .owner: false
      }
    return try server.ask(
      "\(endpoint.method.name)", path, "{\(body)}", token: isPersonal ? pair.access : nil, fields: ["If-Match: *"],
      over: isPersonal ? .internet : .admin)
  }
}
