// Password hashing within bounds: so many arenas, one hash for each question, known address or not.

import Codecs
package import Crypto
package import Platform
import Synchronization

/// Hashes and checks passwords with Argon2id. Any thread may call it; each call takes some 15 ms of CPU and one arena.
///
/// Memory is bounded by the arenas: with all of them in use a call is refused at once. Whoever calls from as many threads as there are arenas is
/// never refused.
package final class PasswordHasher: Sendable {
  private let parameters: Argon2Parameters
  private let random: RandomSource
  // Guards the arenas that nobody uses; never held while hashing.
  private let arenas: Mutex<[PasswordMemory]>
  private let clock: any Clock
  private let onHash: @Sendable () -> Void
  private let spans: SpanNotes?
  /// How long each hash took, however it ended. Guarded by a lock that is held to count.
  private let spread = Mutex(Histogram())
  /// What an unknown address is compared with: costs what a known one costs, and no password matches it.
  private let nobody: PasswordHash

  /// - Parameters:
  ///   - arenas: how many hashes may run at once.
  ///   - spans: told how long hashes take that belong to a traced request.
  ///   - onHash: called once for each hash, before it is computed.
  package init(
    parameters: Argon2Parameters, arenas: Int, random: RandomSource, clock: any Clock = SystemClock(), spans: SpanNotes? = nil,
    onHash: @escaping @Sendable () -> Void = {}
  ) throws(CryptoError) {
    precondition(arenas > 0, "\(arenas) arenas to hash in")
    self.parameters = parameters
    self.random = random
    self.arenas = Mutex((0..<arenas).map { _ in PasswordMemory() })
    self.clock = clock
    self.onHash = onHash
    self.spans = spans
    let cost = "m=\(parameters.memoryKiB),t=\(parameters.iterations),p=\(parameters.parallelism)"
    let salt = random.bytes(PasswordHash.saltByteCount)
    let tag = random.bytes(PasswordHash.tagByteCount)
    let text = "$argon2id$v=19$\(cost)$\(Base64.encodedString(salt.span))$\(Base64.encodedString(tag.span))"
    nobody = try PasswordHash(parsing: text.utf8.span)
  }

  /// How long the hashes took that were computed since the start.
  package var durations: Histogram { spread.withLock { $0 } }

  /// The PHC string of a new password.
  ///
  /// - Throws: `.overloaded`.
  func hash(_ password: Password) throws(AuthError) -> String {
    try withArena { (memory) throws(CryptoError) in
      try password.secret.withSpan { (bytes) throws(CryptoError) in
        try PasswordHash(of: bytes, parameters: parameters, random: random, memory: memory).text
      }
    }
  }

  /// Whether `password` is the one behind `stored`, a PHC string, and whether it should be hashed again. Without one the answer is no, after as
  /// much work. Computes exactly one hash.
  ///
  /// - Throws: `.overloaded`; `.storageFailed` if `stored` is damaged.
  func check(_ password: Password, against stored: String?) throws(AuthError) -> (matches: Bool, isOutdated: Bool) {
    let expected: PasswordHash
    if let stored {
      do throws(CryptoError) {
        expected = try PasswordHash(parsing: stored.utf8.span)
      } catch {
        throw .storageFailed("a stored password hash is damaged: \(error)")
      }
    } else {
      expected = nobody
    }
    // Longer than any password that can be set: a no that costs what every no costs.
    let isTooLong = !Argon2Limits.passwordByteCounts.contains(password.secret.count)
    let candidate = isTooLong ? Password("") : password
    let matches = try withArena { (memory) throws(CryptoError) in
      try candidate.secret.withSpan { (bytes) throws(CryptoError) in try expected.matches(bytes, memory: memory) }
    }
    return (matches && stored != nil && !isTooLong, expected.needsRehash(for: parameters))
  }

  /// The text of a hash that was made elsewhere, to be stored as it is: checked against it, a password costs no more memory than one of our own,
  /// and not much more time (docs/security.md §1).
  ///
  /// - Throws: `.invalidValue` at `pointer` for what is no hash, or one that costs too much.
  func accept(imported text: String, at pointer: String) throws(FieldError) -> String {
    do throws(CryptoError) {
      _ = try PasswordHash(parsing: text.utf8.span, limits: PasswordHashLimits(importingBeside: parameters))
      return text
    } catch {
      switch error {
      case .parameterOutOfRange(let parameter, _, let limits):
        let detail = "the hash costs more than is taken, or is too weak: \(parameter.rawValue)"
        throw FieldError(pointer, .invalidValue, detail, min: limits.lowerBound, max: limits.upperBound)
      case .malformedPasswordHash, .memoryUnavailable: throw FieldError(pointer, .invalidValue, error.description)
      }
    }
  }

  private func withArena<Value>(_ body: (PasswordMemory) throws(CryptoError) -> Value) throws(AuthError) -> Value {
    guard let memory = arenas.withLock({ $0.popLast() }) else { throw .overloaded }
    let start = clock.monotonicNanoseconds()
    defer {
      arenas.withLock { $0.append(memory) }
      let duration = clock.monotonicNanoseconds() - start
      spread.withLock { $0.add(nanoseconds: duration) }
    }
    onHash()
    let began = spans?.begin() ?? 0
    defer { if began > 0 { spans?.end(.hash, since: began) } }
    do throws(CryptoError) {
      return try body(memory)
    } catch {
      switch error {
      case .memoryUnavailable: throw .overloaded
      case .parameterOutOfRange, .malformedPasswordHash: throw .storageFailed("a password cannot be hashed: \(error)")
      }
    }
  }
}
