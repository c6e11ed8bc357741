// The folder that holds everything: made, checked, and where things are in it.

import Platform

/// A data folder that belongs to this user and to nobody else.
struct DataFolder: Sendable {
  let path: String

  /// Speaks HTTP to whoever owns the folder while a server runs on it.
  var adminSocketPath: String { "\(path)/admin.sock" }

  /// Makes the folder if only it is missing, and checks that nobody else can change what is in it.
  ///
  /// - Throws: exit code 73 if it cannot be made; 77 if it belongs to another user, others may write to it, or this user may not.
  init(preparing path: String) throws(CommandError) {
    self.path = path
    let status: FileStatus
    do throws(Errno) {
      status = try Self.status(orMake: path)
    } catch {
      let code: ExitCode =
        switch error.kind {
        case .denied where error != .readOnlyFileSystem: .permission
        case .denied, .missing, .noSpace: .cannotCreate
        case .retry, .wouldBlock, .peerGone, .exhausted, .failure: .inputOutput
        }
      let reason = error.kind == .missing ? "its parent folder does not exist" : error.description
      throw .failed("cannot make the data folder \(visible(path)): \(reason)", code)
    }
    guard status.kind == .directory else {
      throw .failed("the data folder \(visible(path)) is no folder", .cannotCreate)
    }
    guard status.owner == effectiveUserID() else {
      throw .failed(
        "the data folder \(visible(path)) belongs to user \(status.owner), and this is user \(effectiveUserID())", .permission)
    }
    guard status.permissions & 0o022 == 0 else {
      let mode = String(status.permissions, radix: 8)
      throw .failed("others may write to the data folder \(visible(path)) (mode \(mode)); \"chmod 700\" it first", .permission)
    }
  }

  private static func status(orMake path: String) throws(Errno) -> FileStatus {
    do throws(Errno) {
      return try FileStatus(path: path)
    } catch {
      guard error == .notFound else { throw error }
      try Directory.create(path)
      return try FileStatus(path: path)
    }
  }
}
