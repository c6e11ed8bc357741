// Where a login comes from, in the terms that a session keeps.

import Auth
import HTTP

extension Request {
  var origin: SessionOrigin {
    SessionOrigin(
      ipPrefix: clientNetwork, userAgent: header(.userAgent) ?? "", clientKey: clientKey, clientNetworkKey: clientNetworkKey)
  }
}
