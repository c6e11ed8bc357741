// A refused account in the words of the command line: from the service itself, or from the server that was asked.

import Auth
import Codecs

extension CommandError {
  /// A refusal of the service that ran here.
  static func refused(_ error: AuthError) -> CommandError {
    switch error {
    case .invalid(let fields): .failed(fieldsText(fields.map { ($0.pointer, $0.detail) }), .usage)
    case .passwordRefused(let field): .failed(fieldsText([(field.pointer, field.detail)]), .usage)
    case .rotationRefused(let reason): .failed(reason.description, .usage)
    case .emailExists, .roleExists, .storageFull: .failed(error.description, .cannotCreate)
    case .notFound: .failed(error.description, .missingInput)
    case .forbidden, .lastAdmin, .roleInUse, .registrationClosed, .accountDisabled, .passwordChangeRequired, .emailNotVerified:
      .failed(error.description, .permission)
    case .overloaded, .wouldBlock, .loginThrottled, .rateLimited, .revisionMismatch, .idempotencyInFlight, .backupInProgress:
      .failed(error.description, .temporary)
    case .readOnly, .commitOutcomeUnknown, .storageFailed: .failed(error.description, .inputOutput)
    case .invalidToken, .tokenExpired, .sessionRevoked, .invalidCredentials, .mfaRequired, .mfaInvalid, .refreshInvalid,
      .refreshReused, .reauthRequired, .invalidCursor, .tokenUsedOrExpired, .preconditionRequired, .idempotencyKeyReused,
      .answerTooLong, .abandoned, .tooMuchAtOnce:
      .failed(error.description, .internalError)
    }
  }

  /// A problem document of the server that was asked.
  static func refused(by document: JSONDocument, status: Int) -> CommandError {
    let code = document.root["code"]?.string ?? "\(status)"
    let text = document.root["detail"]?.string ?? document.root["title"]?.string ?? "the server answered \(status)"
    switch code {
    case "validation_failed":
      let fields = document.root["errors"]?.elements.map { field in
        (field["pointer"]?.string ?? "#", field["detail"]?.string ?? "")
      }
      return .failed(fieldsText(fields ?? []), .usage)
    case "invalid_request": return .failed(text, .usage)
    case "email_exists", "role_exists", "storage_full": return .failed(text.isEmpty ? code : text, .cannotCreate)
    case "not_found": return .failed(text, .missingInput)
    case "forbidden", "last_admin", "role_in_use": return .failed(text, .permission)
    case "overloaded", "draining", "timeout": return .failed("the server is busy: \(text)", .temporary)
    case "read_only", "commit_outcome_unknown": return .failed(text, .inputOutput)
    default: return .failed("the server refused: \(text) (\(code))", .internalError)
    }
  }

  /// `#/email` is the flag `--email`; a password has none.
  private static func fieldsText(_ fields: [(pointer: String, detail: String)]) -> String {
    fields.map { field in
      let name = field.pointer.hasPrefix("#/") ? String(field.pointer.dropFirst(2)) : "account"
      return name == "password" ? "password: \(field.detail)" : "--\(name): \(field.detail)"
    }.joined(separator: "; ")
  }
}
