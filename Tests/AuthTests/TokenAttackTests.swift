// The attack set on access tokens: every one is refused with its own code, and the nearest right ones are not.

import Codecs
import Platform
import Storage
import TestSupport
import Testing

@testable import Auth

@Suite struct TokenAttackTests {
  private let server: TestServer
  private let set: TokenAttacks

  init() throws {
    let server = try TestServer()
    let ann = try server.register()
    let ben = try server.register("ben@example.org", "another long one", "Ben")
    let gone = try server.login()
    try server.logout(access: gone.accessToken)
    self.server = server
    set = TokenAttacks(
      on: try AttackGround(
        dataPath: server.folder.path + "/db", issued: ann.accessToken, strangers: ben.accessToken, ended: gone.accessToken,
        now: server.clock.wallMilliseconds() / 1000))
  }

  private func verdict(of attack: TokenAttack) -> TokenAttack.Verdict? {
    TokenAttack.Verdict(of: attack.bytes, by: server.sessions)
  }

  @Test func `every token of the attack set meets the refusal that it should`() {
    for attack in set.all {
      let verdict = verdict(of: attack)
      #expect(verdict == attack.verdict, "\(attack.family.rawValue): \(attack.why)")
    }
    let refused = set.all.filter { $0.verdict != .accepted }
    for family in TokenAttack.Family.allCases {
      #expect(refused.contains { $0.family == family }, "nothing attacks by \(family.rawValue)")
    }
    let distinct = Set(refused.map(\.bytes)).count
    #expect(distinct >= 450, "\(distinct) attacks that differ")
    #expect(set.all.count - refused.count >= 10, "controls")
  }

  @Test func `refused tokens leave nothing behind, and the right one still works`() throws {
    let before = server.database.checkIntegrity()
    for attack in set.all where attack.verdict != .accepted { _ = verdict(of: attack) }
    let after = server.database.checkIntegrity()
    #expect(after.isSound && before.keys == after.keys)
    #expect(server.refusal(set.ground.issued) == nil)
  }

  // Time depends on the machine, so nobody judges it here: the command is in docs/testing.md.
  @Test(.enabled(if: environmentNumber("USERD_ATTACK_TIMES") != nil, "USERD_ATTACK_TIMES asks for no table"))
  func `a table of what each family costs beside right tokens`() throws {
    let right = costs(of: set.all.filter { $0.verdict == .accepted })
    let usual = right.filter { $0.attack.bytes.count < 1000 }, longest = right.filter { $0.attack.bytes.count == 4096 }
    print("| family | tokens | median ns | slowest ns | its length | slowest: why |\n|---|---|---|---|---|---|")
    print("| right, as issued | \(usual.count) | \(median(usual)) | \(usual[usual.count - 1].nanoseconds) | | |")
    print("| right, of 4096 bytes | \(longest.count) | \(median(longest)) | \(longest[longest.count - 1].nanoseconds) | 4096 | |")
    // Whoever runs tests takes a backtrace of each error that is thrown, which costs more than the token; a server does not.
    var refusals = 0
    let thrown = least {
      do throws(AuthError) { try Self.refuse(after: self.server.clock.wallMilliseconds()) } catch { refusals += 1 }
    }
    #expect(refusals > 0)
    print("| an error thrown under test, taken off below | | \(thrown) | | | |")
    var all: [Cost] = []
    for family in TokenAttack.Family.allCases {
      let found = costs(of: set.all.filter { $0.family == family && $0.verdict != .accepted }).map { cost in
        (nanoseconds: cost.nanoseconds - min(thrown, cost.nanoseconds), attack: cost.attack)
      }
      let slowest = found[found.count - 1]
      print(
        "| \(family.rawValue) | \(found.count) | \(median(found)) | \(slowest.nanoseconds) | \(slowest.attack.bytes.count) | \(slowest.attack.why) |"
      )
      all += found
    }
    // A right token of some length costs what lies between the usual ones and the longest.
    let length = usual[usual.count / 2].attack.bytes.count, base = median(usual)
    let slope = Double(median(longest) - base) / Double(4096 - length)
    let ratios = all.map { cost in
      let expected = Double(base) + slope * Double(max(0, min(4096, cost.attack.bytes.count) - length))
      return (share: Double(cost.nanoseconds) / expected, attack: cost.attack)
    }.sorted { $0.share > $1.share }
    let slower = ratios.filter { $0.share > 1.1 }
    print("slower than a right token of their length by more than a tenth: \(slower.count) of \(ratios.count)")
    for (share, attack) in ratios.prefix(5) { print("  \(Int(share * 100)) %: \(attack.bytes.count) bytes, \(attack.why)") }
  }

  private typealias Cost = (nanoseconds: UInt64, attack: TokenAttack)

  private func median(_ costs: [Cost]) -> UInt64 { costs[costs.count / 2].nanoseconds }

  /// The least of many runs for each token, the cheapest first: what it costs when nothing else disturbs it.
  private func costs(of attacks: [TokenAttack]) -> [Cost] {
    attacks.map { attack in (nanoseconds: least { _ = verdict(of: attack) }, attack: attack) }
      .sorted { $0.nanoseconds < $1.nanoseconds }
  }

  private func least(_ body: () -> Void) -> UInt64 {
    let clock = SystemClock()
    var least = UInt64.max
    for _ in 0..<300 {
      let begin = clock.monotonicNanoseconds()
      for _ in 0..<10 { body() }
      least = min(least, (clock.monotonicNanoseconds() - begin) / 10)
    }
    return least
  }

  @inline(never) private static func refuse(after moment: Int64) throws(AuthError) {
    if moment > 0 { throw .invalidToken }
  }
}
