// Secrets for access tokens that come from outside: by variable or file, never by flag.

import Crypto
import Platform

/// Where a signing secret may come from. These are no settings: no table lists their values, no flag takes them.
enum SuppliedSecrets {
  /// The variables that hold a secret; each has a second one, ending in `_FILE`, that names a file instead.
  static let variables = ["USERD_JWT_SECRET", "USERD_JWT_SECRET_PREVIOUS"]

  /// The file of the folder `$CREDENTIALS_DIRECTORY` (systemd's LoadCredential) that holds the secret that signs, if it is there.
  private static let credential = "jwt_secret"

  static let names = variables + variables.map { "\($0)_FILE" }

  private static let maxByteCount = 4096

  /// Whether a key of a configuration file looks like one that would hold a secret.
  static func isMeant(by key: String) -> Bool {
    let words = key.lowercased().split { $0 == "." || $0 == "_" || $0 == "-" }
    return words.contains("secret") || words.contains("jwt")
  }

  /// The secrets given, the one that signs first; none if the key folder's own is to be used. Their bytes count as they stand; a file
  /// loses one final newline.
  ///
  /// - Throws: exit code 78 for two sources of one secret, a previous one without a current one, or one that is too long; 66 for a file that
  ///   is missing, 77 for one that may not be read.
  static func read(_ environment: [(name: String, value: String)]) throws(CommandError) -> [SecretBytes] {
    var secrets: [SecretBytes] = []
    for variable in variables {
      let given = environment.last { $0.name == variable }?.value
      var path = environment.last { $0.name == "\(variable)_FILE" }?.value
      if given != nil, path != nil {
        throw .failed("\(variable) and \(variable)_FILE are both set; one is expected", .configuration)
      }
      if variable == variables[0], let credential = try credentialPath(environment) {
        if given != nil || path != nil {
          throw .failed("\(variable) is set, and \(visible(credential)) is there as well; one is expected", .configuration)
        }
        path = credential
      }
      if let given {
        secrets.append(SecretBytes(copying: given.utf8.span))
      } else if let path {
        secrets.append(try readFile(path, variable))
      } else if variable == variables[0] {
        if environment.contains(where: { $0.name.hasPrefix("\(variables[1])") }) {
          throw .failed("\(variables[1]) is set without \(variables[0])", .configuration)
        }
        return []
      }
    }
    return secrets
  }

  /// Where the service's credentials have a secret; nil if they have none.
  private static func credentialPath(_ environment: [(name: String, value: String)]) throws(CommandError) -> String? {
    guard let folder = environment.last(where: { $0.name == "CREDENTIALS_DIRECTORY" })?.value, !folder.isEmpty else { return nil }
    let path = "\(folder)/\(credential)"
    do throws(Errno) { _ = try FileStatus(path: path) } catch {
      // Other credentials may be there without this one.
      if error.kind == .missing { return nil }
      throw .failed("cannot look at \(visible(path)): \(error)", error.kind == .denied ? .permission : .inputOutput)
    }
    return path
  }

  private static func readFile(_ path: String, _ variable: String) throws(CommandError) -> SecretBytes {
    var bytes = try readNamedFile(path, variable, maxByteCount: maxByteCount)
    let count = bytes.last == UInt8(ascii: "\n") ? bytes.count - 1 : bytes.count
    let secret = SecretBytes(copying: bytes.span.extracting(0..<count))
    for index in bytes.indices { bytes[index] = 0 }
    return secret
  }
}
