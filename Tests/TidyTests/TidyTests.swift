// The house checks itself.

import Testing

/// Read once for all rules.
private let house = Result { try House.own() }

struct TidyTests {
  @Test(arguments: Rule.all)
  func `the house keeps the rule`(rule: Rule) throws {
    let violations = rule.check(try house.get())
    for violation in violations { Issue.record("\(violation)") }
  }

  @Test func `the walk sees the house`() throws {
    let house = try house.get()
    let here = try #require(house.file("Tests/TidyTests/TidyTests.swift"))
    #expect(here.text.contains("sees the house"))
    #expect(house.top.contains("Package.swift") && house.paths.contains("Sources/Codecs/Hex.swift"))
    #expect(house.files.filter(\.isSwift).count > 50)
  }
}
