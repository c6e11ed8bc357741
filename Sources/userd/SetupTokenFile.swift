// The file <data>/setup-token: how the owner of the files learns the token that makes the first administrator.

import Auth
import Platform

/// A file with one token and a newline, mode 0600, there while there is no administrator.
struct SetupTokenFile: Sendable {
  let path: String
  private let folder: String

  init(in folder: DataFolder) {
    self.folder = folder.path
    path = folder.path + "/setup-token"
  }

  private var temporaryPath: String { path + ".tmp" }

  /// Puts a token in the place of the one before: as a whole or not at all, whenever the power goes.
  func write(_ token: SetupToken) throws(Errno) {
    try removeIfThere(temporaryPath)
    try token.withText { (text) throws(Errno) in
      let file = try File(temporaryPath, .createNew)
      var line = text.indices.map { text[$0] }
      line.append(UInt8(ascii: "\n"))
      var count = 0
      while count < line.count {
        let written = try file.write(line.span.extracting(count...), at: count)
        guard written > 0 else { throw .noSpace }
        count += written
      }
      try file.sync()
    }
    try Directory.rename(temporaryPath, to: path)
    try Directory.sync(folder)
  }

  /// Removes the file; one that is gone already is no error.
  func remove() throws(Errno) {
    try removeIfThere(temporaryPath)
    try removeIfThere(path)
  }

  private func removeIfThere(_ path: String) throws(Errno) {
    do throws(Errno) { try Directory.remove(path) } catch {
      if error != .notFound { throw error }
    }
  }
}
