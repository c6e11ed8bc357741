// Lets the owner's tools keep a checkpoint of the store that this process serves.

import API
import Auth
import Storage

extension Pins {
  init(of database: Database) {
    self.init(
      pin: { () throws(AuthError) in
        let pin = try serving { () throws(StorageError) in try database.pinCheckpoint() }
        return (pin.id, pin.record)
      },
      renew: { database.renewPin($0) }, release: { database.unpinCheckpoint($0) })
  }
}
