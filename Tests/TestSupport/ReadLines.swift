// Lines of a file, for tests.

import Glibc

/// All lines of a file, without their newlines; a file that cannot be read stops the tests.
package func readLines(_ path: String) -> [String] {
  guard let file = unsafe fopen(path, "r") else { fatalError("cannot open \(path)") }
  defer { unsafe fclose(file) }
  var contents: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = unsafe fread(&chunk, 1, chunk.count, file)
    if count == 0 { break }
    contents += chunk[0..<count]
  }
  return contents.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
}
