// What a row of the routing table promises beside its own words: the errors that follow from it, and its text in the documents.

import Auth
import Codecs
import HTTP

extension Endpoint {
  /// Who may call, in the words of docs/http-api.md §4.
  var who: String {
    switch access {
    case .anyone, .uncounted: "anyone"
    case .holder(let what, _): "\(what)"
    case .eitherToken: "access or refresh token"
    case .bearer, .bearerEvenIfRestricted: "access token"
    case .credential: "access token or API key"
    case .recentLogin: "access token, recent login"
    case .permission(let permission, _): "`\(permission.rawValue)`"
    case .owner: "the admin socket"
    case .observer: "the metrics listener, the admin socket"
    }
  }

  /// What is answered if all goes well, in the words of docs/http-api.md §4.
  var promise: String {
    var text = "\(success.status.code)"
    if let schema = success.schema { text += " \(schema.name)" }
    for name in words(success.headers) where name == "Location" { text += " + `Location`" }
    return text
  }

  /// Whether the caller shows a token of their own.
  var wantsToken: Bool {
    switch access {
    case .bearer, .bearerEvenIfRestricted, .credential, .recentLogin, .permission: true
    case .anyone, .uncounted, .observer, .holder, .eitherToken, .owner: false
    }
  }

  /// Every problem that the endpoint can be answered with, in the order of the catalogue.
  package var problemKinds: [ProblemKind] {
    var names = Set(
      words(
        """
        malformed_request request_timeout body_too_large uri_too_long expectation_failed headers_too_large internal overloaded \
        draining timeout
        """))
    switch access {
    case .uncounted: break
    case .observer: names.insert("not_found")
    case .anyone, .holder: names.insert("rate_limited")
    case .eitherToken: add("missing_token invalid_token token_expired session_revoked refresh_invalid")
    case .bearerEvenIfRestricted: add(Self.tokenProblems, "forbidden")
    case .bearer: add(Self.tokenProblems, Self.restrictions, "forbidden")
    case .recentLogin: add(Self.tokenProblems, Self.restrictions, "reauth_required forbidden")
    case .credential, .permission: add(Self.tokenProblems, Self.restrictions, "forbidden")
    case .owner: add(Self.tokenProblems, Self.restrictions, "forbidden not_found")
    }
    switch body {
    case .none: break
    case .json, .large, .optional, .mergePatch, .jsonOrForm: add("malformed_json unsupported_media_type validation_failed")
    }
    if method != .get { add("read_only commit_outcome_unknown storage_full") }
    for parameter in parameters { add(parameter.problems) }
    add(problems)
    func add(_ more: StaticString...) { for text in more { names.formUnion(words(text)) } }
    return ProblemKind.all.filter { names.contains("\($0.code)") }
  }

  private static let tokenProblems: StaticString =
    "missing_token invalid_token token_expired session_revoked rate_limited commit_outcome_unknown"
  private static let restrictions: StaticString = "password_change_required email_not_verified"

  /// The part of the documents that it belongs to.
  var tag: StaticString {
    let path = "\(pattern)"
    if path.hasPrefix("/api/auth/") { return "account" }
    if path.hasPrefix("/api/v1/users") { return "users" }
    if path.hasPrefix("/api/v1/") { return "administration" }
    return "server"
  }
}

/// The words of a text with single spaces between them.
func words(_ text: StaticString) -> [String] { "\(text)".split(separator: " ").map(String.init) }
