// The key files: made once, kept, and refused when they are not what they must be.

import Codecs
import Crypto
import Platform
import TestSupport
import Testing

@testable import Auth

@Suite struct KeyFolderTests {
  private let folder = TemporaryFolder("keys")
  private var keyFolder: KeyFolder { KeyFolder(dataPath: folder.path, random: .system) }
  private var signing: String { folder.path + "/keys/signing" }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    if (try? FileStatus(path: path)) != nil { try Directory.remove(path) }
    let file = try File(path, .createNew)
    #expect(try file.write(bytes.span, at: 0) == bytes.count)
  }

  private func read(_ path: String) throws -> [UInt8] {
    let file = try File(path, .read)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    var span = bytes.mutableSpan
    _ = try file.read(into: &span, at: 0)
    return bytes
  }

  private func refusal(supplied: [SecretBytes] = []) -> String? {
    do throws(KeyError) {
      _ = try keyFolder.load(supplied: supplied)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `a first start makes both keys and later ones keep them`() throws {
    let first = try keyFolder.load()
    let second = try keyFolder.load()
    #expect(first.signing.id == second.signing.id)
    #expect(first.refreshTags.authenticate([1].span) == second.refreshTags.authenticate([1].span))
    #expect(try Directory.names(in: folder.path + "/keys") == ["mac", "signing", "wrap"])
    #expect(try Directory.names(in: signing) == [first.signing.id, "ring"])
    for path in [folder.path + "/keys/mac", folder.path + "/keys/wrap", signing + "/" + first.signing.id] {
      let status = try FileStatus(path: path)
      #expect(status.permissions == 0o600 && status.byteCount == 32)
    }
    #expect(try FileStatus(path: folder.path + "/keys").permissions == 0o700)
    #expect(try FileStatus(path: signing).permissions == 0o700)
  }

  @Test func `a key's name is sixteen hexadecimal digits of its hash`() throws {
    let ring = try keyFolder.load()
    let secret = try read(signing + "/" + ring.signing.id)
    let digest = SHA256.hash((Array("userd key id 1".utf8) + secret).span)
    #expect(ring.signing.id == digest.withSpan { Hex.encodedString($0.extracting(0..<8)) })
    #expect(ring.signing.id.utf8.count == 16)
  }

  @Test func `two folders have different keys, and uses of one key differ`() throws {
    let other = TemporaryFolder("keys")
    let first = try keyFolder.load()
    let second = try KeyFolder(dataPath: other.path, random: .system).load()
    #expect(first.signing.id != second.signing.id)
    let message: [UInt8] = [1]
    #expect(first.refreshTags.authenticate(message.span) != second.refreshTags.authenticate(message.span))
    #expect(first.refreshTags.authenticate(message.span) != first.cursors.authenticate(message.span))
    #expect(first.cursors.authenticate(message.span) != first.idempotency.authenticate(message.span))
  }

  @Test func `a key file of another size is refused`() throws {
    let ring = try keyFolder.load()
    for count in [0, 31, 33] {
      try write([UInt8](repeating: 7, count: count), folder.path + "/keys/mac")
      #expect(refusal() == "\(folder.path)/keys/mac is \(count) bytes; a key is 32")
    }
    try write([UInt8](repeating: 7, count: 32), folder.path + "/keys/mac")
    #expect(refusal() == nil)
    try write([UInt8](repeating: 7, count: 32), signing + "/" + ring.signing.id)
    #expect(refusal() == "\(signing)/\(ring.signing.id) does not hold the key it is named for")
  }

  @Test func `several signing keys without a list are refused rather than guessed about`() throws {
    _ = try keyFolder.load()
    try Directory.remove(signing + "/ring")
    try write([UInt8](repeating: 7, count: 32), signing + "/0000000000000000")
    #expect(refusal() == "\(signing) holds 2 keys and no list of them; one is expected")
  }

  @Test func `a folder of one key without a list gets one and keeps the key`() throws {
    let ring = try keyFolder.load()
    try Directory.remove(signing + "/ring")
    let again = try keyFolder.load()
    #expect(again.signing.id == ring.signing.id)
    #expect(try Directory.names(in: signing) == [ring.signing.id, "ring"])
  }

  @Test func `a list that nobody here wrote is refused, and so is one whose signing key is gone`() throws {
    let ring = try keyFolder.load()
    let list = try read(signing + "/ring")
    for bytes in [
      [], Array("userd signing keys 2\n".utf8), Array(list.dropLast()), list + list, [UInt8](repeating: 0x61, count: 2048),
    ] {
      try write(bytes, signing + "/ring")
      #expect(refusal() == "\(signing)/ring is no list of signing keys")
    }
    try write([UInt8](repeating: 0x61, count: 2049), signing + "/ring")
    #expect(refusal() == "\(signing)/ring is 2049 bytes; a key is 2048")
    try write(list, signing + "/ring")
    try Directory.remove(signing + "/" + ring.signing.id)
    #expect(refusal() == "open \(signing)/\(ring.signing.id): No such file or directory")
  }

  @Test func `files that are not named as keys are left alone`() throws {
    let ring = try keyFolder.load()
    for name in ["README", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0"] { try write([1], "\(signing)/\(name)") }
    try write([1], "\(signing)/0123456789abcdef")
    #expect(try keyFolder.load().signing.id == ring.signing.id)
    #expect(
      Set(try Directory.names(in: signing)) == [
        "README", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0", ring.signing.id, "ring",
      ])
  }

  @Test func `what a start left that was cut off is made anew`() throws {
    let ring = try keyFolder.load()
    try Directory.remove(folder.path + "/keys/mac")
    try write([1, 2, 3], folder.path + "/keys/mac.tmp")
    try write([1, 2, 3], signing + "/0123456789abcdef.tmp")
    let again = try keyFolder.load()
    #expect(again.signing.id == ring.signing.id)
    #expect(try Directory.names(in: folder.path + "/keys") == ["mac", "signing", "wrap"])
  }

  @Test func `a supplied secret takes the place of the files`() throws {
    let secret = SecretBytes(copying: Array("0123456789abcdef0123456789abcdef".utf8).span)
    let previous = SecretBytes(copying: Array("previous previous previous previous".utf8).span)
    let ring = try keyFolder.load(supplied: [secret, previous])
    #expect(ring.signing.id == secret.withSpan { SigningKey.id(of: $0) })
    #expect(ring.accepted.map(\.id) == [ring.signing.id, previous.withSpan { SigningKey.id(of: $0) }])
    #expect(try Directory.names(in: folder.path + "/keys") == ["mac", "wrap"])
  }

  @Test func `a supplied secret under 32 bytes is refused`() {
    let short = SecretBytes(copying: [UInt8](repeating: 0x61, count: 31).span)
    #expect(refusal(supplied: [short]) == "the JWT secret is 31 bytes; it needs at least 32")
    let enough = SecretBytes(copying: [UInt8](repeating: 0x61, count: 32).span)
    #expect(refusal(supplied: [enough]) == nil)
    #expect(refusal(supplied: [enough, short]) != nil)
  }

  @Test func `a folder that is not there is named`() {
    let missing = KeyFolder(dataPath: folder.path + "/nowhere", random: .system)
    let error = #expect(throws: KeyError.self) { try missing.load() }
    #expect(error?.description == "mkdir \(folder.path)/nowhere/keys: No such file or directory")
  }
}
