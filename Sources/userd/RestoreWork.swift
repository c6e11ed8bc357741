// What a restore does beside the pages: the key of second factors, and the end of API keys.

import Auth
import Crypto
import Platform
import Repositories
import Storage

/// The changes of one restore, and what came of them. Used by one thread.
final class RestoreWork {
  private let path: String
  private let endsKeys: Bool
  /// API keys that were ended.
  private(set) var endedKeys = 0
  private var failure: CommandError?

  init(_ path: String, endsKeys: Bool) {
    self.path = path
    self.endsKeys = endsKeys
  }

  /// All of them happen before there is a store, so one that is there has them.
  func changes(_ set: BackupSet) -> RestoreChanges {
    var changes = RestoreChanges()
    if var key = set.companion {
      let secret = SecretBytes(moving: &key)
      changes.folder = { [self] () throws(StorageError) in try install(secret) }
    }
    if endsKeys {
      changes.contents = { [self] database throws(StorageError) in endedKeys = try APIKeyRepository.endAll(in: database) }
    }
    return changes
  }

  private func install(_ key: SecretBytes) throws(StorageError) {
    do throws(KeyError) { try KeyFolder(dataPath: path, random: .system).install(sealingKey: key) } catch {
      failure = .opening(error)
      throw .closed
    }
  }

  /// Runs a restore and tells what went wrong in the words of the command line.
  func run<Value>(_ restore: () throws(StorageError) -> Value) throws(CommandError) -> Value {
    do throws(StorageError) { return try restore() } catch { throw failure ?? .opening(error) }
  }
}
