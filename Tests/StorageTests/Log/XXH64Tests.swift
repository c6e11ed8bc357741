// The hash of every structure on disk, against published values.

import Testing

@testable import Storage

struct XXH64Tests {
  /// The buffer of the sanity check in the xxHash distribution (`cli/xsum_sanity_check.c`).
  static let sanityBuffer: [UInt8] = {
    var state: UInt64 = 2_654_435_761
    return (0..<222).map { _ in
      defer { state = state &* 11_400_714_785_074_694_797 }
      return UInt8(state >> 56)
    }
  }()

  @Test(
    arguments: [
      (0, 0, 0xEF46_DB37_51D8_E999), (0, 2_654_435_761, 0xAC75_FDA2_929B_17EF),
      (1, 0, 0xE934_A84A_DB05_2768), (1, 2_654_435_761, 0x5014_6076_43A9_B4C3),
      (4, 0, 0x9136_A0DC_A574_57EE), (4, 2_654_435_761, 0xCAAB_286B_D8E9_FDB5),
      (14, 0, 0x8282_DCC4_994E_35C8), (14, 2_654_435_761, 0xC3BD_6BF6_3DEB_6DF0),
      (222, 0, 0xB641_AE8C_B691_C174), (222, 2_654_435_761, 0x20CB_8AB7_AE10_C14A),
    ] as [(Int, UInt64, UInt64)])
  func `the values of the xxHash sanity check come out`(count: Int, seed: UInt64, expected: UInt64) {
    #expect(XXH64.hash(Self.sanityBuffer.span.extracting(0..<count), seed: seed) == expected)
  }

  @Test(arguments: [(0, 0x32DD_3895_2C4B_C720), (20_141_025, 0xB559_B98D_844E_0635)] as [(UInt64, UInt64)])
  func `the word xxhash has the values of the python package`(seed: UInt64, expected: UInt64) {
    let text = Array("xxhash".utf8)
    #expect(XXH64.hash(text.span, seed: seed) == expected)
  }
}
