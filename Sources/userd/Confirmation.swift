// A question before something that cannot be taken back.

import Platform

extension Flag {
  /// The switch that answers the question before it is asked.
  static let yes = Flag.switch("yes", "do not ask whether it is meant")
}

extension Surroundings {
  /// Asks on a terminal; elsewhere `--yes` must have been said.
  ///
  /// - Parameter deed: what will happen, as a sentence without its stop.
  /// - Throws: exit code 64 if nobody can be asked or the answer is not yes.
  func confirm(_ deed: String, _ invocation: Invocation) throws(CommandError) {
    if invocation.switches.contains("yes") { return }
    let input = StandardStream.input
    guard input.isTerminal else {
      throw .missingFlag("yes", verb: invocation.verb.name, reason: "\(deed), and nobody is there to ask")
    }
    say("\(deed). Go on? [y/N]")
    var line: [UInt8] = []
    var byte: [UInt8] = [0]
    while line.count < 16 {
      var span = byte.mutableSpan
      let count: Int
      do throws(Errno) { count = try input.read(into: &span) } catch {
        throw .failed("cannot read the answer: \(error)", .inputOutput)
      }
      if count == 0 || byte[0] == UInt8(ascii: "\n") { break }
      line.append(byte[0])
    }
    let answer = String(decoding: line, as: UTF8.self).lowercased()
    guard answer == "y" || answer == "yes" else { throw .failed("nothing was done", .usage) }
  }
}
