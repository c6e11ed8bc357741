// A password from standard input: one line, never an argument, never shown.

import Platform

/// The most bytes that one line of standard input may have; 256 characters of four bytes fit four times.
private let maxPasswordByteCount = 4096

/// Reads one line of standard input without its newline. On a terminal it asks, and what is typed is not shown.
///
/// - Throws: exit code 64 if there is no line, if it is too long, or if it is no UTF-8; 74 if it cannot be read.
func readPassword(_ surroundings: Surroundings) throws(CommandError) -> String {
  let input = StandardStream.input
  guard input.isTerminal else { return try readLine(input) }
  surroundings.say("password (not shown):")
  let password = try input.withoutEcho { () throws(CommandError) in try readLine(input) }
  return password
}

private func readLine(_ input: StandardStream) throws(CommandError) -> String {
  var line: [UInt8] = []
  // One byte at a time, so that what follows the line stays for whoever reads next.
  var byte: [UInt8] = [0]
  while true {
    var span = byte.mutableSpan
    let count: Int
    do throws(Errno) { count = try input.read(into: &span) } catch {
      throw .failed("cannot read the password from standard input: \(error)", .inputOutput)
    }
    if count == 0, line.isEmpty { throw .failed("standard input holds no password", .usage) }
    if count == 0 || byte[0] == UInt8(ascii: "\n") { break }
    guard line.count < maxPasswordByteCount else {
      throw .failed("the password on standard input is over \(maxPasswordByteCount) bytes", .usage)
    }
    line.append(byte[0])
  }
  guard let password = String(validating: line, as: UTF8.self) else {
    throw .failed("the password on standard input is no UTF-8", .usage)
  }
  return password
}
