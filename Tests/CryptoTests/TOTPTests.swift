// One-time codes against RFC 4226 and RFC 6238, and that none is taken twice.

import Platform
import TestSupport
import Testing

@testable import Crypto

@Suite struct TOTPTests {
  private let secret = SecretBytes(copying: Array("12345678901234567890".utf8))

  private func code(at step: UInt64) -> [UInt8] {
    let digits = secret.withSpan { TOTP.digits(of: TOTP.code(secret: $0, counter: step)) }
    return digits.span.indices.map { digits[$0] }
  }

  private func accepted(_ code: String, _ seconds: Int64, after last: UInt64? = nil) -> UInt64? {
    TOTP.acceptedStep(of: Array(code.utf8).span, secret: secret, atSeconds: seconds, after: last)
  }

  @Test func `the codes of RFC 4226 appendix D are met`() {
    let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    for (step, expected) in codes.enumerated() { #expect(String(decoding: code(at: UInt64(step)), as: UTF8.self) == expected) }
  }

  // RFC 6238 appendix B shows eight digits; its six are the last ones.
  @Test func `the codes of RFC 6238 appendix B are met`() {
    let vectors: [(seconds: Int64, code: UInt32)] = [
      (59, 94_287_082), (1_111_111_109, 7_081_804), (1_111_111_111, 14_050_471), (1_234_567_890, 89_005_924),
      (2_000_000_000, 69_279_037), (20_000_000_000, 65_353_130),
    ]
    for (seconds, expected) in vectors {
      let step = TOTP.step(atSeconds: seconds)
      #expect(secret.withSpan { TOTP.code(secret: $0, counter: step) } == expected % 1_000_000)
      let text = String(decoding: code(at: step), as: UTF8.self)
      #expect(text.utf8.count == 6 && UInt32(text) == expected % 1_000_000)
      #expect(accepted(text, seconds) == step)
    }
  }

  @Test func `a code counts one step early and late, not two`() {
    let step: UInt64 = 50_000_000
    let text = String(decoding: code(at: step), as: UTF8.self)
    for (seconds, isTaken) in [
      (Int64(step) * 30, true), (Int64(step) * 30 + 29, true), (Int64(step) * 30 + 30, true), (Int64(step) * 30 + 59, true),
      (Int64(step) * 30 - 30, true), (Int64(step) * 30 + 60, false), (Int64(step) * 30 - 31, false),
    ] { #expect(accepted(text, seconds) == (isTaken ? step : nil), "at \(seconds)") }
  }

  @Test func `a code is taken once, and none that is older than one that was`() {
    let step: UInt64 = 50_000_000
    let now = Int64(step) * 30
    let current = String(decoding: code(at: step), as: UTF8.self)
    let before = String(decoding: code(at: step - 1), as: UTF8.self)
    #expect(accepted(current, now) == step)
    #expect(accepted(current, now, after: step) == nil)
    #expect(accepted(current, now, after: step - 1) == step)
    #expect(accepted(before, now, after: step) == nil)
    #expect(accepted(before, now, after: step - 2) == step - 1)
  }

  // Had the older of two steps with one code been noted, the same six digits would have been taken again half a minute later.
  @Test func `a code that two steps share is used up for both`() throws {
    let step: UInt64 = 910_737
    #expect(code(at: step) == Array("911617".utf8) && code(at: step + 1) == Array("911617".utf8))
    let taken = try #require(accepted("911617", Int64(step) * 30))
    #expect(taken == step + 1)
    #expect(accepted("911617", Int64(step) * 30, after: taken) == nil)
    #expect(accepted("911617", Int64(step + 1) * 30, after: taken) == nil)
  }

  @Test func `nothing but six right digits is a code`() {
    let now: Int64 = 59
    #expect(accepted("287082", now) == 1)
    for wrong in ["", "28708", "2870820", " 87082", "287 082", "94287082", "287083", "２８７０８２", "28708２", "-87082", "287082\n"] {
      #expect(accepted(wrong, now) == nil, "\(wrong)")
    }
  }

  @Test func `the first moments have no step before them`() {
    let first = String(decoding: code(at: 0), as: UTF8.self)
    #expect(accepted(first, 0) == 0)
    #expect(accepted(first, -1_000_000) == 0)
    #expect(accepted(first, 59) == 0)
    #expect(accepted(first, 60) == nil)
  }

  @Test func `a new secret is twenty bytes of the source`() {
    let source = RandomSource { bytes in for index in bytes.indices { bytes[index] = UInt8(index) } }
    #expect(TOTP.newSecret(from: source).hex == hex([UInt8](0..<20)))
  }
}
