// bcrypt (Provos and Mazieres, USENIX 1999): for hashes that others made; nothing new is hashed with it.

import Platform

/// The spellings $2a$, $2b$ and $2y$ are one algorithm here, without the faults that once hid behind them:
/// * OpenBSD's $2a$ kept the length of the password in one byte, so that 256 bytes and more wrapped around. $2b$ says that a writer does not.
/// * Old crypt_blowfish took bytes over 127 as negative numbers. $2x$ marks hashes made so, and is refused; $2y$ those that are right.
///
/// Two rules of the algorithm remain. Only the first 72 bytes of a password count; they are what an imported hash was made of. And a
/// password ends at its first NUL, so one that holds a NUL never matches: it cannot be what the hash was made of.
///
/// The S-boxes are looked up by secret bytes: who shares the processor's cache may learn about them. That is bcrypt's nature.
enum Bcrypt {
  static let saltByteCount = 16
  /// Of 24 bytes, everybody leaves the last one out.
  static let tagByteCount = 23
  static let maxPasswordByteCount = 72
  static let costs = 4...31

  private static let roundKeyCount = 18
  private static let stateByteCount = blowfishTables.count * 4

  /// Computes a tag in 2^cost rounds: cost 12 takes about a quarter of a second.
  static func hash(_ password: Span<UInt8>, salt: Span<UInt8>, cost: Int) -> [UInt8] {
    precondition(salt.count == saltByteCount && costs.contains(cost), "bcrypt of cost \(cost) with \(salt.count) bytes of salt")
    var tag = [UInt8](repeating: 0, count: tagByteCount)
    // The schedule is as good as the password, and goes with the secret that holds it.
    _ = SecretBytes(count: stateByteCount) { bytes in
      // SAFETY: the secret lies on pages of its own, so it is aligned; all of it is written before it is read.
      unsafe bytes.withUnsafeMutableBytes { raw in
        let words = unsafe raw.bindMemory(to: UInt32.self).baseAddress!
        for index in 0..<blowfishTables.count { unsafe words[index] = blowfishTables[index] }
        unsafe schedule(words, keyWords(password), saltWords(salt), cost)
        unsafe encryptText(words, &tag)
      }
    }
    return tag
  }

  /// Eighteen words of the password and its NUL, over and over.
  private static func keyWords(_ password: Span<UInt8>) -> InlineArray<18, UInt32> {
    let count = min(password.count, maxPasswordByteCount)
    var end = 0
    while end < count, password[end] != 0 { end += 1 }
    var words = InlineArray<18, UInt32>(repeating: 0)
    var position = 0
    for index in 0..<roundKeyCount {
      for _ in 0..<4 {
        words[index] = words[index] << 8 | UInt32(position < end ? password[position] : 0)
        position = position == end ? 0 : position + 1
      }
    }
    return words
  }

  private static func saltWords(_ salt: Span<UInt8>) -> SIMD4<UInt32> {
    var words = SIMD4<UInt32>()
    for index in 0..<saltByteCount { words[index / 4] = words[index / 4] << 8 | UInt32(salt[index]) }
    return words
  }

  /// EksBlowfishSetup.
  private static func schedule(
    _ words: UnsafeMutablePointer<UInt32>, _ key: InlineArray<18, UInt32>, _ salt: SIMD4<UInt32>, _ cost: Int
  ) {
    // SAFETY: `words` has the 18 round keys and the four boxes; so in all functions below.
    for index in 0..<roundKeyCount { unsafe words[index] ^= key[index] }
    unsafe replace(words, salt)
    for _ in 0..<(UInt64(1) << UInt64(cost)) {
      for index in 0..<roundKeyCount { unsafe words[index] ^= key[index] }
      unsafe replace(words, SIMD4())
      for index in 0..<roundKeyCount { unsafe words[index] ^= salt[index & 3] }
      unsafe replace(words, SIMD4())
    }
  }

  /// Replaces all words, two by two, by the encryption of what came before them and two words of the salt.
  @inline(__always)
  private static func replace(_ words: UnsafeMutablePointer<UInt32>, _ salt: SIMD4<UInt32>) {
    var left: UInt32 = 0, right: UInt32 = 0
    var index = 0
    while index < blowfishTables.count {
      left ^= salt[index & 2]
      right ^= salt[(index & 2) | 1]
      unsafe encrypt(words, &left, &right)
      unsafe words[index] = left
      unsafe words[index &+ 1] = right
      index &+= 2
    }
  }

  /// Sixteen rounds of Blowfish on one block.
  @inline(__always)
  private static func encrypt(_ words: UnsafePointer<UInt32>, _ left: inout UInt32, _ right: inout UInt32) {
    var l = unsafe left ^ words[0], r = right
    var round = 1
    while round < 17 {
      unsafe r ^= mixed(words, l) ^ words[round]
      unsafe l ^= mixed(words, r) ^ words[round &+ 1]
      round &+= 2
    }
    left = unsafe r ^ words[17]
    right = l
  }

  /// The function F of Blowfish.
  @inline(__always)
  private static func mixed(_ words: UnsafePointer<UInt32>, _ x: UInt32) -> UInt32 {
    // SAFETY: the four offsets reach to 18 + 1024.
    let first = unsafe words[18 &+ Int(x >> 24)], second = unsafe words[274 &+ Int(x >> 16 & 0xff)]
    let third = unsafe words[530 &+ Int(x >> 8 & 0xff)], fourth = unsafe words[786 &+ Int(x & 0xff)]
    return ((first &+ second) ^ third) &+ fourth
  }

  /// Encrypts "OrpheanBeholderScryDoubt" sixty-four times.
  private static func encryptText(_ words: UnsafePointer<UInt32>, _ tag: inout [UInt8]) {
    var text: InlineArray<6, UInt32> = [0x4f72_7068, 0x6561_6e42, 0x6568_6f6c, 0x6465_7253, 0x6372_7944, 0x6f75_6274]
    for pair in 0..<3 {
      var left = text[2 * pair], right = text[2 * pair + 1]
      for _ in 0..<64 { unsafe encrypt(words, &left, &right) }
      text[2 * pair] = left
      text[2 * pair + 1] = right
    }
    for index in tag.indices { tag[index] = UInt8(truncatingIfNeeded: text[index / 4] >> UInt32(24 - 8 * (index % 4))) }
  }
}
