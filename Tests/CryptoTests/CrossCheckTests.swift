// Random cases against other libraries, from Python's hashlib to libsodium (CrossCheck/generate.py says which).

import Glibc
import Platform
import TestSupport
import Testing

@testable import Crypto

private let vectorPath = environmentVariables().first { $0.name == "USERD_CRYPTO_VECTORS" }?.value

@Suite struct CrossCheckTests {
  @Test(.enabled(if: vectorPath != nil, "USERD_CRYPTO_VECTORS names no file of vectors"))
  func `every case of the file has the answer of the other library`() throws {
    let path = try #require(vectorPath)
    var counts: [Substring: Int] = [:]
    for line in readLines(path) {
      let fields = line.split(separator: " ")
      let function = try #require(fields.first)
      for implementation in Implementation.allCases {
        let (expected, got) = try answer(function, fields.dropFirst().map(String.init), implementation)
        if expected != got {
          Issue.record("\(implementation) path: \(line) but computed \(got)")
          return
        }
      }
      counts[function, default: 0] += 1
    }
    print("cross-checked: \(counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
    let functions: Set<Substring> = [
      "sha1", "sha256", "sha512", "hmac", "hmac-sha1", "hmac-sha256", "hmac-sha512", "hkdf", "blake2b", "argon2id", "argon2i",
      "phc",
      "pbkdf2", "scrypt", "foreign", "aead", "totp", "totp-window", "judged",
    ]
    #expect(Set(counts.keys) == functions, "some function has no case")
  }

  /// What the other library says, and what this one computes.
  private func answer(_ function: Substring, _ fields: [String], _ path: Implementation) throws -> (String, String) {
    func number(_ index: Int) throws -> Int { try #require(Int(fields[index])) }
    let data = fields.map { $0 == "-" || $0.allSatisfy(\.isHexDigit) && $0.count % 2 == 0 ? bytes($0) : [] }
    // A span needs an array with a name.
    let padded = data + [[], [], []]
    let (a, b, c, d, e) = (padded[0], padded[1], padded[2], padded[3], padded.count > 4 ? padded[4] : [])
    switch function {
    case "sha256":
      return (fields[1], SHA256.hash(data[0], path).hex)
    case "hmac":
      return (fields[2], HMACSHA256(key: data[0], path).authenticate(data[1]).hex)
    case "hkdf":
      let key = HKDF.deriveKey(
        secret: data[0], salt: data[1], info: data[2], byteCount: try number(3), path)
      return (fields[4], key.hex)
    case "blake2b":
      return (fields[3], hex(BLAKE2b.hash(data[2], byteCount: try number(0), key: data[1])))
    case "argon2id", "argon2i":
      let tag = try Argon2.hash(
        data[3], salt: data[4], secret: data[5], associatedData: data[6],
        Argon2Parameters(memoryKiB: number(0), iterations: number(1), parallelism: number(2)),
        byteCount: data[7].count, variant: function == "argon2i" ? .i : .id, memory: memory, path)
      return (fields[7], hex(tag))
    case "phc", "foreign":
      let hash = try PasswordHash(parsing: fields[1])
      let isRight = try hash.matches(data[0], memory: memory, path)
      // HMAC pads short keys with zeros, so PBKDF2 and scrypt cannot tell them from NULs at the end.
      let isWrong = try hash.matches([0xff] + data[0], memory: memory, path)
      return ("\(fields[1]) true false", "\(hash.text) \(isRight) \(isWrong)")
    case "judged": return (fields[2], try judgement(data[0], of: data[1], path))
    case "sha1": return (fields[1], hex(SHA1.digest(a.span, path)))
    case "sha512": return (fields[1], hex(SHA512.digest(a.span, path)))
    case "hmac-sha1": return (fields[2], hex(HMAC<SHA1>(key: a.span, path).authenticate(b.span)))
    case "hmac-sha256": return (fields[2], hex(HMAC<SHA256>(key: a.span, path).authenticate(b.span)))
    case "hmac-sha512": return (fields[2], hex(HMAC<SHA512>(key: a.span, path).authenticate(b.span)))
    case "pbkdf2":
      var key = [UInt8](repeating: 0, count: e.count)
      var output = key.mutableSpan
      PBKDF2.deriveKey(
        try #require(PBKDF2.Function(rawValue: fields[0])), password: b.span, salt: c.span, iterations: try number(3),
        into: &output,
        path)
      return (fields[4], hex(key))
    case "scrypt":
      let parameters = try ScryptParameters(logCount: number(0), blockSize: number(1), parallelism: number(2))
      let key = try Scrypt.hash(
        d.span, salt: e.span, parameters: parameters, byteCount: data[5].count, memory: memory, path)
      return (fields[5], hex(key))
    case "aead": return sealed(data)
    case "totp":
      let code = try #require(fields.last), seconds = Int64(try number(1))
      let step = TOTP.acceptedStep(of: code.utf8.span, secret: SecretBytes(copying: a), atSeconds: seconds, after: nil)
      let isOwn = step.map { $0 >= TOTP.step(atSeconds: seconds) } ?? false
      let digits = TOTP.digits(of: TOTP.code(secret: a.span, counter: TOTP.step(atSeconds: seconds)))
      return ("\(code) true", "\(String(decoding: digits.span.indices.map { digits[$0] }, as: UTF8.self)) \(isOwn)")
    case "totp-window":
      let code = Array(fields[2].utf8), seconds = Int64(try number(1))
      let step = TOTP.acceptedStep(of: code.span, secret: SecretBytes(copying: a), atSeconds: seconds, after: nil)
      return (fields[3], step == nil ? "wrong" : "right")
    default:
      Issue.record("no function is named \(function)")
      return ("", "")
    }
  }

  /// Whether a text is a hash and this its password. Nobody but us says what is no hash at all; neither opens anything.
  private func judgement(_ password: [UInt8], of encoded: [UInt8], _ path: Implementation) throws -> String {
    let hash: PasswordHash
    do throws(CryptoError) { hash = try PasswordHash(parsing: String(decoding: encoded, as: UTF8.self)) } catch { return "wrong" }
    return try hash.matches(password, memory: memory, path) ? "right" : "wrong"
  }

  /// Sealed here, and opened what the other library sealed.
  private func sealed(_ data: [[UInt8]]) -> (String, String) {
    let (key, nonce, extra, message, box) = (data[0], data[1], data[2], data[3], data[4])
    let sealed: [UInt8]
    let opened: SecretBytes?
    if nonce.count == 12 {
      sealed = ChaCha20Poly1305.seal(message.span, key: key.span, nonce: nonce.span, associatedData: extra.span)
      opened = ChaCha20Poly1305.open(box.span, key: key.span, nonce: nonce.span, associatedData: extra.span)
    } else {
      sealed = XChaCha20Poly1305.seal(message.span, key: key.span, nonce: nonce.span, associatedData: extra.span)
      opened = XChaCha20Poly1305.open(box.span, key: key.span, nonce: nonce.span, associatedData: extra.span)
    }
    return ("\(hex(box)) \(hex(message))", "\(hex(sealed)) \(opened?.hex ?? "refused")")
  }

  private let memory = PasswordMemory()
}
