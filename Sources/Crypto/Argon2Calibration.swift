// Which Argon2id parameters a machine can afford, found by measuring.

package import Platform

/// Proposals for new hashes: for each size of memory as many passes as fit into the time, never fewer than are safe.
package struct Argon2Calibration: Sendable {
  package struct Proposal: Sendable, Equatable {
    package let parameters: Argon2Parameters
    package let nanoseconds: UInt64
  }

  /// Those that fit, the smallest memory first.
  package let proposals: [Proposal]
  /// The most memory that fits (RFC 9106 section 4 wants memory first); where nothing fits, what costs least among what is safe.
  package let best: Proposal
  /// Whether `best` takes no longer than was asked for.
  package let fits: Bool

  /// The sizes that are tried, in KiB, with the fewest passes that OWASP's password storage page advises for each.
  private static let sizes: [(memoryKiB: Int, minIterations: Int)] = [
    (7168, 5), (9216, 4), (12288, 3), (19456, 2), (32768, 2), (47104, 1), (65536, 1), (98304, 1), (131_072, 1), (196_608, 1),
    (262_144, 1),
    (524_288, 1), (1_048_576, 1),
  ]
  package static let memoryKiBs = 7168...1_048_576
  /// More passes than this are better spent on memory.
  package static let maxIterations = 16

  /// Measures with one lane on one thread.
  ///
  /// - Parameters:
  ///   - target: nanoseconds that a hash may take.
  ///   - maxMemoryKiB: the largest memory to try, within `memoryKiBs`.
  ///   - measure: nanoseconds of one hash; called a few times for each size, with nothing that takes far longer than the target.
  package init(
    target: UInt64, maxMemoryKiB: Int, measure: (Argon2Parameters) throws(CryptoError) -> UInt64
  ) throws(CryptoError) {
    try checkRange(.memory, maxMemoryKiB, Self.memoryKiBs)
    var proposals: [Proposal] = []
    var cheapest: Proposal?
    for (memoryKiB, minIterations) in Self.sizes where memoryKiB <= maxMemoryKiB {
      let least = try Self.measured(memoryKiB, minIterations, measure)
      if cheapest.map({ least.nanoseconds < $0.nanoseconds }) ?? true { cheapest = least }
      // Larger memory with as few passes only takes longer.
      if least.nanoseconds > target {
        if minIterations == 1 { break }
        continue
      }
      let affordable = Int(target / max(1, least.nanoseconds / UInt64(minIterations)))
      var iterations = min(Self.maxIterations, max(minIterations, affordable))
      var found = iterations == minIterations ? least : try Self.measured(memoryKiB, iterations, measure)
      // A pass more than the first estimate says may not fit after all.
      while found.nanoseconds > target, iterations > minIterations {
        iterations -= 1
        found = iterations == minIterations ? least : try Self.measured(memoryKiB, iterations, measure)
      }
      proposals.append(found)
    }
    guard let last = proposals.last ?? cheapest else { preconditionFailure("no size is within \(maxMemoryKiB) KiB") }
    fits = !proposals.isEmpty
    best = last
    self.proposals = proposals
  }

  private static func measured(
    _ memoryKiB: Int, _ iterations: Int, _ measure: (Argon2Parameters) throws(CryptoError) -> UInt64
  ) throws(CryptoError) -> Proposal {
    let parameters = try Argon2Parameters(memoryKiB: memoryKiB, iterations: iterations, parallelism: 1)
    return Proposal(parameters: parameters, nanoseconds: try measure(parameters))
  }

  /// The median time of three hashes on this machine, after one that only warms the arena.
  package static func time(
    of parameters: Argon2Parameters, memory: PasswordMemory, clock: some Clock
  ) throws(CryptoError) -> UInt64 {
    let password = [UInt8](repeating: 0x70, count: 12), salt = [UInt8](repeating: 0x73, count: PasswordHash.saltByteCount)
    var times: [UInt64] = []
    for _ in 0..<4 {
      let start = clock.monotonicNanoseconds()
      _ = try Argon2.hash(password: password.span, salt: salt.span, parameters: parameters, memory: memory)
      times.append(clock.monotonicNanoseconds() - start)
    }
    return times.dropFirst().sorted()[1]
  }
}
