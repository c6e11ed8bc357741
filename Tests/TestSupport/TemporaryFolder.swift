// A folder of its own for each test, gone with the value that made it.

import Platform

/// An empty folder below `TMPDIR` (else `/tmp`), removed with everything in it when the last reference goes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init(_ purpose: String = "test") {
    let parent = environmentVariables().first { $0.name == "TMPDIR" }?.value ?? "/tmp"
    let digits = RandomSource.system.bytes(8).map { String($0, radix: 16) }.joined()
    path = "\(parent)/userd-\(purpose)-\(digits)"
    do throws(Errno) { try Directory.create(path) } catch { fatalError("cannot make \(path): \(error)") }
  }

  deinit { Self.remove(path) }

  /// What is left after a failure is a nuisance, not a failed test.
  private static func remove(_ path: String) {
    for name in (try? Directory.names(in: path)) ?? [] {
      let child = path + "/" + name
      if (try? FileStatus(path: child))?.kind == .directory { remove(child) } else { try? Directory.remove(child) }
    }
    try? Directory.removeEmpty(path)
  }
}
