// Files that a setting or a variable names: read whole, up to a limit.

import Platform

/// The bytes of a file.
///
/// - Parameter name: who named it, for the message.
/// - Throws: exit code 66 for a file that is missing, 77 for one that may not be read, 78 for one that is longer than `maxByteCount`.
func readNamedFile(_ path: String, _ name: String, maxByteCount: Int) throws(CommandError) -> [UInt8] {
  var bytes: [UInt8] = []
  var count = 0
  do throws(Errno) {
    let file = try File(path, .read)
    // One byte more than is told or allowed shows the end, or what is beyond it.
    bytes = [UInt8](repeating: 0, count: max(1, min(try file.status().byteCount, maxByteCount) + 1))
    while count <= maxByteCount {
      if count == bytes.count { bytes += [UInt8](repeating: 0, count: min(1 << 16, maxByteCount + 1 - count)) }
      var span = bytes.mutableSpan
      var rest = span._mutatingExtracting(count...)
      let got = try file.read(into: &rest, at: count)
      if got == 0 { break }
      count += got
    }
  } catch {
    let code: ExitCode = error.kind == .missing ? .missingInput : error.kind == .denied ? .permission : .inputOutput
    throw .failed("\(name): cannot read \(visible(path)): \(error)", code)
  }
  guard count <= maxByteCount else {
    throw .failed("\(name): \(visible(path)) has more than \(maxByteCount) bytes", .configuration)
  }
  bytes.removeLast(bytes.count - count)
  return bytes
}
