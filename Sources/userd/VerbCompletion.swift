// `userd completion`: what shells ask when somebody presses Tab, answered from the tables of verbs and settings.

extension Verb {
  static let completion = Verb(
    words: ["completion"], summary: "a script that completes userd's words in bash, zsh or fish",
    details: [
      "  bash: userd completion bash > /etc/bash_completion.d/userd",
      "  zsh:  userd completion zsh > /usr/local/share/zsh/site-functions/_userd",
      "  fish: userd completion fish > /etc/fish/completions/userd.fish",
      "The scripts ask \"userd completion words WORD...\" for what may come next, so they are right for every version.",
    ], arguments: "bash|zsh|fish", flags: [], settings: []
  ) { invocation, surroundings throws(CommandError) in
    switch invocation.arguments.first {
    case "bash" where invocation.arguments.count == 1: try surroundings.answer(bashScript)
    case "zsh" where invocation.arguments.count == 1: try surroundings.answer(zshScript)
    case "fish" where invocation.arguments.count == 1: try surroundings.answer(fishScript)
    case "words": try surroundings.answer(completions(of: Array(invocation.arguments.dropFirst())))
    case let shell: throw .failed("\"completion\" knows bash, zsh and fish, not \"\(visible(shell ?? ""))\"", .usage)
    }
    return .success
  }
}

/// What may come in the place of the last of `words`, one a line, with a tab and its meaning behind it where there is one. A line of a
/// single slash stands for the names of files.
private func completions(of words: [String]) -> String {
  let begun = words.last ?? ""
  let before = Array(words.dropLast())
  var lines: [(word: String, meaning: String)] = []
  let verb = Verb.all.first { before.starts(with: $0.words) }
  if let verb {
    let rest = before.dropFirst(verb.words.count)
    let flags = verb.allFlags
    if let last = rest.last, last.hasPrefix("--"), !last.contains("=") {
      if let setting = verb.settings.first(where: { "--\($0.flag)" == last || "--\($0.shownFlag)" == last }) {
        lines = values(of: setting.form)
      } else if let flag = flags.first(where: { "--\($0.name)" == last }), flag.placeholder != nil {
        lines = flag.takesFile ? [("/", "")] : []
      } else {
        lines = next(after: verb, flags)
      }
    } else {
      lines = next(after: verb, flags)
    }
  } else if !before.contains(where: { $0.hasPrefix("-") }) {
    for other in Verb.all where other.words.starts(with: before) && other.words.count > before.count {
      let word = other.words[before.count]
      if lines.contains(where: { $0.word == word }) { continue }
      lines.append((word, other.words.count == before.count + 1 ? other.summary : ""))
    }
  }
  var text = ""
  for (word, meaning) in lines where word == "/" || word.hasPrefix(begun) {
    text += meaning.isEmpty ? "\(word)\n" : "\(word)\t\(meaning)\n"
  }
  return text
}

/// The flags of a verb, and what its arguments may be.
private func next(after verb: Verb, _ flags: [Flag]) -> [(word: String, meaning: String)] {
  var lines = flags.map { ("--\($0.name)", $0.meaning) } + verb.settings.map { ("--\($0.shownFlag)", $0.meaning) }
  lines.append(("--help", "what the verb does"))
  guard let arguments = verb.arguments else { return lines }
  if verb.words == ["completion"] { lines += arguments.split(separator: "|").map { (String($0), "") } }
  for name in ["FILE", "BACKUP", "DAMAGED"] where arguments.hasPrefix(name) { lines.append(("/", "")) }
  return lines
}

private func values(of form: ValueForm) -> [(word: String, meaning: String)] {
  switch form {
  case .boolean: [("true", ""), ("false", "")]
  case .choice(let names): names.split(separator: "|").map { (String($0), "") }
  case .path, .optionalPath: [("/", "")]
  case .number, .fraction, .size, .duration, .permissions, .text, .listenAddresses, .networks, .webOrigins, .localURL,
    .mailAddress, .linkTemplate, .schedule:
    []
  }
}

extension Flag {
  fileprivate var takesFile: Bool {
    guard let placeholder else { return false }
    return ["FILE", "DIR", "BACKUP"].contains { placeholder.hasPrefix($0) }
  }
}

private let bashScript = #"""
  # Completion of userd for bash.
  _userd() {
    local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS= read -r line; do
      if [ "$line" = / ]; then
        compopt -o filenames 2> /dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
      else
        COMPREPLY+=("${line%%$'\t'*}")
      fi
    done < <("${COMP_WORDS[0]}" completion words -- "${words[@]}" 2> /dev/null)
  }
  complete -F _userd userd

  """#

private let zshScript = #"""
  #compdef userd
  # Completion of userd for zsh.
  _userd() {
    local line tab=$'\t'
    local -a found
    for line in "${(@f)$("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2> /dev/null)}"; do
      if [[ $line == / ]]; then
        _files
      elif [[ -n $line ]]; then
        found+=("${${line%%$tab*}//:/\\:}${${line#${line%%$tab*}}/$tab/:}")
      fi
    done
    if (( $#found )); then _describe userd found; fi
  }
  if [[ $funcstack[1] == _userd ]]; then _userd "$@"; else compdef _userd userd; fi

  """#

private let fishScript = #"""
  # Completion of userd for fish.
  function __userd_words
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] completion words -- $words[2..-1] 2> /dev/null)
      if test "$line" = /
        __fish_complete_path (commandline -ct)
      else
        echo $line
      end
    end
  end
  complete -c userd -f -a '(__userd_words)'

  """#
