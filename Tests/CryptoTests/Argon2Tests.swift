// Argon2id and Argon2i against RFC 9106 and the vectors of its reference implementation, on both paths, and its limits.

import Crypto
import TestSupport
import Testing

@Suite struct Argon2Tests {
  let memory = PasswordMemory()

  @Test(arguments: Implementation.allCases)
  func `the vector of RFC 9106 section 5.3 is met`(_ implementation: Implementation) throws {
    let password = [UInt8](repeating: 1, count: 32), salt = [UInt8](repeating: 2, count: 16)
    let secret = [UInt8](repeating: 3, count: 8), extra = [UInt8](repeating: 4, count: 12)
    let tag = try Argon2.hash(
      password, salt: salt, secret: secret, associatedData: extra,
      Argon2Parameters(memoryKiB: 32, iterations: 3, parallelism: 4), memory: memory, implementation)
    #expect(hex(tag) == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659")
  }

  @Test(arguments: Implementation.allCases)
  func `the vector of RFC 9106 section 5.2 is met by Argon2i`(_ implementation: Implementation) throws {
    let password = [UInt8](repeating: 1, count: 32), salt = [UInt8](repeating: 2, count: 16)
    let secret = [UInt8](repeating: 3, count: 8), extra = [UInt8](repeating: 4, count: 12)
    let tag = try Argon2.hash(
      password, salt: salt, secret: secret, associatedData: extra,
      Argon2Parameters(memoryKiB: 32, iterations: 3, parallelism: 4), variant: .i, memory: memory, implementation)
    #expect(hex(tag) == "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8")
  }

  /// src/test.c of github.com/P-H-C/phc-winner-argon2, version 0x13.
  struct Vector: Sendable {
    var password = "password", salt = "somesalt"
    let memoryKiB: Int, iterations: Int, parallelism: Int
    let tag: String
  }

  static let small = [
    Vector(
      memoryKiB: 256, iterations: 2, parallelism: 1,
      tag: "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
    Vector(
      memoryKiB: 256, iterations: 2, parallelism: 2,
      tag: "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
  ]
  static let large = [
    Vector(
      memoryKiB: 65536, iterations: 2, parallelism: 1,
      tag: "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
    Vector(
      memoryKiB: 65536, iterations: 1, parallelism: 1,
      tag: "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"),
    Vector(
      password: "differentpassword", memoryKiB: 65536, iterations: 2, parallelism: 1,
      tag: "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde"),
    Vector(
      salt: "diffsalt", memoryKiB: 65536, iterations: 2, parallelism: 1,
      tag: "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"),
  ]

  @Test(arguments: small, Implementation.allCases)
  func `small published hashes are met`(_ vector: Vector, _ implementation: Implementation) throws {
    try check(vector, implementation)
  }

  @Test(arguments: large) func `large published hashes are met`(_ vector: Vector) throws {
    try check(vector, .accelerated)
  }

  private func check(_ vector: Vector, _ implementation: Implementation) throws {
    let parameters = try Argon2Parameters(
      memoryKiB: vector.memoryKiB, iterations: vector.iterations, parallelism: vector.parallelism)
    let tag = try Argon2.hash(
      Array(vector.password.utf8), salt: Array(vector.salt.utf8), parameters, memory: memory,
      implementation)
    #expect(hex(tag) == vector.tag)
  }

  @Test func `both paths agree, and an arena that was used before changes nothing`() throws {
    var random = SeededGenerator.announced("Argon2id paths")
    for _ in 0..<(12 * testScale) {
      let lanes = random.number(1..<5)
      let parameters = try Argon2Parameters(
        memoryKiB: 8 * lanes + random.number(0..<600), iterations: random.number(1..<4), parallelism: lanes)
      let password = random.bytes(random.number(0..<100)), salt = random.bytes(random.number(8..<65))
      let byteCount = random.number(4..<200)
      let accelerated = try Argon2.hash(
        password, salt: salt, parameters, byteCount: byteCount, memory: memory, .accelerated)
      let portable = try Argon2.hash(
        password, salt: salt, parameters, byteCount: byteCount, memory: PasswordMemory(),
        .portable)
      #expect(accelerated == portable, "\(parameters)")
    }
  }

  @Test func `costs at the limits are taken and one past them is refused`() throws {
    _ = try Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1)
    _ = try Argon2Parameters(memoryKiB: 4 << 20, iterations: 1024, parallelism: 64)
    func refusal(_ memory: Int, _ iterations: Int, _ parallelism: Int) -> CryptoError? {
      do throws(CryptoError) {
        _ = try Argon2Parameters(memoryKiB: memory, iterations: iterations, parallelism: parallelism)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(7, 1, 1) == .parameterOutOfRange(.memory, value: 7, limits: 8...(4 << 20)))
    #expect(refusal(31, 1, 4) == .parameterOutOfRange(.memory, value: 31, limits: 32...(4 << 20)))
    #expect(refusal((4 << 20) + 1, 1, 1) == .parameterOutOfRange(.memory, value: (4 << 20) + 1, limits: 8...(4 << 20)))
    #expect(refusal(8, 0, 1) == .parameterOutOfRange(.iterations, value: 0, limits: 1...1024))
    #expect(refusal(8, 1025, 1) == .parameterOutOfRange(.iterations, value: 1025, limits: 1...1024))
    #expect(refusal(8, 1, 0) == .parameterOutOfRange(.parallelism, value: 0, limits: 1...64))
    #expect(refusal(520, 1, 65) == .parameterOutOfRange(.parallelism, value: 65, limits: 1...64))
  }

  @Test func `lengths at the limits are taken and one past them is refused`() throws {
    let parameters = try Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1)
    func refusal(password: Int = 8, salt: Int = 16, tag: Int = 32) -> CryptoError? {
      do throws(CryptoError) {
        let result = try Argon2.hash(
          [UInt8](repeating: 1, count: password), salt: [UInt8](repeating: 2, count: salt), parameters,
          byteCount: tag, memory: memory)
        #expect(result.count == tag)
        return nil
      } catch {
        return error
      }
    }
    for count in [0, 4096] { #expect(refusal(password: count) == nil) }
    for count in [8, 64] { #expect(refusal(salt: count) == nil) }
    for count in [4, 1024] { #expect(refusal(tag: count) == nil) }
    #expect(refusal(password: 4097) == .parameterOutOfRange(.passwordByteCount, value: 4097, limits: 0...4096))
    #expect(refusal(salt: 7) == .parameterOutOfRange(.saltByteCount, value: 7, limits: 8...64))
    #expect(refusal(salt: 65) == .parameterOutOfRange(.saltByteCount, value: 65, limits: 8...64))
    #expect(refusal(tag: 3) == .parameterOutOfRange(.tagByteCount, value: 3, limits: 4...1024))
    #expect(refusal(tag: 1025) == .parameterOutOfRange(.tagByteCount, value: 1025, limits: 4...1024))
  }

  @Test func `errors name the thing, the value and the limits`() {
    let error = CryptoError.parameterOutOfRange(.memory, value: 7, limits: 8...64)
    #expect("\(error)" == "memory in KiB: 7; the limits are 8 and 64")
  }
}
