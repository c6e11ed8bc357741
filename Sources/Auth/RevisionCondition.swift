// Which revision of an object a change is meant for: `If-Match`.

/// What whoever changes an object says about the revision that they have seen.
package enum RevisionCondition: Sendable {
  /// Nothing: the change is for whatever is there.
  case none
  /// Nothing, where something has to be said.
  case missing
  /// It must be there, in any revision.
  case any
  /// One of these; none of them fits if what was sent names no revision.
  case oneOf([UInt64])

  /// Why an object of this revision must not be changed, if it must not.
  func objection(to revision: UInt64) -> AuthError? {
    switch self {
    case .none, .any: nil
    case .missing: .preconditionRequired
    case .oneOf(let revisions): revisions.contains(revision) ? nil : .revisionMismatch
    }
  }
}
