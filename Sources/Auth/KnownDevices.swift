// Who may still log in to an account that somebody guesses at: networks and devices that its owner used before. docs/security.md §5.

import Codecs
import Crypto
import Repositories

/// The networks of each account's logins. Any thread may use it.
struct KnownDevices: Sendable {
  private let store: Store
  private let networks: HMACSHA256
  private let refreshTags: HMACSHA256

  /// How long a network is known after the last login from there.
  private static let lifetime: Int64 = 90 * 86_400_000
  /// A login from a network that was noted within this time is not noted again.
  private static let precision: Int64 = 86_400_000

  init(_ store: Store, _ keys: KeyRing) {
    self.store = store
    networks = keys.knownDevices
    refreshTags = keys.refreshTags
  }

  /// Whether a login to this account comes from where its owner was before, or brings a refresh token of one of its sessions, which may be a
  /// used or an expired one. Asks the same of the store for a user who does not exist.
  func isKnown(
    _ user: UUID?, from origin: SessionOrigin, token: RefreshToken?, at now: Int64, in transaction: inout Writing
  ) throws(RepositoryError) -> Bool {
    let id = user ?? UUID(high: 0, low: 0)
    var isKnown = false
    if let token, token.storeEpoch == store.identity.epoch,
      let session = try store.sessions.find(token.sessionID, in: &transaction), session.userID == id,
      token.isAuthentic(for: session, key: refreshTags)
    {
      isKnown = true
    }
    if let network = tag(of: origin, for: id),
      let last = try store.knownDevices.lastLogin(of: id, from: network, in: &transaction),
      now - last < Self.lifetime
    {
      isKnown = true
    }
    return isKnown && user != nil
  }

  /// After a login.
  func note(_ user: UUID, from origin: SessionOrigin, at now: Int64, in transaction: inout Writing) throws(RepositoryError) {
    guard let network = tag(of: origin, for: user) else { return }
    let last = try store.knownDevices.lastLogin(of: user, from: network, in: &transaction)
    if let last, (0..<Self.precision).contains(now - last) { return }
    try store.knownDevices.note(user, from: network, at: now, in: &transaction)
  }

  /// Nil for clients without an address: they would all be known to everyone.
  private func tag(of origin: SessionOrigin, for user: UUID) -> UUID? {
    guard origin.clientKey != nil else { return nil }
    let digest = networks.authenticate { hash in
      hash.update(user.bytes.span)
      hash.update(origin.ipPrefix.utf8.span)
    }
    return UUID(bytes: digest.bytes.span.extracting(0..<16))
  }
}
