// The table of exit codes in the manual: each of them is produced, and no other is documented.

import Glibc
import Platform
import TestSupport
import Testing

@Suite struct ExitCodeTableTests {
  @Test func `every exit code of the manual is what the real executable ends with`() throws {
    let folder = TemporaryFolder("codes")
    let server = try RunningServer(data: "\(folder.path)/db")
    let freePort = ["--listen", "127.0.0.1:0", "--hash-memory=128K", "--hash-time=1"]
    try Directory.create("\(folder.path)/open")
    try setPermissions(of: "\(folder.path)/open", 0o777)
    try write("no backup", to: "\(folder.path)/backup.udb")
    try write("thredas = 1", to: "\(folder.path)/userd.toml")
    func code(_ arguments: [String], shell: String? = nil) throws -> Int32? {
      let program = try Program(arguments, shell: shell)
      let code = program.wait()
      if code != 0 { #expect(program.error.hasPrefix("userd: "), "\(arguments): \(program.error)") }
      return code
    }
    let produced: [Int32: Int32?] = [
      0: try code(["version"]),
      1: try code(["healthcheck", "--listen", "unix:\(folder.path)/nobody"]),
      64: try code(["srve"]),
      65: try code(["admin", "restore", "--verify", "\(folder.path)/backup.udb"]),
      66: try code(["config", "check", "--config", "\(folder.path)/none"]),
      69: try code(["serve", "--data", "\(folder.path)/other", "--listen", "127.0.0.1:\(server.port)"]),
      // A descriptor is announced, and there is none.
      70: try code(["serve", "--data", "\(folder.path)/other"] + freePort, shell: #"LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#),
      73: try code(["serve", "--data", "\(folder.path)/none/db"] + freePort),
      74: try code(["config", "check", "--config", folder.path]),
      75: try code(["serve", "--data", "\(folder.path)/db"] + freePort),
      77: try code(["serve", "--data", "\(folder.path)/open"] + freePort),
      78: try code(["serve", "--data", "\(folder.path)/other", "--config", "\(folder.path)/userd.toml"] + freePort),
    ]
    for (wanted, got) in produced { #expect(got == wanted) }
    #expect(server.stop() == 0)

    guard let here = unsafe realpath(#filePath, nil) else { throw Errno.last }
    defer { unsafe free(here) }
    let root = unsafe String(cString: here).split(separator: "/").dropLast(3).joined(separator: "/")
    let manual = text(of: "/\(root)/docs/operations.md")
    let section = try #require(manual.split(separator: "\n## ").first { $0.hasPrefix("4. Exit codes") })
    let documented = section.split(separator: "\n").compactMap { line in
      line.hasPrefix("| ") ? Int32(line.dropFirst(2).prefix { $0 != " " }) : nil
    }
    #expect(documented.sorted() == produced.keys.sorted())
  }
}
