// Every endpoint, asked by everybody for everything: who is answered, who is refused with what, and that a refusal changes nothing.

import TestSupport
import Testing

@testable import API

@Suite struct PermissionMatrixTests {
  /// What the contract says, without a look at the code that judges.
  private static func expected(_ row: PermissionRow, _ actor: Actor, _ target: Target) -> Int {
    let success = target == .others && row.endpoint == "DELETE /api/auth/sessions/{id}" ? 404 : row.success
    switch (row.needs, actor) {
    case (.nothing, _): return success
    case (.owner, .owner), (.watching, .owner): return success
    case (.watching, _): return 404
    case (.session, .owner), (.anySession, .owner), (.anyCredential, .owner): return 401
    case (_, .nobody), (_, .disabled), (_, .ended): return 401
    case (.anySession, .restricted): return success
    case (_, .restricted): return 403
    case (.owner, _): return 404
    case (.anyCredential, _): return success
    case (.session, .keyWith), (.session, .keyWithout), (.anySession, .keyWith), (.anySession, .keyWithout): return 403
    case (.session, _), (.anySession, _): return success
    case (.permission, .person), (.permission, .lacker), (.permission, .keyWithout): return 403
    case (.personWith, .person), (.personWith, .lacker), (.personWith, .keyWith), (.personWith, .keyWithout): return 403
    case (.permission, .holder), (.permission, .keyWith), (.personWith, .holder):
      return target == .above ? row.above ?? success : success
    // The owner has no account, and says whose key it is to be.
    case (.personWith, .owner) where row.endpoint == "POST /api/v1/api-keys": return 422
    case (.permission, .administrator), (.permission, .owner), (.personWith, .administrator), (.personWith, .owner):
      return success
    }
  }

  private static func targets(_ row: PermissionRow, _ actor: Actor) -> [Target] {
    guard row.endpoint.contains("/users/{id}") || row.endpoint.hasSuffix("/sessions/{id}") else { return [.none] }
    switch actor {
    // Who acts on their own account by way of administration may end their own power with it: another test's business.
    case .person, .lacker: return [.own, .others]
    case .holder, .keyWith, .administrator:
      if row.endpoint.hasSuffix("/sessions/{id}") { return [.own, .others] }
      return [.others, .above]
    case .nobody, .keyWithout, .disabled, .ended, .restricted, .owner: return [.others]
    }
  }

  @Test func `every endpoint answers whoever may and refuses everybody else, who has changed nothing then`() throws {
    let scene = try PermissionScene()
    let rows = PermissionTable.rows.filter { scene.patterns.contains($0.endpoint) }
    var cells = 0
    for row in rows {
      let isReading = row.endpoint.hasPrefix("GET")
      for actor in Actor.allCases {
        if !scene.hasKeys, actor == .keyWith || actor == .keyWithout { continue }
        if !scene.hasRoles, row.needs.permission != nil, actor == .holder || actor == .lacker { continue }
        for target in Self.targets(row, actor) {
          let expected = Self.expected(row, actor, target)
          let isRefused = expected >= 400
          let request = try scene.prepare(row, by: actor, for: target, isFresh: !isRefused && !isReading)
          let before = isRefused ? try scene.contents() : []
          let answer = try scene.send(request)
          #expect(answer.status == expected, "\(row.endpoint) by \(actor) for \(target): \(answer.status) \(answer.text)")
          if isRefused {
            #expect(try scene.contents() == before, "\(row.endpoint) by \(actor) for \(target) changed something")
          }
          cells += 1
        }
      }
    }
    #expect(cells > 450, "\(cells) cells")
  }

  @Test func `every endpoint has a row`() throws {
    let scene = try PermissionScene()
    let rows = PermissionTable.rows.map(\.endpoint)
    #expect(Set(rows).count == rows.count)
    #expect(scene.patterns.subtracting(rows).sorted() == [])
  }
}
