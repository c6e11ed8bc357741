// Sessions: how they begin, go on, end, and prove who is asking.

package import Platform

/// All verbs of a person's own sessions. Any thread may call it.
///
/// Verbs that write return the position to hold the answer to; after an error of such a verb the answer is held to `heldPosition`.
/// `register` and `login` hash a password, which takes some 15 ms of CPU: they belong on the hash pool. The others are for event loops.
package final class SessionService: Sendable {
  private init() {}

  /// The newest state that a refusal of a writing verb can depend on.
  package var heldPosition: LogPosition { fatalError("not yet") }

  /// Makes an account and its first session. Whether registration is open is judged before the form.
  ///
  /// - Throws: `.registrationClosed`, `.invalid`, `.emailExists`.
  package func register(
    _ form: RegistrationForm, from origin: SessionOrigin
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) { fatalError("not yet") }

  /// Begins a session. Costs exactly one password hash whether or not the address is known.
  ///
  /// - Throws: `.invalid`, `.invalidCredentials`, `.accountDisabled`.
  package func login(
    _ form: LoginForm, from origin: SessionOrigin
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) { fatalError("not yet") }

  /// Exchanges a refresh token for the next one (docs/http-api.md, refresh tokens).
  ///
  /// - Throws: `.invalid`, `.refreshInvalid`, `.refreshReused`, `.accountDisabled`.
  package func refresh(
    _ form: RefreshForm, idempotencyKey: IdempotencyKey?
  ) throws(AuthError) -> (value: Authentication, position: LogPosition) { fatalError("not yet") }

  /// Ends sessions by access token, refresh token or both. An access token that has expired may end only its own session; tokens that name
  /// nothing (any more) end nothing and are no error.
  ///
  /// - Parameter accessToken: the bearer token of the request, if any.
  /// - Throws: `.invalid`; `.invalidToken` for tokens of two users; `.tokenExpired` for an expired token and another scope than `current`.
  package func logout(
    _ form: LogoutForm, accessToken: Span<UInt8>?
  ) throws(AuthError) -> LogPosition { fatalError("not yet") }

  /// Who the bearer of an access token is, right now. Reads two records of the published snapshot and allocates nothing.
  ///
  /// - Throws: `.invalidToken`, `.tokenExpired`, `.sessionRevoked`, `.accountDisabled`.
  package func authenticate(_ accessToken: Span<UInt8>) throws(AuthError) -> Principal { fatalError("not yet") }
}
