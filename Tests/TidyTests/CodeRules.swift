// What may not stand in Swift code.

let codeRules = [
  Rule("nothing is public but an import", of: { $0.isSwift }) { file in
    pairs(file).compactMap { token, next in
      if token.text == "public" && next.text != "import" { return (token.line, "public: `package` is a floor's interface") }
      let declares = ["class", "func", "var", "subscript", "override"].contains(next.text) && next.line == token.line
      return token.text == "open" && declares ? (token.line, "open: nothing is subclassed across floors") : nil
    }
  },
  Rule("no error is swallowed by an empty catch", of: { $0.isSwift }) { file in
    let code = file.tokens.code
    return code.indices.compactMap { index in
      guard code[index].text == "catch", let opening = code[index...].firstIndex(where: { $0.text == "{" }),
        opening + 1 < code.count
      else { return nil }
      return code[opening + 1].text == "}" ? (code[index].line, "an empty catch") : nil
    }
  },
  Rule("no error becomes nil by try? in the product", of: { $0.isUnder("Sources", "Benchmarks", "Fuzz") }) { file in
    pairs(file).filter { $0.token.text == "try" && $0.next.text == "?" && $0.next.isGlued }.map {
      ($0.token.line, "try? drops an error")
    }
  },
  Rule("no error becomes a crash by try!", of: { $0.isSwift }) { file in
    pairs(file).filter { $0.token.text == "try" && $0.next.text == "!" && $0.next.isGlued }.map {
      ($0.token.line, "try! says nothing when it stops")
    }
  },
  Rule("nobody asks for a character's name or age, which is not linked", of: { $0.isUnder("Sources", "Benchmarks") }) { file in
    let code = file.tokens.code
    return code.indices.dropLast(2).compactMap { index in
      guard code[index].text == "properties", code[index + 1].text == ".",
        ["name", "nameAlias", "age"].contains(code[index + 2].text)
      else { return nil }
      return (code[index].line, "properties.\(code[index + 2].text) ends the process (docs/decisions/0013)")
    }
  },
  Rule("there are no global variables", of: { $0.isUnder("Sources", "Benchmarks", "Fuzz") }) { file in
    globals(file)
  },
  Rule("no type is named by a word that says nothing", of: { $0.isSwift }) { file in
    let keywords: Set<String> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    return pairs(file).compactMap { token, name in
      guard keywords.contains(token.text), let word = words(of: name.text).first(where: { emptyWords.contains($0) }) else {
        return nil
      }
      return (token.line, "\(name.text): \(word) says nothing")
    }
  },
]

private let emptyWords: Set<String> = [
  "Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Common", "Base", "Impl", "Info",
]

/// Each token with the one after it.
private func pairs(_ file: HouseFile) -> [(token: SwiftToken, next: SwiftToken)] {
  Array(zip(file.tokens.code, file.tokens.code.dropFirst()))
}

/// Stored variables outside of functions and values: at depth zero, or `static`; and constants there that hide from isolation.
private func globals(_ file: HouseFile) -> [(line: Int, what: String)] {
  let code = file.tokens.code
  var found: [(line: Int, what: String)] = []
  var depth = 0
  for index in code.indices {
    let token = code[index]
    if token.text == "{" { depth += 1 }
    if token.text == "}" { depth -= 1 }
    guard token.text == "var" || token.text == "let" else { continue }
    let modifiers = code[..<index].suffix(6).filter { $0.line == token.line }.map(\.text)
    guard depth == 0 || modifiers.contains("static") else { continue }
    // A computed one comes to its brace before anything else begins: `var x: Int {`, never with an equals sign.
    let after = code[(index + 1)...].first {
      ["{", "=", "var", "let", "func", "static", "struct", "extension"].contains($0.text)
    }
    if token.text == "var", after?.text != "{" { found.append((token.line, "a global variable")) }
    if modifiers.contains("nonisolated"), modifiers.contains("unsafe") {
      found.append((token.line, "nonisolated(unsafe) hides a race"))
    }
  }
  return found
}

/// The words of a name in camel case: `JSONBase64Reader` is `JSON`, `Base64`, `Reader`; digits belong to the word before them.
func words(of name: String) -> [String] {
  let characters = Array(name)
  var words: [String] = []
  for index in characters.indices {
    let isUpper = characters[index].isUppercase
    let afterLower = index > 0 && !characters[index - 1].isUppercase
    let beforeLower = index + 1 < characters.count && characters[index + 1].isLowercase
    if index == 0 || (isUpper && (afterLower || beforeLower)) { words.append("") }
    words[words.count - 1].append(characters[index])
  }
  return words
}
