// The words of a range scan: which way it goes, and whether it goes on.

/// Ascending or descending order of keys, which compare as unsigned bytes.
@usableFromInline
package enum ScanOrder: Sendable {
  case ascending
  case descending
}

/// What the body of a scan answers for each entry.
@usableFromInline
package enum ScanStep: Sendable {
  case next
  case stop
}
