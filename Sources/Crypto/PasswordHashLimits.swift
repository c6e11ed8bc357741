// How much work a stored or imported password hash may ask for.

/// Bounds that are checked when a hash is read, before any of its work is done.
package struct PasswordHashLimits: Sendable {
  /// Memory here bounds scrypt as well.
  package var argon2 = Argon2Limits()
  /// Lanes of scrypt come one after the other: each takes the whole time once more.
  package var maxScryptParallelism = 16
  /// Iterations times digests of output; two million take 0.2 s of SHA-256 with the processor's instructions, about 1.5 s without.
  package var maxPBKDF2Iterations = 2_000_000
  /// Cost 14 takes about a second.
  package var maxBcryptCost = 14

  /// What this floor computes at most, however a number came to it.
  package init() {}

  /// For hashes from elsewhere, where new ones cost `current`: no more memory, at most four times the passes.
  package init(importingBeside current: Argon2Parameters) {
    argon2.maxMemoryKiB = current.memoryKiB
    argon2.maxIterations = min(argon2.maxIterations, 4 * current.iterations)
  }
}
