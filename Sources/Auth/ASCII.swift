// The only case folding this floor does: the 26 letters of ASCII.

extension Span<UInt8> {
  /// A copy in which `A`-`Z` are `a`-`z` and every other byte is as it was.
  func lowercasedASCII() -> [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(count)
    for index in indices { copy.append(self[index].lowercasedASCII) }
    return copy
  }
}

extension UInt8 {
  var lowercasedASCII: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self }
}
