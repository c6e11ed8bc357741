// Who the bearer of an API key is.

import Codecs
import Crypto
import Repositories

extension SessionService {
  /// The power of an API key: what both it and its creator may do now. Allocates nothing.
  ///
  /// The hash comes first, so a key that is not there costs what one with another secret does. Unknown keys, wrong secrets and keys of accounts
  /// that are out of use are one refusal.
  /// - Throws: `.invalidToken`, `.tokenExpired`.
  func authenticate(key bearer: Span<UInt8>, at now: Int64) throws(AuthError) -> Principal {
    guard let (secret, key, creator, permissions) = try found(key: bearer) else { throw .invalidToken }
    guard key.expiresAt == 0 || now < key.expiresAt else { throw .tokenExpired }
    keyUses.note(secret.id, at: now, last: key.lastUsedAt)
    let whole = PermissionSet(permissions)
    let power = whole.intersection(PermissionSet(key.permissions))
    return Principal(
      userID: UserID(key.creator), .key(APIKeyID(secret.id)), permissions: power,
      // A key that lacks anything of the role must not be taken for it by whoever asks for the role alone.
      role: power == whole ? HeldRole(creator.role) : nil, authenticatedAt: 0, recentUntil: 0,
      restriction: restriction(of: creator))
  }

  /// The row of a key with the right secret whose creator is active, expired or not.
  func found(
    key bearer: Span<UInt8>
  ) throws(AuthError) -> (secret: APIKeySecret, key: APIKeyGlimpse, creator: UserGlimpse, permissions: PermissionBits)? {
    guard let secret = APIKeySecret(bearer) else { return nil }
    let digest = secret.digest
    let found: (key: APIKeyGlimpse, creator: UserGlimpse, permissions: PermissionBits)?
    do throws(RepositoryError) { found = try store.glimpse(apiKey: secret.id) } catch { throw AuthError(error) }
    guard let (key, creator, permissions) = found, constantTimeEquals(key.digest.span, digest.span), creator.status == .active
    else { return nil }
    return (secret, key, creator, permissions)
  }
}
