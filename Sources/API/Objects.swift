// The objects of the public contract as JSON.

package import Auth
package import Codecs
import HTTP

extension Response {
  /// The user, or 304 if the client has this revision already.
  mutating func write(_ user: UserView, _ bytes: Span<UInt8>, unless request: borrowing Request) {
    let tag = EntityTag(revision: user.revision)
    tag.withSpan { header("ETag", $0) }
    caching = .revalidated
    if request.withHeader(.ifNoneMatch, { tag.isListed(in: $0) }) == true {
      status = .notModified
      return
    }
    json { json in json.value(user, bytes) }
  }

  /// The user as it is after a change.
  mutating func write(_ user: User) {
    EntityTag(revision: user.revision).withSpan { header("ETag", $0) }
    json { json in json.value(user) }
  }

  /// What a successful login or refresh hands out.
  mutating func write(_ authentication: Authentication) {
    subject = authentication.user.id.halves
    json { json in json.value(authentication) }
  }
}

extension UserID {
  /// What the access log has of it.
  var halves: (high: UInt64, low: UInt64) { (uuid.high, uuid.low) }
}

extension StoredAnswer {
  /// The answer to whoever made an account and is logged in to it.
  static func created(_ authentication: Authentication) -> StoredAnswer {
    StoredAnswer(.created) { json in json.value(authentication) }
  }
}

extension JSONWriter {
  mutating func value(_ authentication: Authentication) {
    beginObject()
    key("tokenType")
    string("Bearer")
    key("token")
    string(authentication.accessToken)
    key("expiresIn")
    integer(authentication.expiresIn)
    key("refreshToken")
    string(authentication.refreshToken)
    key("refreshExpiresIn")
    integer(authentication.refreshExpiresIn)
    key("session")
    value(authentication.session, isCurrent: true)
    key("user")
    value(authentication.user)
    endObject()
  }

  /// What a recovery made.
  package mutating func value(_ recovery: Recovery) {
    beginObject()
    key("user")
    value(recovery.user)
    key("resetCode")
    optional(recovery.resetCode)
    endObject()
  }

  package mutating func value(_ user: User) {
    user.withView { view, bytes in value(view, bytes) }
  }

  /// A User.
  package mutating func value(_ user: UserView, _ bytes: Span<UInt8>) {
    beginObject()
    key("id")
    uuid(user.id.uuid)
    key("email")
    string(bytes.extracting(user.email))
    key("emailVerified")
    boolean(user.isEmailVerified)
    key("name")
    string(bytes.extracting(user.name))
    key("role")
    string(bytes.extracting(user.role))
    key("status")
    string(user.status.text)
    key("metadata")
    stored(bytes.extracting(user.metadata))
    key("appMetadata")
    stored(bytes.extracting(user.appMetadata))
    key("mfa")
    beginObject()
    key("totp")
    boolean(user.hasSecondFactors)
    key("recoveryCodesLeft")
    integer(user.recoveryCodesLeft)
    endObject()
    key("mustChangePassword")
    boolean(user.mustChangePassword)
    key("createdAt")
    timestamp(milliseconds: user.createdAt)
    key("updatedAt")
    timestamp(milliseconds: user.updatedAt)
    key("lastLoginAt")
    optionalTimestamp(user.lastLoginAt)
    key("passwordChangedAt")
    optionalTimestamp(user.passwordChangedAt)
    key("revision")
    integer(Int64(user.revision))
    endObject()
  }

  /// An object that is kept as JSON; nothing stands for one without members.
  private mutating func stored(_ object: Span<UInt8>) {
    guard object.isEmpty else { return raw(object) }
    beginObject()
    endObject()
  }

  /// A Session.
  mutating func value(_ session: Session, isCurrent: Bool) {
    beginObject()
    key("id")
    uuid(session.id.uuid)
    key("createdAt")
    timestamp(milliseconds: session.createdAt)
    key("lastUsedAt")
    timestamp(milliseconds: session.lastUsedAt)
    key("expiresAt")
    timestamp(milliseconds: session.expiresAt)
    key("idleExpiresAt")
    timestamp(milliseconds: session.idleExpiresAt)
    key("ipPrefix")
    string(session.ipPrefix)
    key("userAgent")
    string(session.userAgent)
    key("deviceName")
    optional(session.deviceName)
    key("authenticatedAt")
    timestamp(milliseconds: session.authenticatedAt)
    key("methods")
    beginArray()
    for method in session.methods { string(method) }
    endArray()
    key("current")
    boolean(isCurrent)
    endObject()
  }

  mutating func optional(_ text: String?) {
    if let text { string(text) } else { null() }
  }

  mutating func optionalTimestamp(_ milliseconds: Int64?) {
    if let milliseconds { timestamp(milliseconds: milliseconds) } else { null() }
  }
}

extension User.Status {
  fileprivate var text: StaticString {
    switch self {
    case .active: "active"
    case .disabled: "disabled"
    case .deleted: "deleted"
    }
  }
}
