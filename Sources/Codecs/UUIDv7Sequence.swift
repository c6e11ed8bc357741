// A maker of version 7 identifiers that never go back (RFC 9562 section 6.2, method 2).

/// Each identifier is greater than the one before it, even within a millisecond and when the clock is set back.
///
/// In a new millisecond the 74 free bits are random; within the same one (or an earlier one) they grow by a random step of 1 to
/// 2^32, so that a neighbour cannot be computed from an identifier. While the clock is behind, identifiers stay at the latest
/// time that was seen.
package struct UUIDv7Sequence: Sendable {
  private var last: UUID?

  /// A sequence whose identifiers come after `last`, the greatest that an earlier one is known to have made.
  package init(after last: UUID? = nil) {
    precondition(last == nil || last?.milliseconds != nil, "the sequence would follow an identifier that is not of version 7")
    self.last = last
  }

  /// The next identifier.
  ///
  /// - Parameter random: fresh random bytes for each call.
  package mutating func next(milliseconds: Int64, random: InlineArray<10, UInt8>) -> UUID {
    var next = UUID.version7(milliseconds: milliseconds, random: random)
    if let last, let seen = last.milliseconds, seen >= milliseconds {
      var tail = UUID.Tail(of: last)
      let step = (UUID.Tail(random).low & 0xffff_ffff) + 1
      next =
        tail.advance(by: step)
        ? UUID.version7(milliseconds: seen, tail: tail)
        : UUID.version7(milliseconds: seen + 1, random: random)
    }
    last = next
    return next
  }
}

extension UUID.Tail {
  fileprivate init(of uuid: UUID) {
    high = uuid.high & 0xfff
    low = uuid.low & (1 << 62 - 1)
  }
}
