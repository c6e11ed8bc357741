// The one-time authenticator Poly1305 (RFC 8439 section 2.5).

/// A running tag under a key that is used for one message only. Multiplications and additions of fixed width: no branch and no address
/// depends on what is authenticated.
struct Poly1305 {
  static let byteCount = 16

  // The accumulator and r as limbs of 44, 44 and 42 bits; s is added at the end.
  private var h: SIMD4<UInt64> = .zero
  private let r: SIMD4<UInt64>
  private let s: (low: UInt64, high: UInt64)

  private static let mask44: UInt64 = 1 << 44 - 1
  private static let mask42: UInt64 = 1 << 42 - 1

  /// - Parameter key: 32 bytes.
  init(key: Span<UInt8>) {
    precondition(key.count == 32, "a Poly1305 key of \(key.count) bytes")
    let low = Self.word(key, 0, 8) & 0x0fff_fffc_0fff_ffff
    let high = Self.word(key, 8, 8) & 0x0fff_fffc_0fff_fffc
    r = SIMD4(low & Self.mask44, (low >> 44 | high << 20) & Self.mask44, high >> 24 & Self.mask42, 0)
    s = (Self.word(key, 16, 8), Self.word(key, 24, 8))
  }

  /// Takes in a part of the message; every part but the last fills whole blocks of 16 bytes, zeros added as RFC 8439 2.8 does.
  mutating func updatePadded(_ bytes: Span<UInt8>) {
    var offset = 0
    while offset < bytes.count {
      let count = min(16, bytes.count - offset)
      let low = Self.word(bytes, offset, min(8, count))
      let high = count > 8 ? Self.word(bytes, offset + 8, count - 8) : 0
      mix(low, high, end: 1)
      offset += 16
    }
  }

  /// Takes in the two lengths that end an authenticated message.
  mutating func update(_ first: Int, _ second: Int) { mix(UInt64(first), UInt64(second), end: 1) }

  /// Takes in all of a message that is padded in Poly1305's own way: for plain tags.
  mutating func update(_ bytes: Span<UInt8>) {
    let whole = bytes.count & ~15
    updatePadded(bytes.extracting(0..<whole))
    let left = bytes.count - whole
    guard left > 0 else { return }
    var low = Self.word(bytes, whole, min(8, left))
    var high = left > 8 ? Self.word(bytes, whole + 8, left - 8) : 0
    if left < 8 { low |= 1 << UInt64(8 * left) } else { high |= 1 << UInt64(8 * (left - 8)) }
    mix(low, high, end: 0)
  }

  /// h = (h + block) * r modulo 2^130 - 5, carried so far that it fits the limbs.
  private mutating func mix(_ low: UInt64, _ high: UInt64, end: UInt64) {
    let a = h[0] &+ (low & Self.mask44)
    let b = h[1] &+ ((low >> 44 | high << 20) & Self.mask44)
    let c = h[2] &+ (high >> 24 & Self.mask42 | end << 40)
    // A limb past 2^130 comes back times 5, and times 4 because the limbs make 132 bits.
    let r1 = r[1] &* 20
    let r2 = r[2] &* 20
    let first = product(a, r[0]) &+ product(b, r2) &+ product(c, r1)
    let second = product(a, r[1]) &+ product(b, r[0]) &+ product(c, r2) &+ (first >> 44)
    let third = product(a, r[2]) &+ product(b, r[1]) &+ product(c, r[0]) &+ (second >> 44)
    let carry = UInt64(truncatingIfNeeded: third >> 42) &* 5 &+ (UInt64(truncatingIfNeeded: first) & Self.mask44)
    h = SIMD4(
      carry & Self.mask44, (UInt64(truncatingIfNeeded: second) & Self.mask44) &+ (carry >> 44),
      UInt64(truncatingIfNeeded: third) & Self.mask42, 0)
  }

  /// Writes the tag to all of `output`.
  consuming func finish(into output: inout MutableSpan<UInt8>) {
    var (a, b, c) = (h[0], h[1], h[2])
    // Two rounds of carries leave every limb within its bits.
    for _ in 0..<2 {
      b &+= a >> 44
      a &= Self.mask44
      c &+= b >> 44
      b &= Self.mask44
      a &+= (c >> 42) &* 5
      c &= Self.mask42
    }
    b &+= a >> 44
    a &= Self.mask44
    // h - (2^130 - 5) is h + 5 - 2^130: taken where it is not negative, by a mask and no branch.
    let x = a &+ 5
    let y = b &+ (x >> 44)
    let z = c &+ (y >> 44) &- (1 << 42)
    let keep = 0 &- (z >> 63)
    a = (a & keep) | (x & Self.mask44 & ~keep)
    b = (b & keep) | (y & Self.mask44 & ~keep)
    c = (c & keep) | (z & ~keep)
    let (low, carry) = (a | b << 44).addingReportingOverflow(s.low)
    let high = (b >> 20 | c << 24) &+ s.high &+ (carry ? 1 : 0)
    for index in 0..<8 {
      output[index] = UInt8(truncatingIfNeeded: low >> UInt64(8 * index))
      output[8 + index] = UInt8(truncatingIfNeeded: high >> UInt64(8 * index))
    }
  }

  @inline(__always) private func product(_ x: UInt64, _ y: UInt64) -> UInt128 { UInt128(x) &* UInt128(y) }

  /// Up to eight little-endian bytes.
  @inline(__always) private static func word(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<count { word |= UInt64(bytes[offset &+ index]) &<< UInt64(8 &* index) }
    return word
  }
}
