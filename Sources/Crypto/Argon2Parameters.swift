// How much work a password hash is, and the bounds of every number in it.

/// The cost of an Argon2id hash: m, t and p of RFC 9106.
package struct Argon2Parameters: Hashable, Sendable {
  package let memoryKiB: Int
  package let iterations: Int
  package let parallelism: Int

  /// - Parameters:
  ///   - memoryKiB: at least 8 for each lane.
  ///   - parallelism: lanes; one thread computes all of them.
  /// - Throws: `.parameterOutOfRange` with the first number outside `limits`.
  package init(
    memoryKiB: Int, iterations: Int, parallelism: Int, limits: Argon2Limits = Argon2Limits()
  ) throws(CryptoError) {
    try checkRange(.parallelism, parallelism, 1...limits.maxParallelism)
    try checkRange(.memory, memoryKiB, (8 * parallelism)...max(8 * parallelism, limits.maxMemoryKiB))
    try checkRange(.iterations, iterations, 1...limits.maxIterations)
    self.memoryKiB = memoryKiB
    self.iterations = iterations
    self.parallelism = parallelism
  }

  private init(checkedMemoryKiB: Int, iterations: Int, parallelism: Int) {
    memoryKiB = checkedMemoryKiB
    self.iterations = iterations
    self.parallelism = parallelism
  }

  /// 19 MiB, two passes, one lane: the least that OWASP's password storage page advises; about 12 ms with AVX2.
  package static let standard = Argon2Parameters(checkedMemoryKiB: 19456, iterations: 2, parallelism: 1)
}

/// What this floor computes at most, however a number came to it.
package struct Argon2Limits: Sendable {
  package var maxMemoryKiB = 4 << 20
  package var maxIterations = 1024
  package var maxParallelism = 64

  /// RFC 9106 3.1 asks for 8 bytes at least.
  package static let saltByteCounts = 8...64
  package static let tagByteCounts = 4...1024
  /// Room for 256 code points four times over; hashing more only helps who wants to keep the processor busy.
  package static let passwordByteCounts = 0...4096

  package init() {}
}

/// Refuses a number outside its limits.
func checkRange(_ parameter: CryptoError.Parameter, _ value: Int, _ limits: ClosedRange<Int>) throws(CryptoError) {
  guard limits.contains(value) else { throw .parameterOutOfRange(parameter, value: value, limits: limits) }
}
