// Every rule catches what it is there to catch, and lets the innocent neighbour pass.

import Testing

struct PlantedTests {
  /// What the rule of that sentence says about a house of one file.
  func violations(_ sentence: String, _ path: String, _ text: String) throws -> [String] {
    let rule = try #require(Rule.all.first { $0.sentence == sentence }, "no rule \(sentence)")
    return rule.check(House(path, text)).map(\.description)
  }

  func expect(_ sentence: String, in path: String, catches guilty: [String], passes innocent: [String]) throws {
    for text in guilty { #expect(try !violations(sentence, path, text).isEmpty, "missed: \(text)") }
    for text in innocent { #expect(try violations(sentence, path, text) == [], "blamed: \(text)") }
  }

  @Test func `imports above or beside a floor`() throws {
    let rule = "a floor imports only what stands below it"
    try expect(
      rule, in: "Sources/HTTP/A.swift",
      catches: [
        "import Storage", "package import Auth", "public import Crypto", "import struct Repositories.User",
        "@testable import API", "import Glibc",
        "#if os(Linux)\n  import Glibc\n#endif", "import Platform; import Storage", "import HTTP",
      ],
      passes: [
        "import Platform", "package import Codecs", "import Synchronization", "// import Storage", "let a = \"import Storage\"",
        "import struct Platform.Errno",
      ])
    try expect(rule, in: "Sources/Codecs/A.swift", catches: ["import Platform"], passes: ["let a = 1"])
    try expect(
      rule, in: "Sources/Instructions/A.swift", catches: ["import Platform"], passes: ["import _Builtin_intrinsics.intel"])
    try expect(rule, in: "Sources/Cellar/A.swift", catches: ["let a = 1"], passes: [])
  }

  @Test func `foreign libraries`() throws {
    let rule = "nothing imports Foundation, Dispatch or another C library"
    for path in [
      "Sources/userd/A.swift", "Benchmarks/userd-bench/A.swift", "Fuzz/userd-fuzz/A.swift", "Tests/CodecsTests/A.swift",
    ] {
      try expect(
        rule, in: path,
        catches: [
          "import Foundation", "internal import FoundationEssentials", "import Dispatch", "import Musl",
          "import class Foundation.Thread",
        ],
        passes: ["import Testing"])
    }
    try expect(
      "only Platform and the tests import Glibc", in: "Fuzz/userd-fuzz/A.swift", catches: ["import Glibc"],
      passes: ["import Platform"])
  }

  @Test func `tables that are not linked`() throws {
    try expect(
      "nobody asks for a character's name or age, which is not linked", in: "Sources/API/A.swift",
      catches: ["let a = scalar.properties.name", "let a = b.map(\\.properties.age)", "f(scalar.properties\n  .nameAlias)"],
      passes: ["let a = scalar.properties.generalCategory", "let a = properties.names", "let a = user.name"])
  }

  @Test func `a manifest that disagrees with the table`() throws {
    try expect(
      "the manifest gives each floor what the table says", in: "Package.swift",
      catches: [
        "    floor(\"Codecs\", [\"Platform\"]),", "    floor(\"HTTP\", [\"Platform\"]),", "    floor(\"Attic\", [\"Platform\"]),",
      ],
      passes: [
        "    floor(\"Codecs\", []),", "    floor(\"Platform\", [], linux),", "    floor(\"HTTP\", [\"Platform\", \"Codecs\"]),",
      ])
  }

  @Test func `public declarations`() throws {
    try expect(
      "nothing is public but an import", in: "Sources/HTTP/A.swift",
      catches: [
        "public struct A {}", "public\nfunc a() {}", "struct A { public private(set) var a = 1 }", "public(set) var a = 1",
        "open class A {}",
      ],
      passes: [
        "public import Codecs", "package struct A {}", "// public struct", "let a = \"public\"", "func open() {}",
        "enum A {\n  case open\n  var b: Int { 1 }\n}", "let `public` = 1",
      ])
  }

  @Test func `errors that are dropped`() throws {
    try expect(
      "no error is swallowed by an empty catch", in: "Tests/HTTPTests/A.swift",
      catches: [
        "do { try a() } catch {}", "do { try a() } catch {\n}", "do { try a() } catch is B { }",
        "do { try a() } catch {\n  // fine\n}",
      ],
      passes: ["do { try a() } catch { throw B() }", "catches {}"])
    try expect(
      "no error becomes nil by try? in the product", in: "Sources/HTTP/A.swift",
      catches: ["let a = try? b()", "\"\\(try? b())\""],
      passes: ["let a = try b()", "// try? b()", "\"try? b()\"", "#\"\\(try? b())\"#", "try b() ? 1 : 2"])
    #expect(try violations("no error becomes nil by try? in the product", "Tests/HTTPTests/A.swift", "try? b()") == [])
    try expect(
      "no error becomes a crash by try!", in: "Tests/HTTPTests/A.swift", catches: ["let a = try! b()"],
      passes: ["let a = try b()!", "#expect(try !b())"])
  }

  @Test func `global variables`() throws {
    try expect(
      "there are no global variables", in: "Sources/HTTP/A.swift",
      catches: [
        "var a = 1", "package var a: Int = 1", "var a: Int\nlet b = 1", "struct A { static var a = 1 }",
        "nonisolated(unsafe) let a = B()", "func a() {}\nvar b = [1]",
        "struct A { nonisolated(unsafe) static let a = B() }",
      ],
      passes: [
        "let a = 1", "var a: Int { 1 }", "package var a: Int {\n  1\n}", "struct A { static var a: Int { 1 } }",
        "struct A { var a = 1 }", "func a() { var b = 1 }",
        "if true {\n  var a = 1\n}", "// var a = 1", "final class A { nonisolated(unsafe) let b: B }",
      ])
  }

  @Test func `names that say nothing`() throws {
    try expect(
      "no type is named by a word that says nothing", in: "Sources/HTTP/A.swift",
      catches: [
        "struct UserManager {}", "enum JSONHelper {}", "class BaseServer {}", "protocol ServerImpl {}",
        "typealias CommonError = Int", "final class FileInfo {}", "enum HTTPUtils {}",
      ],
      passes: [
        "enum Base64URL {}", "struct Database {}", "struct Baseline {}", "struct Information {}", "let manager = 1",
        "// struct Helper", "struct Utilised {}",
      ])
    #expect(words(of: "JSONBase64Reader") == ["JSON", "Base64", "Reader"])
  }

  @Test func `files without a purpose, too long, or unfinished`() throws {
    try expect(
      "a file begins with the sentence that says what it is for", in: "Sources/HTTP/A.swift",
      catches: [
        "", "import Codecs", "//", "// Short.", "// A sentence that has no end", "/// A doc comment is no purpose.",
        "\n// On the second line it is too late.",
      ],
      passes: ["// Reads the head of a request.", "// Reads the head of a request.\n\nimport Codecs"])
    try expect(
      "a file begins with the sentence that says what it is for", in: "Package.swift",
      catches: ["// swift-tools-version: 6.3\nimport PackageDescription"],
      passes: ["// swift-tools-version: 6.3\n// The floors of the house, top down."])
    let line = "let a = 1\n"
    try expect(
      "a file has at most 500 lines", in: "Sources/HTTP/A.swift", catches: [String(repeating: line, count: 501)],
      passes: [String(repeating: line, count: 500), String(repeating: line, count: 499) + "let b = 2"])
    try expect(
      "nothing is left marked for later", in: "README.md", catches: ["// TO" + "DO: later", "FIX" + "ME", "a XX" + "X b"],
      passes: ["a to-do list", "methodology", "mkdtemp(\"/tmp/aXXXXXX\")"])
    try expect("no file is a place holder", in: "Sources/HTTP/A.swift", catches: ["// Place holder.", ""], passes: ["let a = 1"])
  }

  @Test func `strangers at the top level`() throws {
    let rule = try #require(Rule.all.first { $0.sentence == "the top level holds what a reader expects and nothing else" })
    #expect(rule.check(House(files: [], top: ["Sources", "README.md", ".ci", "docs"])).isEmpty)
    #expect(rule.check(House(files: [], top: ["Sources", "Dockerfile"])).map(\.path) == ["Dockerfile"])
  }

  @Test func `citations of what is not there`() throws {
    let storage = HouseFile(
      path: "docs/storage.md", text: "# Storage\n## 2. Invariants\n* S1. One.\n* S12. Twelve.\n### 2.1 More\n")
    func violations(_ sentence: String, _ text: String) throws -> Int {
      let rule = try #require(Rule.all.first { $0.sentence == sentence })
      return rule.check(House(files: [storage, HouseFile(path: "Sources/Storage/A.swift", text: text)])).count
    }
    // Taken apart so that this file cites nothing itself.
    let docs = "docs" + "/"
    let sections = "every cited document and section exists"
    for text in [
      "// \(docs)storage.md §3", "// \(docs)nowhere.md", "// (\(docs)storage.md §2, §4)", "let a = \"\(docs)storage.md §2.2\"",
      "// \(docs)decisions/1.md.",
    ] {
      #expect(try violations(sections, text) == 1, "missed: \(text)")
    }
    for text in [
      "// \(docs)storage.md", "// \(docs)storage.md §2.", "// (\(docs)storage.md §2, §2.1)", "// \(docs)storage.md, errors",
      "// the docs",
    ] {
      #expect(try violations(sections, text) == 0, "blamed: \(text)")
    }
    let invariants = "every cited invariant exists"
    let (two, thirteen) = ("S" + "2", "S" + "13")
    for text in ["// Safe by \(two).", "/// (\(thirteen))", "let a = 1  // \(two), S1"] {
      #expect(try violations(invariants, text) == 1, "missed: \(text)")
    }
    for text in ["// Safe by S1, S12.", "let a = \"\(two)\"", "// SHA2, US2, S256x, S-\(two)"] {
      #expect(try violations(invariants, text) == 0, "blamed: \(text)")
    }
  }

  @Test func `links that lead nowhere`() throws {
    let rule = try #require(Rule.all.first { $0.sentence == "every relative link leads somewhere" })
    func broken(_ text: String) -> Int {
      rule.check(
        House(
          files: [HouseFile(path: "docs" + "/a.md", text: text), HouseFile(path: "docs" + "/b.md", text: "")],
          paths: ["README.md", "docs", "docs/decisions"])
      ).count
    }
    for text in ["[b](c.md)", "[b](../c.md)", "[b](../../README.md)", "[a](b.md) and [c](c.md#x)", "![image](x.png)"] {
      #expect(broken(text) == 1, "missed: \(text)")
    }
    for text in [
      "[b](b.md)", "[b](./b.md#part)", "[up](../README.md)", "[folder](decisions)", "[web](https://a.b/c)", "[here](#part)",
      "`[code](no.md)`", "```\n[a](no.md)\n```",
    ] {
      #expect(broken(text) == 0, "blamed: \(text)")
    }
  }

  @Test func `tokens without strings and comments`() {
    func code(_ source: String) -> [String] { SwiftTokens(source).code.map(\.text) }
    #expect(code("let a = \"x \\(b(\"y\")) z\" // c") == ["let", "a", "=", "\"\"", "b", "(", "\"\"", ")"])
    #expect(code("/* a /* b */ c */ d") == ["d"])
    #expect(code("#\"a \\(b) \" c\"# d") == ["\"\"", "d"])
    #expect(code("\"\"\"\n a \"b\" \\(c)\n\"\"\" d") == ["\"\"", "c", "d"])
    #expect(code("\"a\\\"b\" c") == ["\"\"", "c"])
    #expect(code("#if a\n`import` b") == ["#", "if", "a", "`import`", "b"])
    let lines = SwiftTokens("a\n\"\"\"\n\n\"\"\"\nb // c\n").code.map(\.line)
    #expect(lines == [1, 2, 5])
  }

  @Test func `a promise that nobody would notice`() throws {
    try expect(
      "who would notice a broken promise is there", in: "docs/security.md",
      catches: [
        "| 1 | it holds | `GoneTests` |", "| 2 | it holds | `gone-rig` |", "| 3 | a | `userd-fuzz gone` | b |",
        "| 4 | a | `Tests/gone.py x` |",
      ],
      passes: [
        "| promise | `GoneTests` | |", "| 5 | `x` holds | nobody | |", "prose about `GoneTests`",
        "| 6 | a | `swift build -c release` |",
      ])
  }
}
