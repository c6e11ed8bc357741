// PBKDF2 and scrypt against RFC 6070, RFC 7914 and the published values of SHA-512, on both paths.

import TestSupport
import Testing

@testable import Crypto

@Suite struct KeyDerivationTests {
  private func pbkdf2(
    _ function: PBKDF2.Function, _ password: String, _ salt: String, _ iterations: Int, _ count: Int,
    _ path: Implementation = .accelerated
  ) -> String {
    var key = [UInt8](repeating: 0, count: count)
    var output = key.mutableSpan
    PBKDF2.deriveKey(
      function, password: Array(password.utf8).span, salt: Array(salt.utf8).span, iterations: iterations, into: &output, path)
    return hex(key)
  }

  // The case of 16,777,216 iterations is left to who has the time.
  @Test func `the keys of RFC 6070 are met with SHA-1`() {
    #expect(pbkdf2(.sha1, "password", "salt", 1, 20) == "0c60c80f961f0e71f3a9b524af6012062fe037a6")
    #expect(pbkdf2(.sha1, "password", "salt", 2, 20) == "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")
    #expect(pbkdf2(.sha1, "password", "salt", 4096, 20) == "4b007901b765489abead49d926f721d065a429c1")
    #expect(
      pbkdf2(.sha1, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25)
        == "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038")
    #expect(pbkdf2(.sha1, "pass\0word", "sa\0lt", 4096, 16) == "56fa6aa75548099dcc37d7f03425e0c3")
  }

  @Test(arguments: Implementation.allCases)
  func `the keys of RFC 7914 section 11 are met with SHA-256`(_ path: Implementation) {
    #expect(
      pbkdf2(.sha256, "passwd", "salt", 1, 64, path)
        == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
    )
    // Eighty thousand iterations twice: on the fast path only.
    guard path == .accelerated, path.usesSHA256Instructions else { return }
    #expect(
      pbkdf2(.sha256, "Password", "NaCl", 80_000, 64, path)
        == "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"
    )
  }

  @Test func `published keys are met with SHA-512`() {
    #expect(
      pbkdf2(.sha512, "password", "salt", 1, 64)
        == "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"
    )
    #expect(
      pbkdf2(.sha512, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 64)
        == "8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71115b59f9e60cd9532fa33e0f75aefe30225c583a186cd82bd4daea9724a3d3b8"
    )
  }

  @Test func `a key in several digests begins as the shorter one does`() {
    for function in PBKDF2.Function.allCases {
      let long = pbkdf2(function, "p", "s", 3, 150)
      for count in [1, 19, 20, 21, 32, 33, 63, 64, 65, 128, 129] {
        #expect(pbkdf2(function, "p", "s", 3, count) == String(long.prefix(2 * count)), "\(function), \(count) bytes")
      }
    }
  }

  private let memory = PasswordMemory()

  private func scrypt(_ password: String, _ salt: String, _ logCount: Int, _ blockSize: Int, _ parallelism: Int) throws -> String
  {
    hex(
      try Scrypt.hash(
        Array(password.utf8).span, salt: Array(salt.utf8).span,
        parameters: ScryptParameters(logCount: logCount, blockSize: blockSize, parallelism: parallelism), byteCount: 64,
        memory: memory, .accelerated))
  }

  // RFC 7914 section 12, without the case that takes a gibibyte. The 16 MiB of the third take seconds in a debug build.
  @Test func `the small keys of RFC 7914 section 12 are met with scrypt`() throws {
    #expect(
      try scrypt("", "", 4, 1, 1)
        == "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
    )
    // Once more in an arena that was used before.
    #expect(try scrypt("", "", 4, 1, 1).hasPrefix("77d6576238657b20"))
  }

  @Test(.enabled(if: testScale > 1, "USERD_TEST_SCALE is 1"))
  func `the large keys of RFC 7914 section 12 are met with scrypt`() throws {
    #expect(
      try scrypt("password", "NaCl", 10, 8, 16)
        == "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    )
    #expect(
      try scrypt("pleaseletmein", "SodiumChloride", 14, 8, 1)
        == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
  }

  @Test func `costs of scrypt at the limits are taken and one past them is refused`() throws {
    func refusal(_ logCount: Int, _ blockSize: Int, _ parallelism: Int, memoryKiB: Int = 4 << 20) -> CryptoError? {
      var limits = PasswordHashLimits()
      limits.argon2.maxMemoryKiB = memoryKiB
      do throws(CryptoError) {
        _ = try ScryptParameters(logCount: logCount, blockSize: blockSize, parallelism: parallelism, limits: limits)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal(1, 1, 1) == nil && refusal(24, 2, 16) == nil && refusal(20, 32, 1) == nil)
    #expect(refusal(0, 8, 1) == .parameterOutOfRange(.scryptCost, value: 0, limits: 1...24))
    #expect(refusal(25, 1, 1) == .parameterOutOfRange(.scryptCost, value: 25, limits: 1...24))
    #expect(refusal(14, 0, 1) == .parameterOutOfRange(.scryptBlockSize, value: 0, limits: 1...32))
    #expect(refusal(14, 33, 1) == .parameterOutOfRange(.scryptBlockSize, value: 33, limits: 1...32))
    #expect(refusal(14, 8, 0) == .parameterOutOfRange(.parallelism, value: 0, limits: 1...16))
    #expect(refusal(14, 8, 17) == .parameterOutOfRange(.parallelism, value: 17, limits: 1...16))
    #expect(refusal(14, 8, 1, memoryKiB: 16384) == nil)
    #expect(refusal(14, 8, 1, memoryKiB: 16383) == .parameterOutOfRange(.memory, value: 16384, limits: 0...16383))
  }
}
