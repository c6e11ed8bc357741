// `userd admin stats`: figures of the store, or with --watch those of a running server, once a second.

import Codecs
import Platform

extension Verb {
  static let adminStats = Verb(
    words: ["admin", "stats"], summary: "figures of the store",
    details: [
      "Sizes, pages, checkpoints, the cache, and how far a compaction is. Without a server the store is opened for it.",
      """
      With --watch it shows what a running server does: rates, latencies, queues, cache, log and disk, anew each second, as a screen on a terminal and as a line
      elsewhere, until it is interrupted or the server ends.
      """,
    ],
    flags: [.switch("watch", "show what the server does, each second"), .json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    if invocation.switches.contains("watch") {
      if invocation.switches.contains("json") { throw .failed("--watch has no --json: ask for /metrics instead", .usage) }
      return try watch(configuration, surroundings)
    }
    let stats = try StoreAccess(configuration).stats()
    if invocation.switches.contains("json") {
      try surroundings.answer(String(decoding: stats, as: UTF8.self) + "\n")
      return .success
    }
    guard let root = StoreAccess.document(stats)?.root else { throw .failed("the figures are no JSON", .internalError) }
    var text = ""
    let parts: [StaticString] = ["store", "compaction", "scrub", "backup"]
    for part in parts {
      guard let values = root[part], !values.isNull else { continue }
      for member in values.members {
        if member.value.kind == .array {
          for problem in member.value.elements { text += "\(part).\(member.name) \(problem.string ?? "")\n" }
          continue
        }
        text += "\(part).\(member.name) \(member.value.string ?? member.value.integer.map { "\($0)" } ?? "")\n"
      }
    }
    try surroundings.answer(text)
    return .success
  }

  private static let screenBegin = "\u{1B}[?1049h\u{1B}[?25l", screenEnd = "\u{1B}[?25h\u{1B}[?1049l"

  /// - Throws: exit code 66 if no server runs, or none any more.
  private static func watch(_ configuration: Configuration, _ surroundings: Surroundings) throws(CommandError) -> ExitCode {
    let socket = AdminSocket(path: "\(configuration.dataPath)/admin.sock")
    let signals: SignalDescriptor
    do throws(Errno) { signals = try SignalDescriptor([.terminate, .interrupt]) } catch {
      throw .failed("cannot wait for signals: \(error)", .internalError)
    }
    let clock = SystemClock()
    let isScreen = surroundings.outputIsTerminal
    var before = try read(socket, configuration), began = clock.monotonicNanoseconds()
    if isScreen { try surroundings.answer(screenBegin) }
    do throws(CommandError) {
      while try !isInterrupted(signals) {
        let now = try read(socket, configuration), moment = clock.monotonicNanoseconds()
        let screen = StatsScreen(now: now, before: before, seconds: max(0.001, Double(moment - began) / 1e9))
        if isScreen {
          // Home, each line cleared behind its end, and everything below.
          let lines = screen.lines.map { $0 + "\u{1B}[K\r\n" }.joined()
          try surroundings.answer(
            "\u{1B}[H" + "userd on \(visible(configuration.dataPath))".prefix(79) + "\u{1B}[K\r\n\r\n" + lines + "\u{1B}[J")
        } else {
          try surroundings.answer(screen.line + "\n")
        }
        (before, began) = (now, moment)
      }
    } catch {
      if isScreen { try surroundings.answer(screenEnd) }
      throw error
    }
    if isScreen { try surroundings.answer(screenEnd) }
    return .success
  }

  /// Waits a second; true if somebody wants an end.
  private static func isInterrupted(_ signals: borrowing SignalDescriptor) throws(CommandError) -> Bool {
    do throws(Errno) { return try signals.next(milliseconds: 1000) != nil } catch {
      if error.kind == .retry { return false }
      throw .failed("cannot wait for signals: \(error)", .internalError)
    }
  }

  private static func read(_ socket: AdminSocket, _ configuration: Configuration) throws(CommandError) -> FigureReading {
    guard let answer = try socket.get("/metrics") else {
      throw .failed("no server runs on \(visible(configuration.dataPath))", .missingInput)
    }
    guard answer.status == 200 else { throw .failed("the server answers \(answer.status)", .temporary) }
    return FigureReading(String(decoding: answer.body, as: UTF8.self))
  }
}
