// The command line of userd: one verb, then an exit code.

import Platform

/// Runs one command line to its exit code.
func run(_ arguments: [String], _ surroundings: Surroundings) throws(CommandError) -> ExitCode {
  switch try parseCommandLine(arguments) {
  case .run(let invocation): return try invocation.verb.run(invocation, surroundings)
  case .help(let words):
    try surroundings.answer(helpText(on: words))
    return .success
  }
}

let surroundings = Surroundings.current()
let exitCode: ExitCode
do throws(CommandError) {
  // Every verb may see a password or a key.
  do throws(Errno) { try refuseCoreDumps() } catch { throw .failed("cannot forbid core dumps: \(error)", .internalError) }
  exitCode = try run(Array(CommandLine.arguments.dropFirst()), surroundings)
} catch {
  surroundings.say("userd: \(error)")
  exitCode = error.exitCode
}
endProcess(exitCode.rawValue)
