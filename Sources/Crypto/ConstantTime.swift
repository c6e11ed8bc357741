// Comparison whose time says nothing about where two secrets differ.

/// Whether two byte strings are equal, in a time that depends on their lengths only.
///
/// Strings of different length are unequal at once: lengths are no secret here.
@inline(never)
package func constantTimeEquals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  var difference: UInt8 = 0
  for index in left.indices { difference |= left[index] ^ right[index] }
  return difference == 0
}
