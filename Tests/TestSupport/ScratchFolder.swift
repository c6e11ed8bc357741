// A folder on the real disk that is gone after the test.

package import Platform

/// A new empty folder under the temporary folder, removed with everything in it when its owner goes.
package final class ScratchFolder: Sendable {
  package let path: String

  package init() throws(Errno) {
    path = "/tmp/userd-test-\(currentProcessID())-\(UInt64.random(in: 0...UInt64.max))"
    try Directory.create(path)
  }

  deinit { Self.remove(path) }

  private static func remove(_ folder: String) {
    for name in (try? Directory.names(in: folder)) ?? [] {
      let path = folder + "/" + name
      if (try? FileStatus(path: path))?.kind == .directory { remove(path) } else { try? Directory.remove(path) }
    }
    try? Directory.removeEmpty(folder)
  }
}
