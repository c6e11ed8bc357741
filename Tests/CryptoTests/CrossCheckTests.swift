// Random cases against other libraries: Python's hashlib, hmac and argon2-cffi (CrossCheck/generate.py says how).

import Crypto
import Glibc
import Platform
import TestSupport
import Testing

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
    #expect(Set(counts.keys) == ["sha256", "hmac", "hkdf", "blake2b", "argon2id", "phc"], "some function has no case")
  }

  /// What the other library says, and what this one computes.
  private func answer(_ function: Substring, _ fields: [String], _ path: Implementation) throws -> (String, String) {
    func number(_ index: Int) throws -> Int { try #require(Int(fields[index])) }
    let data = fields.map { $0.allSatisfy { $0.isHexDigit || $0 == "-" } && $0.count % 2 == 0 || $0 == "-" ? bytes($0) : [] }
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
    case "argon2id":
      let tag = try Argon2.hash(
        data[3], salt: data[4], secret: data[5], associatedData: data[6],
        Argon2Parameters(memoryKiB: number(0), iterations: number(1), parallelism: number(2)),
        byteCount: data[7].count, memory: memory, path)
      return (fields[7], hex(tag))
    case "phc":
      let hash = try PasswordHash(parsing: fields[1])
      let isRight = try hash.matches(data[0], memory: memory, path)
      let isWrong = try hash.matches(data[0] + [0], memory: memory, path)
      return ("\(fields[1]) true false", "\(hash.text) \(isRight) \(isWrong)")
    default:
      Issue.record("no function is named \(function)")
      return ("", "")
    }
  }

  private let memory = PasswordMemory()
}
