// The people, keys and objects of the permission matrix, over one server.

import Auth
import Codecs
import HTTP
import Platform
import Repositories
import Storage
import TestSupport

@testable import API

/// Who asks.
enum Actor: CaseIterable, Sendable {
  case nobody
  /// A person whose role gives nothing.
  case person
  /// A person whose role gives the one permission that the endpoint asks for, or everything where it asks for none.
  case holder
  /// A person whose role gives every other permission.
  case lacker
  case administrator
  case keyWith
  case keyWithout
  /// A person whose account was disabled after they had logged in.
  case disabled
  /// A person who has logged out.
  case ended
  /// An administrator who must change their password first.
  case restricted
  /// Whoever owns the data folder, on its admin socket, without a token.
  case owner
}

/// Which account or session a request names, beside who asks.
enum Target: Sendable {
  /// Where the path names none.
  case none
  case own
  case others
  /// An account that has every permission.
  case above
}

final class PermissionScene {
  let server: APIServer
  private let root: APIServer.Pair
  private var number = 0
  private var people: [String: APIServer.Pair] = [:]
  private var keys: [String: String] = [:]
  private var victims: [String: APIServer.Pair] = [:]
  let patterns: Set<String>

  init() throws {
    server = try APIServer()
    root = try server.administrator()
    patterns = Set(server.services.routes.map { "\($0.method.name) \($0.pattern)" })
  }

  /// Whether there are roles beside the built-in ones.
  var hasRoles: Bool { patterns.contains("POST /api/v1/roles") }
  var hasKeys: Bool { patterns.contains("POST /api/v1/api-keys") }

  /// A request that is ready to be sent: whoever sends it and whatever it names is there.
  struct Prepared {
    let method: String
    let path: String
    let body: String?
    let token: String?
    let fields: [String]
    let listener: APIServer.Listener
  }

  /// Makes a row's request in somebody's name.
  ///
  /// - Parameter isFresh: whether who asks, and what they ask for, must not be met again, because it may go.
  func prepare(_ row: PermissionRow, by actor: Actor, for target: Target, isFresh: Bool) throws -> Prepared {
    let pair = try self.pair(actor, row.needs, isFresh: isFresh)
    let space = row.endpoint.firstIndex(of: " ")!
    var path = String(row.endpoint[row.endpoint.index(after: space)...])
    if path.hasPrefix("/api/v1/users/{") {
      let victim = target == .own ? pair : try self.victim(target == .above ? "admin" : "user", isFresh: isFresh)
      path = path.filled("{id}", victim?.userID ?? root.userID).filled("{sessionId}", victim?.sessionID ?? root.sessionID)
    } else if path == "/api/auth/sessions/{id}" {
      path = path.filled("{id}", target == .own ? pair?.sessionID ?? root.sessionID : root.sessionID)
    } else if path == "/api/v1/roles/{name}" {
      path = path.filled("{name}", try role([]))
    } else if path == "/api/v1/api-keys/{id}" {
      path = path.filled("{id}", try make("POST", "/api/v1/api-keys", #"{"name":"k","permissions":[]}"#, "id"))
    } else {
      path = path.filled("{id}", "7").filled("{code}", "not_found")
    }
    number += 1
    return Prepared(
      method: String(row.endpoint[..<space]), path: path, body: row.body?.filled("{n}", "\(number)"),
      token: try token(actor, row.needs, pair), fields: row.fields, listener: actor == .owner ? .admin : .internet)
  }

  func send(_ request: Prepared) throws -> Answer {
    try server.ask(
      request.method, request.path, request.body, token: request.token, fields: request.fields, over: request.listener)
  }

  /// Everything that a refused request must leave as it is: who there is, what they may do, what they are logged in with.
  func contents() throws -> [UInt8] {
    let tables: [TableTag] = [
      .users, .usersByEmail, .usersByRole, .usersByName, .usersByStatus, .secondFactors, .sessions, .sessionsByUser,
      .oneTimeTokens,
      .roles, .apiKeysByCreator, .idempotentAnswers,
    ]
    try server.database.waitUntilDurable(server.store.heldPosition)
    var bytes: [UInt8] = []
    let everything: [UInt8] = []
    try server.store.read { (transaction) throws(RepositoryError) in
      try transaction.scan(from: everything.span, below: everything.span, .ascending) { (key, value) throws(RepositoryError) in
        if tables.contains(where: { $0.rawValue == key[0] }) { bytes += key.array() + value.array() }
        return .next
      }
    }
    return bytes
  }

  private func token(_ actor: Actor, _ needs: Needs, _ pair: APIServer.Pair?) throws -> String? {
    let permission = needs.permission
    switch actor {
    case .nobody, .owner: return nil
    case .keyWith: return try key(permission.map { [$0] } ?? [])
    case .keyWithout: return try key(Permission.allCases.map(\.rawValue).filter { $0 != permission && $0 != "keys:write" })
    case .person, .holder, .lacker, .administrator, .disabled, .ended, .restricted: return pair?.access
    }
  }

  private func pair(_ actor: Actor, _ needs: Needs, isFresh: Bool) throws -> APIServer.Pair? {
    switch actor {
    case .nobody, .owner, .keyWith, .keyWithout: return nil
    case .person: return try person("person", "user", isFresh)
    case .holder:
      guard let permission = needs.permission else { return try person("holder", "admin", isFresh) }
      return try person("holder \(permission)", role([permission]), isFresh)
    case .lacker:
      guard let permission = needs.permission else { return try person("lacker", "user", isFresh) }
      return try person("lacker \(permission)", role(Permission.allCases.map(\.rawValue).filter { $0 != permission }), isFresh)
    case .administrator: return try person("administrator", "admin", isFresh)
    case .disabled:
      return try person("disabled", "admin", isFresh) { pair in
        _ = try make("POST", "/api/v1/users/\(pair.userID)/disable", nil, "id")
      }
    case .ended:
      return try person("ended", "admin", isFresh) { pair in
        guard try server.ask("POST", "/api/auth/logout", token: pair.access).status == 204 else { throw Unexpected("no logout") }
      }
    case .restricted:
      return try person("restricted", "admin", isFresh) { pair in try server.change(pair.userID) { $0.mustChangePassword = true }
      }
    }
  }

  /// Somebody of a kind, made when first asked for, or each time.
  private func person(
    _ kind: String, _ role: @autoclosure () throws -> String, _ isFresh: Bool,
    _ change: (APIServer.Pair) throws -> Void = { _ in }
  ) throws -> APIServer.Pair {
    if !isFresh, let known = people[kind] { return known }
    let pair = try newPerson(role())
    try change(pair)
    if !isFresh { people[kind] = pair }
    return pair
  }

  private func victim(_ role: String, isFresh: Bool) throws -> APIServer.Pair {
    if !isFresh, let known = victims[role] { return known }
    let pair = try newPerson(role)
    if !isFresh { victims[role] = pair }
    return pair
  }

  private func newPerson(_ role: String) throws -> APIServer.Pair {
    number += 1
    let email = "p\(number)@example.org"
    _ = try make("POST", "/api/v1/users", UserRoutesTests.body(email, role: role), "id")
    return try server.login(email)
  }

  private var roles: [[String]: String] = [:]

  /// The name of a role with these permissions; one without any is a new one each time.
  private func role(_ permissions: [String]) throws -> String {
    if let known = roles[permissions], !permissions.isEmpty { return known }
    number += 1
    let name = "role\(number)"
    _ = try make("POST", "/api/v1/roles", #"{"name":"\#(name)","permissions":[\#(permissions.quoted)]}"#, "name")
    roles[permissions] = name
    return name
  }

  private func key(_ permissions: [String]) throws -> String {
    if let known = keys[permissions.quoted] { return known }
    let secret = try make("POST", "/api/v1/api-keys", #"{"name":"k","permissions":[\#(permissions.quoted)]}"#, "secret")
    keys[permissions.quoted] = secret
    return secret
  }

  /// Makes something in the name of an administrator and returns a member of the answer.
  private func make(_ method: String, _ path: String, _ body: String?, _ member: StaticString) throws -> String {
    let answer = try server.ask(method, path, body, token: root.access)
    guard (200..<300).contains(answer.status), let text = answer[member]?.string else { throw Unexpected(answer) }
    return text
  }
}

extension Needs {
  var permission: String? {
    switch self {
    case .permission(let name), .personWith(let name): name
    case .nothing, .session, .anySession, .anyCredential, .owner, .watching: nil
    }
  }
}

extension String {
  /// The text with every `mark` replaced.
  func filled(_ mark: String, _ text: String) -> String {
    split(separator: mark, omittingEmptySubsequences: false).joined(separator: text)
  }
}

extension [String] {
  fileprivate var quoted: String { map { "\"\($0)\"" }.joined(separator: ",") }
}
