// What a run finds around it: arguments and environment in, words out.

import Platform

/// The world as the command line sees it, read once at the start.
struct Surroundings: Sendable {
  let environment: [(name: String, value: String)]
  let processorCount: Int
  let outputIsTerminal: Bool

  static func current() -> Surroundings {
    Surroundings(
      environment: environmentVariables(), processorCount: availableProcessorCount(),
      outputIsTerminal: StandardStream.output.isTerminal)
  }

  /// Flags over environment over file over defaults.
  func configuration(for invocation: Invocation) throws(CommandError) -> Configuration {
    var configuration = Configuration(processorCount: processorCount, isTerminal: outputIsTerminal)
    try configuration.apply(flags: invocation.settings, environment: environment, file: invocation.values[Flag.config.name])
    return configuration
  }

  /// Writes the answer of a verb to standard output.
  func answer(_ text: String) throws(CommandError) {
    do throws(Errno) {
      try StandardStream.output.write(Array(text.utf8).span)
    } catch { throw .failed("cannot write the answer: \(error)", .inputOutput) }
  }

  /// Writes a line for the person at the keyboard to standard error.
  func say(_ line: String) {
    // Nobody is left to tell that standard error is gone.
    do throws(Errno) { try StandardStream.error.write(Array("\(line)\n".utf8).span) } catch { return }
  }
}
