// What code and documents say about each other: cited sections, cited invariants, links.

let documentRules = [
  Rule("every cited document and section exists") { house in
    house.files.flatMap { file in
      file.lines.indices.flatMap { index in
        citations(in: String(file.lines[index])).compactMap { citation in
          guard house.paths.contains(citation.document) else {
            return Violation(path: file.path, line: index + 1, what: "there is no \(citation.document)")
          }
          guard let section = citation.section, let document = house.file(citation.document) else { return nil }
          return sections(of: document).contains(section)
            ? nil : Violation(path: file.path, line: index + 1, what: "\(citation.document) has no section \(section)")
        }
      }
    }
  },
  Rule("every cited invariant exists") { house in
    let stated = Set(
      (house.file("docs/storage.md")?.lines ?? []).compactMap { line -> String? in
        let words = line.split(separator: " ")
        return words.count > 1 && words[0] == "*" && words[1].last == "." ? String(words[1].dropLast()) : nil
      })
    return house.files.filter { $0.isSwift }.flatMap { file in
      file.tokens.comments.flatMap { comment in
        invariants(in: comment.text).filter { !stated.contains($0) }.map {
          Violation(path: file.path, line: comment.line, what: "docs/storage.md states no \($0)")
        }
      }
    }
  },
  Rule("every relative link leads somewhere") { house in
    house.files.filter { $0.path.hasSuffix(".md") }.flatMap { file in
      links(in: file).compactMap { link in
        let target = resolve(link.target, from: file.path)
        return target.map { house.paths.contains($0) } ?? false
          ? nil : Violation(path: file.path, line: link.line, what: "the link \(link.target) leads nowhere")
      }
    }
  },
  Rule("who would notice a broken promise is there") { house in
    ["docs/testing.md", "docs/security.md"].compactMap(house.file).flatMap { file in
      file.lines.indices.filter { isPromise(file.lines[$0]) }.flatMap { index in
        witnesses(in: file.lines[index]).filter { !isThere($0, in: house) }.map {
          Violation(path: file.path, line: index + 1, what: "there is no test, script or fuzzer \($0)")
        }
      }
    }
  },
]

/// A row of a table of numbered promises.
private func isPromise(_ line: Substring) -> Bool {
  let cells = line.split(separator: "|", omittingEmptySubsequences: false).map(\.trimmed)
  return cells.count >= 5 && cells[0].isEmpty && Int(cells[1]) != nil
}

/// The names of tests, scripts and fuzzers in the code of a row, behind its number and the promise; of a command those that stand in it.
private func witnesses(in line: Substring) -> [String] {
  let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst(3).joined(separator: "|")
  let code = cells.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map(
    \.element)
  return code.flatMap { span -> [String] in
    let words = span.split(separator: " ").map(String.init)
    if words.count == 1 { return words }
    return words.indices.filter { index in
      let word = words[index], before = index > 0 ? words[index - 1] : ""
      let isFuzzer =
        before.hasSuffix("userd-fuzz") && word != "run"
        || before == "run" && index > 1 && words[index - 2].hasSuffix("userd-fuzz")
      return isFuzzer || before == "--filter" || ["Tests/", "Benchmarks/", "Fuzz/"].contains { word.hasPrefix($0) }
    }.map { words[$0] }
  }
}

private func isThere(_ witness: String, in house: House) -> Bool {
  let name = String(witness.prefix { $0 != "." || witness.contains("/") })
  return house.paths.contains(witness) || house.paths.contains("Tests/\(name)") || house.paths.contains("Fuzz/\(name)")
    || house.files.contains { file in
      file.path.hasSuffix("/\(name).swift")
        || file.isSwift && file.isUnder("Tests", "Fuzz")
          && (file.text.contains("struct \(name) ") || file.text.contains("name: \"\(name)\""))
    }
}

private struct Citation {
  let document: String
  let section: String?
}

/// Every document of docs that a line names; each `§n` that follows it directly, also after a comma, is a citation of its own.
private func citations(in line: String) -> [Citation] {
  line.split(separator: "docs/", omittingEmptySubsequences: false).dropFirst().flatMap { rest -> [Citation] in
    let name = rest.prefix { $0.isLetter || $0.isNumber || "-_/.".contains($0) }
    guard let end = name.ranges(of: ".md").first?.upperBound else { return [] }
    let document = "docs/" + rest[..<end]
    var numbers: [String] = []
    var after = rest[end...]
    while after.hasPrefix(" §") || after.hasPrefix(", §") {
      after = after.drop { $0 != "§" }.dropFirst()
      let number = after.prefix { $0.isNumber || $0 == "." }
      after = after[number.endIndex...]
      numbers.append(String(number.last == "." ? number.dropLast() : number))
    }
    return numbers.isEmpty
      ? [Citation(document: document, section: nil)] : numbers.map { Citation(document: document, section: $0) }
  }
}

/// The numbers of the headings of a document, `## 3. Commit` or `### 3.1 Order`.
private func sections(of document: HouseFile) -> Set<String> {
  Set(
    document.lines.compactMap { line in
      guard line.hasPrefix("#") else { return nil }
      let number = line.drop { $0 == "#" }.trimmed.prefix { $0.isNumber || $0 == "." }
      return number.isEmpty ? nil : String(number.last == "." ? number.dropLast() : number)
    })
}

/// The words of a comment that are an S and one or two digits.
private func invariants(in comment: String) -> [String] {
  comment.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }.map(String.init).filter { word in
    (2...3).contains(word.count) && word.first == "S" && word.dropFirst().allSatisfy(\.isNumber)
  }
}

/// The targets of `[text](target)` outside of code that point into the repository.
private func links(in file: HouseFile) -> [(target: String, line: Int)] {
  var found: [(target: String, line: Int)] = []
  var inCode = false
  for index in file.lines.indices {
    if file.lines[index].trimmed.hasPrefix("```") { inCode.toggle() }
    if inCode { continue }
    let prose = file.lines[index].split(separator: "`", omittingEmptySubsequences: false).enumerated().filter {
      $0.offset % 2 == 0
    }.map(\.element)
    for part in prose.joined(separator: "").split(separator: "](", omittingEmptySubsequences: false).dropFirst() {
      let target = part.prefix { $0 != ")" && $0 != " " }
      if !target.contains(":") && !target.hasPrefix("#") { found.append((String(target), index + 1)) }
    }
  }
  return found
}

/// The path that a link in `file` points at, or nil if it leaves the repository.
private func resolve(_ link: String, from file: String) -> String? {
  var parts = file.split(separator: "/").dropLast().map(String.init)
  for part in link.prefix(while: { $0 != "#" }).split(separator: "/") {
    if part == ".." {
      guard parts.popLast() != nil else { return nil }
    } else if part != "." {
      parts.append(String(part))
    }
  }
  return parts.joined(separator: "/")
}
