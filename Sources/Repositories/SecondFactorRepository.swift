// All verbs for second factors: one row for each user who has or prepares one. docs/records.md §8.

package import Codecs
package import Storage

/// The rows of second factors, and what users' own records say of them.
package struct SecondFactorRepository: Sendable {
  private let table = Table<SecondFactorRecord>()

  init() {}

  package func find<Reader: TransactionReader & ~Copyable>(
    of userID: UUID, in transaction: inout Reader
  ) throws(RepositoryError) -> SecondFactorRecord? {
    try table.find(userID, in: &transaction)
  }

  /// Puts a row and notes in the user's own record what it says; the caller writes that record in the same transaction.
  package func put(
    _ factors: SecondFactorRecord, noting user: inout UserRecord, in transaction: inout WriteTransaction
  ) throws(RepositoryError) {
    precondition(user.id == factors.userID, "the second factors of another user")
    try table.put(factors, in: &transaction)
    user.recoveryCodesLeft = factors.isEnabled ? factors.recoveryDigests.count : nil
  }

  /// Takes all second factors of a user away, waiting ones too; the caller writes the user's record. Without any, nothing happens.
  package func remove(from user: inout UserRecord, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try delete(of: user.id, in: &transaction)
    user.recoveryCodesLeft = nil
  }

  /// Removes the row of a user whose own record goes as well.
  package func delete(of userID: UUID, in transaction: inout WriteTransaction) throws(RepositoryError) {
    try table.delete(userID, in: &transaction)
  }

  /// What must be the same in a user's record and in the row: whose it is and how many recovery codes are left.
  static func balanceKey(of userID: UUID, recoveryCount: Int) -> Key {
    var key = Key(.secondFactors)
    key.append(userID)
    key.append(byte: UInt8(recoveryCount))
    return key
  }
}
