// Lets the owner's tools keep a checkpoint of the store that this process serves.

import API
import Auth
import Repositories
import Storage

extension Pins {
  init(of database: Database) {
    self.init(
      pin: { () throws(AuthError) in
        do throws(StorageError) {
          let pin = try database.pinCheckpoint()
          return (pin.id, pin.record)
        } catch {
          switch RepositoryError(error).kind {
          case .readOnly: throw .readOnly
          case .storageFull: throw .storageFull
          case .commitOutcomeUnknown: throw .commitOutcomeUnknown
          case .wouldBlock, .emailTaken, .failure: throw .storageFailed("\(error)")
          }
        }
      },
      renew: { database.renewPin($0) }, release: { database.unpinCheckpoint($0) })
  }
}
