// A session as its owner sees it, and where a request came from.

/// One login of one person on one device. Times are milliseconds since 1970, UTC.
package struct Session: Sendable, Equatable {
  package let id: SessionID
  package let userID: UserID
  package let createdAt: Int64
  /// The last login, refresh or repeated refresh.
  package let lastUsedAt: Int64
  /// When it ends whatever happens.
  package let expiresAt: Int64
  /// When it ends unless it is refreshed before.
  package let idleExpiresAt: Int64
  package let ipPrefix: String
  package let userAgent: String
  package let deviceName: String?
  package let authenticatedAt: Int64
  /// How the person proved who they are, in the words of RFC 8176: `pwd`.
  package let methods: [String]
}

/// Where a login comes from, kept with its session.
package struct SessionOrigin: Sendable {
  /// The client's network, such as `203.0.113.0/24`; `local` for a Unix socket.
  package let ipPrefix: String
  /// The User-Agent header, cut to 256 bytes at a code point; empty without one.
  package let userAgent: String
  /// What counts as one client, an IPv4 address or an IPv6 /64; nil for a Unix socket that tells no address.
  let clientKey: UInt64?
  /// The IPv6 /48 around it; nil for others.
  let clientNetworkKey: UInt64?

  package static let maxIPPrefixByteCount = 64
  package static let maxUserAgentByteCount = 256

  package init(ipPrefix: String, userAgent: String, clientKey: UInt64? = nil, clientNetworkKey: UInt64? = nil) {
    self.clientKey = clientKey
    self.clientNetworkKey = clientNetworkKey
    self.ipPrefix = Self.cut(ipPrefix, to: Self.maxIPPrefixByteCount)
    self.userAgent = Self.cut(userAgent, to: Self.maxUserAgentByteCount)
  }

  private static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var kept = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in text.unicodeScalars {
      byteCount += UTF8.width(scalar)
      if byteCount > limit { break }
      kept.append(scalar)
    }
    return String(kept)
  }
}

/// What a successful register, login or refresh hands out.
package struct Authentication: Sendable {
  /// The access token: a JWT in compact form.
  package let accessToken: String
  /// Seconds until the access token expires.
  package let expiresIn: Int
  package let refreshToken: String
  /// Seconds until the refresh token is useless if nothing is refreshed.
  package let refreshExpiresIn: Int
  package let session: Session
  package let user: User
}
