// What every file owes the reader, and what lies at the top of the repository.

let maxLineCount = 500

let fileRules = [
  Rule("a file begins with the sentence that says what it is for", of: { $0.isSwift }) { file in
    let line = file.path == "Package.swift" ? 2 : 1
    let first = file.lines.count >= line ? file.lines[line - 1] : ""
    let isSentence = first.hasPrefix("// ") && first.utf8.count >= 20 && [".", "?"].contains(first.last)
    return isSentence ? [] : [(line, "no sentence of purpose")]
  },
  Rule("a file has at most \(maxLineCount) lines", of: { $0.isSwift || $0.path.hasSuffix(".sh") || $0.path.hasSuffix(".py") }) {
    file in
    let count = file.lines.count - (file.lines.last == "" ? 1 : 0)
    return count > maxLineCount ? [(count, "\(count) lines; the limit is \(maxLineCount)")] : []
  },
  Rule("nothing is left marked for later", of: { _ in true }) { file in
    file.lines.indices.flatMap { index in
      file.lines[index].split { !($0.isLetter || $0.isNumber) }.filter { markers.contains(String($0)) }.map {
        (index + 1, "a marker: \($0)")
      }
    }
  },
  Rule("the top level holds what a reader expects and nothing else") { house in
    let allowed: Set<String> = ["Package.swift", "Sources", "Tests", "Benchmarks", "Fuzz", "docs", "README.md"]
    return house.top.filter { !$0.hasPrefix(".") && !allowed.contains($0) }.map {
      Violation(path: $0, line: 1, what: "does not belong at the top")
    }
  },
  Rule("no file is a place holder", of: { $0.isSwift }) { file in
    file.path.hasSuffix("/Placeholder.swift") || file.tokens.code.isEmpty ? [(1, "a file without code")] : []
  },
]

// Put together here so that this file does not break its own rule.
private let markers: Set<String> = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
