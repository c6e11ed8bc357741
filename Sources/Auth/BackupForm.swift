// What somebody wants of a backup, as the decoder found it.

/// The members of a request for a backup.
package struct BackupForm: Sendable {
  let name: FieldInput
  let base: FieldInput
  let complaints: [FieldError]

  package init(name: FieldInput, base: FieldInput, complaints: [FieldError]) {
    self.name = name
    self.base = base
    self.complaints = complaints
  }

  /// The texts, nil where they are left out. Whether they can be used is seen where the folder is.
  ///
  /// - Throws: `.invalid` with every complaint.
  package func judged() throws(AuthError) -> (name: String?, base: String?) {
    var judge = FieldJudge(complaints)
    let name = judge.accept(name, at: "#/name") { (text) throws(FieldError) in text }
    let base = judge.accept(base, at: "#/incrementalFrom") { (text) throws(FieldError) in text }
    try judge.conclude()
    return (name, base)
  }
}
