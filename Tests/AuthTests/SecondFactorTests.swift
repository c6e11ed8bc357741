// What a second factor is set up with: the URI for an app, and codes on paper.

import Codecs
import Crypto
import Platform
import TestSupport
import Testing

@testable import Auth

@Suite struct SecondFactorTests {
  private let secret = SecretBytes(copying: Array("12345678901234567890".utf8).span)

  @Test func `an app reads secret, account and issuer from the URI`() throws {
    let enrollment = try TOTPEnrollment(secret: secret, issuer: "userd", account: EmailAddress("ann@example.org"))
    #expect(enrollment.secretText == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    #expect(
      enrollment.uri
        == "otpauth://totp/userd:ann%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=userd&algorithm=SHA1&digits=6&period=30"
    )
  }

  @Test func `no name adds a parameter, a path or a second colon`() throws {
    let enrollment = try TOTPEnrollment(
      secret: secret, issuer: "https://id.example.org/?secret=A&b #ü", account: EmailAddress("a&secret=b?c#d/e+f%41@example.org"))
    let parts = enrollment.uri.split(separator: "?")
    #expect(parts.count == 2)
    #expect(parts[0].filter { $0 == ":" }.count == 2 && parts[0].filter { $0 == "/" }.count == 3)
    #expect(
      parts[1].split(separator: "&").map { $0.prefix { $0 != "=" } } == ["secret", "issuer", "algorithm", "digits", "period"])
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%:/?&=")
    #expect(enrollment.uri.allSatisfy { allowed.contains($0) })
  }

  @Test func `neither the secret nor a code is ever shown by accident`() throws {
    let enrollment = try TOTPEnrollment(secret: secret, issuer: "userd", account: EmailAddress("ann@example.org"))
    let code = RecoveryCode(from: .system)
    var dumped = ""
    dump(enrollment, to: &dumped)
    dump(code, to: &dumped)
    for line in ["\(enrollment)", "\(code)", dumped] {
      #expect(!line.contains("GEZDGNBV") && !line.contains(code.text))
    }
  }

  @Test func `a code is its random bits, five to a digit`() {
    let source = RandomSource { bytes in
      for index in bytes.indices { bytes[index] = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf][index] }
    }
    #expect(RecoveryCode(from: source).text == "0123-4567-89ab-cdef")
    let ones = RandomSource { bytes in
      for index in bytes.indices { bytes[index] = 0xff }
    }
    #expect(RecoveryCode(from: ones).text == "zzzz-zzzz-zzzz-zzzz")
  }

  @Test func `a set has ten different codes without look-alikes`() {
    let codes = RecoveryCode.newSet(from: .system).map(\.text)
    #expect(codes.count == 10 && Set(codes).count == 10)
    for code in codes { #expect(code.utf8.count == 19 && !code.contains { "ilouILOU".contains($0) }) }
  }

  @Test func `a code is recognised however it is typed`() throws {
    let user = try #require(UUID("0198f3c0-0000-7000-8000-000000000001"))
    let source = RandomSource { bytes in
      for index in bytes.indices { bytes[index] = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf][index] }
    }
    let digest = RecoveryCode(from: source).digest(of: user)
    for text in [
      "0123-4567-89ab-cdef", "0123456789abcdef", "0123 4567 89AB CDEF", "O1234567-89ab-cdef", "oi23-4567-89ab-cdef",
      "OL234567 89abcdef",
      "  --0123-4567-89ab-cdef -",
    ] {
      #expect(RecoveryCode(entered: text)?.digest(of: user) == digest, "\(text)")
    }
    for text in [
      "", "0123-4567-89ab-cde", "0123-4567-89ab-cdeff", "0123-4567-89ab-cdeu", "0123-4567-89ab-cde_", "0123-4567-89ab-cdé",
      "0123-4567-89ab-cdef\0", "0123\n4567-89ab-cdef", String(repeating: " ", count: 49) + "0123456789abcdef",
    ] {
      #expect(RecoveryCode(entered: text) == nil, "\(text)")
    }
    let other = try #require(UUID("0198f3c0-0000-7000-8000-000000000002"))
    #expect(RecoveryCode(entered: "0123-4567-89ab-cdef")?.digest(of: other) != digest)
  }
}
