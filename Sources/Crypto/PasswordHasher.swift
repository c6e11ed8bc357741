// Password hashing for many threads: one cost, and a few arenas that they share.

package import Platform
import Synchronization

/// Makes and checks password hashes with arenas that wait between calls.
///
/// Any thread may call it; each call keeps its thread busy for one hash. It holds at most `maxIdleArenas` arenas while nobody hashes; how
/// many hash at once is the business of who calls.
package final class PasswordHasher: Sendable {
  /// What new hashes cost.
  package let parameters: Argon2Parameters

  private let random: RandomSource
  private let maxIdleArenas: Int
  // Guards the list only; never held while hashing.
  private let idle = Mutex<[Argon2Memory]>([])

  package init(parameters: Argon2Parameters, random: RandomSource, maxIdleArenas: Int) {
    precondition(maxIdleArenas >= 0, "\(maxIdleArenas) arenas")
    self.parameters = parameters
    self.random = random
    self.maxIdleArenas = maxIdleArenas
  }

  /// A new hash with a fresh salt.
  package func hash(_ password: Span<UInt8>) throws(CryptoError) -> PasswordHash {
    let memory = borrow()
    defer { giveBack(memory) }
    return try PasswordHash(of: password, parameters: parameters, random: random, memory: memory)
  }

  /// Whether a stored hash is that of `password`.
  package func matches(_ password: Span<UInt8>, _ hash: PasswordHash) throws(CryptoError) -> Bool {
    let memory = borrow()
    defer { giveBack(memory) }
    return try hash.matches(password, memory: memory)
  }

  /// Spends what `matches` would on a hash of the current cost, so that an account that does not exist answers no sooner.
  package func matchNothing(_ password: Span<UInt8>) throws(CryptoError) {
    _ = try hash(password)
  }

  /// Whether a hash that matched should be replaced by a new one.
  package func isOutdated(_ hash: PasswordHash) -> Bool { hash.needsRehash(for: parameters) }

  private func borrow() -> Argon2Memory {
    idle.withLock { $0.popLast() } ?? Argon2Memory()
  }

  private func giveBack(_ memory: Argon2Memory) {
    idle.withLock { list in
      if list.count < maxIdleArenas { list.append(memory) }
    }
  }
}
