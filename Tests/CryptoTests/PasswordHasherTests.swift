// The hasher that threads share.

import Crypto
import Platform
import Synchronization
import Testing

@Suite struct PasswordHasherTests {
  @Test func `threads hash and match at once, each rightly`() throws {
    let hasher = PasswordHasher(
      parameters: try Argon2Parameters(memoryKiB: 64, iterations: 1, parallelism: 1), random: .system, maxIdleArenas: 2)
    let tally = Tally()
    let first = try start("first", hasher, tally)
    let second = try start("second", hasher, tally)
    let third = try start("third", hasher, tally)
    first.join()
    second.join()
    third.join()
    #expect(tally.right.load(ordering: .sequentiallyConsistent) == 60)
  }

  @Test func `a hash of an older cost is outdated, and still matches`() throws {
    let old = PasswordHasher(
      parameters: try Argon2Parameters(memoryKiB: 8, iterations: 1, parallelism: 1), random: .system, maxIdleArenas: 1)
    let new = PasswordHasher(
      parameters: try Argon2Parameters(memoryKiB: 64, iterations: 1, parallelism: 1), random: .system, maxIdleArenas: 0)
    let hash = try old.hash("password")
    #expect(!old.isOutdated(hash))
    #expect(new.isOutdated(hash))
    #expect(try new.matches("password", hash))
    #expect(try !new.isOutdated(new.hash("password")))
  }

  private func start(_ name: String, _ hasher: PasswordHasher, _ tally: Tally) throws(Errno) -> Thread {
    try Thread(name: "hasher") {
      for round in 0..<20 {
        let right = "\(name) \(round)", wrong = "\(name) \(round + 1)"
        guard let hash = try? hasher.hash(right) else { return }
        guard (try? hasher.matches(right, hash)) == true, (try? hasher.matches(wrong, hash)) == false else { return }
        tally.right.add(1, ordering: .sequentiallyConsistent)
      }
    }
  }
}

private final class Tally: Sendable {
  let right = Atomic<Int>(0)
}
