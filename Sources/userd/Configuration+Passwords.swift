// Which passwords the configuration lets people set.

import Auth

extension Configuration {
  /// - Throws: as `readNamedFile`, and exit code 78 for a file that is no list of passwords.
  func passwordPolicy() throws(CommandError) -> PasswordPolicy {
    let minCount =
      switch passwordProfile {
      case .standard: passwordMinLength
      case .nist: max(passwordMinLength, PasswordPolicy.minSingleFactorCount)
      }
    guard !passwordBlocklistFile.isEmpty else { return PasswordPolicy(minCount: minCount) }
    let name = "password.blocklist_file"
    let text = try readNamedFile(passwordBlocklistFile, name, maxByteCount: PasswordList.maxByteCount)
    do throws(PasswordListError) {
      return PasswordPolicy(minCount: minCount, refused: try PasswordList(text.span))
    } catch { throw .failed("\(name): \(visible(passwordBlocklistFile)): \(error)", .configuration) }
  }
}
