// Secrets keep their bytes, and keep them to themselves.

import Crypto
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct SecretBytesTests {
  @Test func `a secret holds what it was given`() {
    for count in [0, 1, 32, 4096, 5000] {
      let bytes = SeededGenerator(seed: UInt64(count)).bytesOnce(count)
      let secret = SecretBytes(copying: bytes)
      #expect(secret.count == count)
      #expect(secret.hex == hex(bytes))
    }
  }

  @Test func `a moved array is left empty`() {
    var bytes: [UInt8] = [1, 2, 3]
    let secret = SecretBytes(moving: &bytes)
    #expect(bytes.isEmpty)
    #expect(secret.hex == "010203")
  }

  @Test func `a drawn secret comes from the source given`() {
    let source = RandomSource { bytes in
      for index in bytes.indices { bytes[index] = UInt8(index) }
    }
    #expect(SecretBytes(count: 4, from: source).hex == "00010203")
  }

  @Test func `a fill that throws makes no secret`() {
    struct Refusal: Error {}
    #expect(throws: Refusal.self) {
      _ = try SecretBytes(count: 16) { (bytes: inout MutableSpan<UInt8>) throws(Refusal) in throw Refusal() }
    }
  }

  // The name of a local type is shown with an address, and an address once held the digits that were looked for: numbers count as whole
  // words only, and the holder has a name of its own.
  @Test func `no description, dump or mirror shows a byte`() {
    let text = Array("correct horse battery staple".utf8)
    let secret = SecretBytes(copying: text)
    let hash = PasswordHash.fixed
    let holder = SecretHolder(secret: secret, hash: hash, key: HMACSHA256(key: text))
    var dumped = ""
    dump(holder, to: &dumped)
    dump(secret, to: &dumped)
    dump(hash, to: &dumped)
    let shown = ["\(secret)", String(reflecting: secret), "\(holder)", String(reflecting: holder), "\(hash)", dumped]
    for line in shown {
      #expect(!line.contains("horse"))
      #expect(!line.contains("argon2id$"))
      let words = line.split { !$0.isLetter && !$0.isNumber }
      #expect(!words.contains("99") && !words.contains("63"), "\(line) may hold a byte of the secret")
    }
    #expect("\(secret)" == "<secret>")
    #expect("\(hash)" == "<password hash>")
    #expect(Mirror(reflecting: secret).children.isEmpty)
    #expect(Mirror(reflecting: hash).children.isEmpty)
  }

  @Test func `a secret lies on pages that no core dump holds`() throws {
    let secret = SecretBytes(copying: [1, 2, 3])
    let address = secret.withSpan { span in
      unsafe span.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    }
    let flags = try #require(mappingFlags(at: address))
    #expect(flags.contains("dd"), "flags are \(flags)")
    withExtendedLifetime(secret) {}
  }
}

extension SeededGenerator {
  /// `count` bytes of a generator that is used once.
  fileprivate func bytesOnce(_ count: Int) -> [UInt8] {
    var copy = self
    return copy.bytes(count)
  }
}

extension PasswordHash {
  fileprivate static var fixed: PasswordHash {
    let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    do throws(CryptoError) {
      return try PasswordHash(parsing: text)
    } catch {
      fatalError("\(error)")
    }
  }
}

/// The VmFlags of the mapping that holds an address, from /proc/self/smaps.
private func mappingFlags(at address: UInt) -> [Substring]? {
  var isInside = false
  for line in readLines("/proc/self/smaps") {
    let words = line.split(separator: " ")
    guard let first = words.first else { continue }
    if first == "VmFlags:" {
      if isInside { return Array(words.dropFirst()) }
    } else if !first.hasSuffix(":") {
      let bounds = first.split(separator: "-").compactMap { UInt($0, radix: 16) }
      isInside = bounds.count == 2 && bounds[0] <= address && address < bounds[1]
    }
  }
  return nil
}

struct SecretHolder {
  let secret: SecretBytes
  let hash: PasswordHash
  let key: HMACSHA256
}
