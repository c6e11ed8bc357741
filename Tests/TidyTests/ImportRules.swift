// Which floor may import which: the table of docs/architecture.md §1, held against every import line and against the manifest.

/// What each target under Sources may import. `Swift` is there for docs/decisions/0003-unicode-normalisation.md.
let floors: [String: [String]] = [
  "Platform": ["Glibc", "Synchronization"],
  "Codecs": ["Synchronization"],
  "Instructions": ["Synchronization", "_Builtin_intrinsics"],
  "WideInstructions": ["Synchronization", "_Builtin_intrinsics"],
  "Crypto": ["Synchronization", "Platform", "Instructions", "WideInstructions"],
  "Storage": ["Synchronization", "Platform"],
  "HTTP": ["Synchronization", "Platform", "Codecs"],
  "Repositories": ["Synchronization", "Storage", "Codecs"],
  "Auth": ["Synchronization", "Swift", "Repositories", "Crypto", "Codecs", "Platform"],
  "API": ["Synchronization", "HTTP", "Auth", "Codecs"],
  "userd": ["Synchronization", "API", "Auth", "Repositories", "Storage", "HTTP", "Crypto", "Codecs", "Platform"],
]

private let foreign: Set<String> = [
  "Foundation", "FoundationEssentials", "FoundationNetworking", "FoundationInternationalization", "FoundationXML", "Dispatch",
  "Musl", "Darwin", "XCTest",
]

let importRules = [
  Rule("a floor imports only what stands below it", of: { $0.isUnder("Sources") }) { file in
    guard let allowed = floors[String(file.target)] else { return [(1, "\(file.target) is not in the table of floors")] }
    return imports(in: file).filter { !allowed.contains($0.text) }.map { ($0.line, "\(file.target) may not import \($0.text)") }
  },
  Rule("nothing imports Foundation, Dispatch or another C library", of: { $0.isSwift }) { file in
    imports(in: file).filter { foreign.contains($0.text) }.map { ($0.line, "nobody may import \($0.text)") }
  },
  Rule("only Platform and the tests import Glibc", of: { $0.isUnder("Benchmarks", "Fuzz") }) { file in
    imports(in: file).filter { $0.text == "Glibc" }.map { ($0.line, "Glibc is for Platform and tests") }
  },
  Rule("the manifest gives each floor what the table says") { house in
    guard let manifest = house.file("Package.swift") else { return [] }
    return manifest.lines.indices.compactMap { index in
      let words = manifest.lines[index].split(separator: "\"", omittingEmptySubsequences: false)
      guard words.count > 1, words[0].trimmed == "floor(" else { return nil }
      let name = String(words[1])
      let given = Set(stride(from: 3, to: words.count, by: 2).map { String(words[$0]) })
      let allowed = Set(floors[name] ?? []).subtracting(["Glibc", "Synchronization", "Swift", "_Builtin_intrinsics"])
      return given == allowed
        ? nil
        : Violation(path: manifest.path, line: index + 1, what: "\(name) depends on \(given.sorted()), not \(allowed.sorted())")
    }
  },
]

/// The modules that a file imports.
private func imports(in file: HouseFile) -> [SwiftToken] {
  let code = file.tokens.code
  let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
  return code.indices.compactMap { index in
    guard code[index].text == "import", index + 1 < code.count else { return nil }
    let named = kinds.contains(code[index + 1].text) ? index + 2 : index + 1
    return named < code.count ? code[named] : nil
  }
}

extension Substring {
  var trimmed: Substring {
    var rest = drop { $0 == " " }
    while rest.last == " " { rest.removeLast() }
    return rest
  }
}
