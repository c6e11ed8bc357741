// What the server says to an access token, in the words of the attack set.

import Auth
import TestSupport

extension TokenAttack.Verdict {
  /// nil for a refusal that no token should meet.
  init?(of token: [UInt8], by sessions: SessionService) {
    do throws(AuthError) {
      _ = try sessions.authenticate(token.span)
      self = .accepted
    } catch {
      switch error {
      case .invalidToken: self = .invalid
      case .tokenExpired: self = .expired
      case .sessionRevoked: self = .revoked
      default: return nil
      }
    }
  }
}
