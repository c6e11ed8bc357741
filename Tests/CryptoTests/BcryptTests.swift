// bcrypt against the vectors of jBCrypt and crypt_blowfish, its rules of 72 bytes and NUL, and pi.

import TestSupport
import Testing

@testable import Crypto

@Suite struct BcryptTests {
  let memory = PasswordMemory()

  // github.com/djmdjm/jBCrypt (cost 6) and John the Ripper's crypt_blowfish (cost 5).
  static let published: [(password: String, hash: String)] = [
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
    ("~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    (
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
      "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
    ),
  ]

  @Test(arguments: published) func `a published hash matches its password and no other`(_ password: String, _ text: String) throws
  {
    let hash = try PasswordHash(parsing: text)
    #expect(hash.text == text)
    #expect(try hash.matches(password, memory: memory))
    #expect(try !hash.matches("x" + password, memory: memory))
    let standard = Argon2Parameters.standard
    #expect(hash.needsRehash(for: standard))
  }

  // crypt_blowfish before 1.1 took bytes over 127 as negative numbers: "\xff\xff\xa3" had the hash that is marked $2x$ today.
  @Test func `bytes over 127 are what they are, in all three spellings`() throws {
    let vectors: [(password: [UInt8], end: String)] = [
      ([0xff, 0xff, 0xa3], "$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
      ([0xa3], "$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
      ([UInt8](repeating: 0xaa, count: 72), "$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6"),
    ]
    for (password, end) in vectors {
      for name in ["$2a", "$2b", "$2y"] { #expect(try PasswordHash(parsing: name + end).matches(password, memory: memory)) }
      #expect(throws: CryptoError.malformedPasswordHash(.version)) { _ = try PasswordHash(parsing: "$2x" + end) }
    }
  }

  // The length of a password was one byte in OpenBSD's $2a$: with its NUL 256 bytes became none, and any 255 bytes matched.
  @Test(arguments: [71, 72, 73, 254, 255, 256, 257, 4096])
  func `72 bytes count, whatever the length`(_ count: Int) throws {
    let salt = [UInt8](0..<16)
    let password = (0..<count).map { UInt8(1 + $0 % 250) }
    let tag = Bcrypt.hash(password.span, salt: salt.span, cost: 4)
    let first72 = Array(password.prefix(72))
    #expect(tag == Bcrypt.hash(first72.span, salt: salt.span, cost: 4))
    var other = password
    other[min(count, 72) - 1] ^= 0x80
    #expect(tag != Bcrypt.hash(other.span, salt: salt.span, cost: 4))
  }

  @Test func `a password with a NUL never matches, though what stands before it does`() throws {
    let hash = try PasswordHash(parsing: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
    #expect(try hash.matches("U*U", memory: memory))
    for password in ["U*U\0", "U*U\0U*U", "\0", "U*\0U"] { #expect(try !hash.matches(password, memory: memory)) }
  }

  @Test func `costs outside the limits, other spellings and loose digits are refused`() {
    let end = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    func refusal(_ text: String) -> CryptoError? {
      do throws(CryptoError) {
        _ = try PasswordHash(parsing: text)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal("$2b$04$" + end) == nil && refusal("$2b$14$" + end) == nil)
    #expect(refusal("$2b$15$" + end) == .parameterOutOfRange(.bcryptCost, value: 15, limits: 4...14))
    #expect(refusal("$2b$31$" + end) == .parameterOutOfRange(.bcryptCost, value: 31, limits: 4...14))
    for cost in ["03", "00", "32", "99", "5", "005", "+5", " 5", "", "0x", "٠٥"] {
      #expect(refusal("$2b$\(cost)$" + end) == .malformedPasswordHash(.parameters), "cost \(cost)")
    }
    for name in ["$2$", "$2c$", "$2x$", "$2B$", "$2ab$"] {
      #expect(refusal(name + "05$" + end) == .malformedPasswordHash(.version), "\(name)")
    }
    // The last digit of the salt has four bits that mean nothing, the last of the tag two.
    #expect(refusal("$2b$05$CCCCCCCCCCCCCCCCCCCCCCE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW") == .malformedPasswordHash(.salt))
    #expect(refusal("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX") == .malformedPasswordHash(.hash))
    #expect(refusal("$2b$05$" + end.dropLast()) == .malformedPasswordHash(.hash))
    #expect(refusal("$2b$05$" + end + "C") == .malformedPasswordHash(.hash))
    #expect(refusal("$2b$05$" + end.prefix(21)) == .malformedPasswordHash(.salt))
    #expect(refusal("$2b$05$" + end.replacing("E5", with: "E+")) == .malformedPasswordHash(.hash))
  }

  // Machin's formula with a hundred and twenty guard bits, in words of 32 bits.
  @Test func `the tables of Blowfish are the digits of pi`() {
    let wordCount = blowfishTables.count + 4
    var pi = arctangentOfInverse(5, times: 16, wordCount)
    subtract(arctangentOfInverse(239, times: 4, wordCount), from: &pi)
    #expect(pi[0] == 3)
    for index in 0..<blowfishTables.count where pi[index + 1] != blowfishTables[index] {
      Issue.record("word \(index) is \(blowfishTables[index]), of pi \(pi[index + 1])")
      return
    }
  }

  /// `times` * arctan(1/x) as one word before the point and `wordCount` - 1 behind it.
  private func arctangentOfInverse(_ x: UInt64, times: UInt64, _ wordCount: Int) -> [UInt32] {
    var power = [UInt32](repeating: 0, count: wordCount)
    power[0] = UInt32(times)
    divide(&power, by: x)
    var sum = power, divisor: UInt64 = 1, isNegative = true
    while power.contains(where: { $0 != 0 }) {
      divide(&power, by: x * x)
      divisor += 2
      var term = power
      divide(&term, by: divisor)
      if isNegative { subtract(term, from: &sum) } else { add(term, to: &sum) }
      isNegative.toggle()
    }
    return sum
  }

  private func divide(_ number: inout [UInt32], by divisor: UInt64) {
    var rest: UInt64 = 0
    for index in number.indices {
      let part = rest << 32 | UInt64(number[index])
      number[index] = UInt32(part / divisor)
      rest = part % divisor
    }
  }

  private func add(_ other: [UInt32], to number: inout [UInt32]) {
    var carry: UInt64 = 0
    for index in number.indices.reversed() {
      carry += UInt64(number[index]) + UInt64(other[index])
      number[index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
  }

  private func subtract(_ other: [UInt32], from number: inout [UInt32]) {
    var borrow: Int64 = 0
    for index in number.indices.reversed() {
      borrow += Int64(number[index]) - Int64(other[index])
      number[index] = UInt32(truncatingIfNeeded: borrow)
      borrow >>= 32
    }
  }
}
