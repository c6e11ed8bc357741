// The files of the key ring: <data>/keys/signing/<kid>, mac and wrap, each 32 random bytes that only the owner may read.

package import Crypto
package import Platform

/// Reads the keys of a data folder and makes those that are missing. Only under the store's exclusive lock.
package struct KeyFolder {
  private let path: String
  private let random: RandomSource

  static let keyByteCount = 32
  private static let temporarySuffix = ".tmp"

  /// - Parameter dataPath: the data folder, which exists.
  package init(dataPath: String, random: RandomSource) {
    path = dataPath + "/keys"
    self.random = random
  }

  /// The key ring of this folder.
  ///
  /// - Parameter supplied: secrets for access tokens that replace the files of the folder, the one that signs first; empty for none.
  package func load(supplied: [SecretBytes] = []) throws(KeyError) -> KeyRing {
    for secret in supplied where secret.count < KeyRing.minSecretByteCount {
      throw .secretTooShort(byteCount: secret.count, limit: KeyRing.minSecretByteCount)
    }
    try makeDirectory(path)
    let mac = try key(named: "mac")
    let wrap = try key(named: "wrap")
    return KeyRing(signing: supplied.isEmpty ? [try signingKey()] : supplied, mac: mac, wrap: wrap)
  }

  /// A key that there is one of; made if it is missing.
  private func key(named name: String) throws(KeyError) -> SecretBytes {
    if let found = try read(path + "/" + name) { return found }
    return try create(in: path) { _ in name }
  }

  private func signingKey() throws(KeyError) -> SecretBytes {
    let folder = path + "/signing"
    try makeDirectory(folder)
    let names = try wrap("list", folder) { () throws(Errno) in try Directory.names(in: folder) }
      .filter { !$0.hasSuffix(Self.temporarySuffix) }
    guard names.count <= 1 else { throw .severalSigningKeys(path: folder, count: names.count) }
    guard let name = names.first else { return try create(in: folder) { secret in SigningKey.id(of: secret) } }
    let keyPath = folder + "/" + name
    guard let secret = try read(keyPath) else { throw .io(operation: "open", path: keyPath, errno: .notFound) }
    guard secret.withSpan({ SigningKey.id(of: $0) }) == name else { throw .wrongName(path: keyPath) }
    return secret
  }

  /// The key in a file; nil if there is no such file.
  private func read(_ path: String) throws(KeyError) -> SecretBytes? {
    guard let file = try open(path) else { return nil }
    let status = try wrap("stat", path) { () throws(Errno) in try file.status() }
    guard status.kind == .file, status.byteCount == Self.keyByteCount else {
      throw .wrongSize(path: path, byteCount: status.byteCount, expected: Self.keyByteCount)
    }
    guard status.permissions & 0o077 == 0 else { throw .tooOpen(path: path, permissions: status.permissions) }
    return try SecretBytes(count: Self.keyByteCount) { (bytes) throws(KeyError) in
      var count = 0
      while count < bytes.count {
        do throws(Errno) {
          var rest = bytes._mutatingExtracting(count...)
          let got = try file.read(into: &rest, at: count)
          guard got > 0 else { throw .io }
          count += got
        } catch {
          throw .io(operation: "read", path: path, errno: error)
        }
      }
    }
  }

  /// The file for reading; nil if there is none.
  private func open(_ path: String) throws(KeyError) -> File? {
    do throws(Errno) {
      return try File(path, .read)
    } catch {
      if error == .notFound { return nil }
      throw .io(operation: "open", path: path, errno: error)
    }
  }

  /// Makes a key file that is either there as a whole or not at all, whenever the power goes.
  private func create(in folder: String, _ name: (Span<UInt8>) -> String) throws(KeyError) -> SecretBytes {
    let secret = SecretBytes(count: Self.keyByteCount, from: random)
    let target = folder + "/" + secret.withSpan(name)
    let temporary = target + Self.temporarySuffix
    do throws(Errno) {
      try Directory.remove(temporary)  // left by a start that was cut off
    } catch {
      if error != .notFound { throw .io(operation: "unlink", path: temporary, errno: error) }
    }
    try wrap("write", temporary) { () throws(Errno) in
      let file = try File(temporary, .createNew)
      try secret.withSpan { (bytes) throws(Errno) in
        var count = 0
        while count < bytes.count {
          let written = try file.write(bytes.extracting(count...), at: count)
          guard written > 0 else { throw .noSpace }
          count += written
        }
      }
      try file.sync()
    }
    try wrap("rename", target) { () throws(Errno) in try Directory.rename(temporary, to: target) }
    try wrap("fsync", folder) { () throws(Errno) in try Directory.sync(folder) }
    return secret
  }

  private func makeDirectory(_ folder: String) throws(KeyError) {
    do throws(Errno) {
      try Directory.create(folder)
    } catch {
      if error == .exists { return }
      throw .io(operation: "mkdir", path: folder, errno: error)
    }
    let parent = folder + "/.."
    try wrap("fsync", parent) { () throws(Errno) in try Directory.sync(parent) }
  }

  private func wrap<Value>(
    _ operation: StaticString, _ path: String, _ body: () throws(Errno) -> Value
  ) throws(KeyError) -> Value {
    do throws(Errno) { return try body() } catch { throw .io(operation: operation, path: path, errno: error) }
  }
}
