// Unpredictable bytes as a dependency.

import Glibc

/// A source of random bytes, given through `init` so that tests can repeat what happened.
package struct RandomSource: Sendable {
  private let body: @Sendable (inout MutableSpan<UInt8>) -> Void

  /// - Parameter body: fills the whole span; any thread may call it.
  package init(_ body: @escaping @Sendable (inout MutableSpan<UInt8>) -> Void) { self.body = body }

  /// Fills all of `bytes`.
  package func fill(_ bytes: inout MutableSpan<UInt8>) { body(&bytes) }

  /// `count` fresh bytes.
  package func bytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    body(&span)
    return bytes
  }

  /// The kernel's generator (getrandom(2)), which blocks only before it was first seeded at boot.
  package static let system = RandomSource { bytes in
    unsafe bytes.withUnsafeMutableBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        // SAFETY: base + offset stays within the buffer, and the count is what is left of it.
        let got = unsafe linux_getrandom(buffer.baseAddress! + offset, buffer.count - offset, 0)
        precondition(got > 0 || Errno.last.kind == .retry, "the kernel gives no random bytes: \(Errno.last)")
        if got > 0 { offset += got }
      }
    }
  }
}
