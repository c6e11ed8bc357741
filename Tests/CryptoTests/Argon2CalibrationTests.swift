// What calibration proposes on machines of known speed, and that it measures this one.

import Platform
import Testing

@testable import Crypto

@Suite struct Argon2CalibrationTests {
  /// A machine that needs so many nanoseconds for each KiB and pass.
  private func calibration(
    _ speed: UInt64, target milliseconds: UInt64, maxMemoryKiB: Int = 262_144
  ) throws(CryptoError) -> (result: Argon2Calibration, measured: [Argon2Parameters]) {
    var measured: [Argon2Parameters] = []
    let result = try Argon2Calibration(target: milliseconds * 1_000_000, maxMemoryKiB: maxMemoryKiB) { parameters in
      measured.append(parameters)
      return UInt64(parameters.memoryKiB * parameters.iterations) * speed
    }
    return (result, measured)
  }

  @Test func `the most memory that fits is best, and no proposal is unsafe or too slow`() throws {
    let (result, _) = try calibration(250, target: 50)
    #expect(result.fits)
    #expect(try result.best.parameters == Argon2Parameters(memoryKiB: 196_608, iterations: 1, parallelism: 1))
    let shown = result.proposals.map { [$0.parameters.memoryKiB, $0.parameters.iterations] }
    #expect(
      shown == [
        [7168, 16], [9216, 16], [12288, 16], [19456, 10], [32768, 6], [47104, 4], [65536, 3], [98304, 2], [131_072, 1],
        [196_608, 1],
      ])
    for proposal in result.proposals { #expect(proposal.nanoseconds <= 50_000_000) }
  }

  @Test func `the bound of memory holds`() throws {
    let (result, measured) = try calibration(250, target: 50, maxMemoryKiB: 65536)
    #expect(try result.best.parameters == Argon2Parameters(memoryKiB: 65536, iterations: 3, parallelism: 1))
    #expect(measured.allSatisfy { $0.memoryKiB <= 65536 })
    let smallest = try calibration(250, target: 50, maxMemoryKiB: 7168).result
    #expect(smallest.best.parameters.memoryKiB == 7168)
    for memory in [0, 7167, 1_048_577] {
      #expect(throws: CryptoError.parameterOutOfRange(.memory, value: memory, limits: 7168...1_048_576)) {
        _ = try calibration(250, target: 50, maxMemoryKiB: memory)
      }
    }
  }

  @Test func `a machine too slow for anything safe gets the cheapest, and is told`() throws {
    let (result, measured) = try calibration(100_000, target: 10)
    #expect(!result.fits && result.proposals.isEmpty)
    #expect(try result.best.parameters == Argon2Parameters(memoryKiB: 7168, iterations: 5, parallelism: 1))
    // Nothing is measured past the first size of one pass: each would take longer still.
    #expect(measured.count == 6)
  }

  @Test func `a fast machine stops at sixteen passes`() throws {
    let (result, _) = try calibration(1, target: 10_000)
    #expect(result.proposals.allSatisfy { $0.parameters.iterations == 16 })
    #expect(result.best.parameters.memoryKiB == 262_144)
  }

  // The first pass is dearer than the later ones on a real machine, or cheaper: an estimate that was too good is taken back.
  @Test func `an estimate that does not hold is corrected`() throws {
    let result = try Argon2Calibration(target: 10_000_000, maxMemoryKiB: 19456) { (parameters) in
      parameters.iterations <= 5 ? 3_000_000 : 30_000_000
    }
    #expect(result.proposals.allSatisfy { $0.nanoseconds <= 10_000_000 })
    #expect(result.best.parameters.iterations == 5)
  }

  @Test func `time is measured by the clock`() throws {
    let parameters = try Argon2Parameters(memoryKiB: 64, iterations: 1, parallelism: 1)
    #expect(try Argon2Calibration.time(of: parameters, memory: PasswordMemory(), clock: SystemClock()) > 0)
  }
}
