// The key folder: <data>/keys/signing/*, mac and wrap, each 32 random bytes that only the owner may read; and which of them sign.

package import Crypto
package import Platform

/// Reads the keys of a data folder, makes those that are missing, and changes which ones sign. Only under the store's exclusive lock.
///
/// What signs is decided by one file, `signing/ring` (`AccessKeyList`), which is replaced in one step. A key file is written before the
/// list names it and removed after the list does not any more, so whenever the power goes every key of the list is there. A file that the
/// list does not name is left of a change that was cut off, and goes at the next start.
package struct KeyFolder: Sendable {
  private let path: String
  private let random: RandomSource
  private let clock: any Clock
  var files = KeyFiles()

  static let keyByteCount = 32
  private static let listName = "ring"

  /// - Parameter dataPath: the data folder, which exists.
  package init(dataPath: String, random: RandomSource, clock: any Clock = SystemClock()) {
    path = dataPath + "/keys"
    self.random = random
    self.clock = clock
  }

  private var signingPath: String { path + "/signing" }

  /// The key ring of this folder.
  ///
  /// - Parameter supplied: secrets for access tokens that replace the files of the folder, the one that signs first; empty for none.
  package func load(supplied: [SecretBytes] = []) throws(KeyError) -> KeyRing {
    for secret in supplied where secret.count < KeyRing.minSecretByteCount {
      throw .secretTooShort(byteCount: secret.count, limit: KeyRing.minSecretByteCount)
    }
    try files.makeDirectory(path)
    let mac = try key(named: "mac")
    let wrap = try key(named: "wrap")
    if supplied.isEmpty { return KeyRing(access: try accessKeys(), mac: mac, wrap: wrap) }
    return KeyRing(signing: supplied, mac: mac, wrap: wrap)
  }

  // MARK: Moving with a store

  /// The key that seals second factors, for a backup that is to have it; nil if the folder has none yet.
  package func sealingKey() throws(KeyError) -> SecretBytes? { try readKey(path + "/wrap") }

  /// Puts such a key into a folder that has no keys yet. On disk on return.
  package func install(sealingKey: SecretBytes) throws(KeyError) {
    guard sealingKey.count == Self.keyByteCount else {
      throw .wrongSize(path: path + "/wrap", byteCount: sealingKey.count, expected: Self.keyByteCount)
    }
    try files.makeDirectory(path)
    try sealingKey.withSpan { (bytes) throws(KeyError) in try files.replace("wrap", in: path, with: bytes) }
  }

  // MARK: Changing what signs

  /// Makes a key that signs nothing yet: until `replaceList` names it, a restart removes it.
  func makeSigningKey() throws(KeyError) -> SigningKey {
    let secret = SecretBytes(count: Self.keyByteCount, from: random)
    let key = secret.withSpan { SigningKey($0, createdAt: clock.wallMilliseconds()) }
    try secret.withSpan { (bytes) throws(KeyError) in try files.replace(key.id, in: signingPath, with: bytes) }
    return key
  }

  /// Makes `keys` the ones that sign and are accepted, durably, then removes the files of all others.
  ///
  /// The files of `keys` are there. If this throws, either list may be the one that counts after a restart; both verify every token.
  func replaceList(with keys: AccessKeys) throws(KeyError) {
    let list = keys.list
    try files.replace(Self.listName, in: signingPath, with: list.text.utf8.span)
    try removeFiles(notIn: list)
  }

  // MARK: Reading

  /// A key that there is one of; made if it is missing.
  private func key(named name: String) throws(KeyError) -> SecretBytes {
    if let found = try readKey(path + "/" + name) { return found }
    let secret = SecretBytes(count: Self.keyByteCount, from: random)
    try secret.withSpan { (bytes) throws(KeyError) in try files.replace(name, in: path, with: bytes) }
    return secret
  }

  private func readKey(_ path: String) throws(KeyError) -> SecretBytes? {
    try files.read(path, byteCounts: Self.keyByteCount...Self.keyByteCount)
  }

  /// The keys of the list, those among them that are not accepted any more as well: a start writes no list, so that it works on a full disk.
  private func accessKeys() throws(KeyError) -> AccessKeys {
    try files.makeDirectory(signingPath)
    guard let list = try readList() else { return try firstAccessKeys() }
    var keys: [SigningKey] = []
    for row in list.rows { if let key = try signingKey(row) { keys.append(key) } }
    try removeFiles(notIn: list)
    return AccessKeys(keys)
  }

  /// The keys of a folder without a list: a new one, one that was cut off while it was made, or one of a version that knew one key.
  private func firstAccessKeys() throws(KeyError) -> AccessKeys {
    let names = try files.names(in: signingPath).filter { AccessKeyList.isName($0) }
    guard names.count <= 1 else { throw .severalSigningKeys(path: signingPath, count: names.count) }
    let key: SigningKey
    if let name = names.first {
      let row = AccessKeyList.Row(id: name, createdAt: clock.wallMilliseconds(), acceptedUntil: nil)
      guard let found = try signingKey(row) else {
        throw .io(operation: "open", path: "\(signingPath)/\(name)", errno: .notFound)
      }
      key = found
    } else {
      key = try makeSigningKey()
    }
    let keys = AccessKeys([key])
    try replaceList(with: keys)
    return keys
  }

  private func readList() throws(KeyError) -> AccessKeyList? {
    let listPath = signingPath + "/" + Self.listName
    guard let bytes = try files.read(listPath, byteCounts: 0...AccessKeyList.maxByteCount) else { return nil }
    guard let list = bytes.withSpan({ AccessKeyList($0) }) else { throw .damagedList(path: listPath) }
    return list
  }

  /// The key of a row; nil for a retired one whose file somebody removed, which ends it.
  private func signingKey(_ row: AccessKeyList.Row) throws(KeyError) -> SigningKey? {
    let keyPath = signingPath + "/" + row.id
    guard let secret = try readKey(keyPath) else {
      if row.acceptedUntil != nil { return nil }
      throw .io(operation: "open", path: keyPath, errno: .notFound)
    }
    let key = secret.withSpan { SigningKey($0, createdAt: row.createdAt, acceptedUntil: row.acceptedUntil) }
    guard key.id == row.id else { throw .wrongName(path: keyPath) }
    return key
  }

  /// Files that are not named as ours are left alone.
  private func removeFiles(notIn list: AccessKeyList) throws(KeyError) {
    var isChanged = false
    for name in try files.names(in: signingPath) {
      let isKey = AccessKeyList.isName(name) && !list.rows.contains { $0.id == name }
      if isKey || name.hasSuffix(KeyFiles.temporarySuffix) {
        try files.remove(signingPath + "/" + name)
        isChanged = true
      }
    }
    if isChanged { try files.sync(signingPath) }
  }
}
