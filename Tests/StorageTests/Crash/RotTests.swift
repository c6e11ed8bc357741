// Files that were damaged at rest, copied while open, or kept by a device that lies: the right data or a refusal that names the place.

import TestSupport
import Testing

@testable import Storage

struct RotTests {
  @Test func `damage at rest gives the right data or a named error`() throws {
    var seeds = SeededGenerator.announced("rot")
    var outcomes: [String: Int] = [:]
    for _ in 0..<3 * testScale {
      let image = try StoredImage(seed: seeds.next())
      for _ in 0..<25 {
        var generator = SeededGenerator(seed: seeds.next())
        let count = generator.number(0..<4) == 0 ? 2 : 1
        let rots = (0..<count).map { _ in Rot.draw(on: image.disk, older: image.older, using: &generator) }
        let outcome = try image.judge(rots)
        outcomes["\(outcome)".prefix { $0 != "(" }.description, default: 0] += 1
      }
    }
    print("rot: \(outcomes.sorted { $0.key < $1.key })")
    #expect(outcomes["right", default: 0] > 0 && outcomes["refused", default: 0] > 0)
  }

  @Test func `an engine that takes damage for a torn tail is caught by rot`() throws {
    var seeds = SeededGenerator(seed: environmentNumber("USERD_SEED") ?? 5)
    for _ in 0..<200 {
      let image = try StoredImage(seed: seeds.next())
      var generator = SeededGenerator(seed: seeds.next())
      for _ in 0..<20 {
        let rot = Rot.draw(on: image.disk, older: image.older, using: &generator)
        do { _ = try image.judge([rot], bug: .ignoreWitnesses) } catch { return print("ignoreWitnesses: \(error)") }
      }
    }
    Issue.record("not found")
  }

  @Test func `a folder that is copied while it is open is refused or recovered, never misread`() throws {
    var seeds = SeededGenerator.announced("copies")
    var refused = 0, opened = 0
    for _ in 0..<25 * testScale {
      let rig = CrashRig(seed: seeds.next())
      rig.drawProfile()
      rig.hasFailingDevice = false
      rig.fillPercentage = 0
      guard try rig.open() else { continue }
      for _ in 0..<rig.generator.number(5..<80) { try rig.act() }
      var copy = SlowCopy(rig.system.disk, using: &rig.generator)
      while !copy.isDone {
        copy.step(rig.system.disk)
        for _ in 0..<rig.generator.number(0..<6) { try rig.act() }
      }
      let image = StoredImage(copy: copy.copy, of: rig)
      switch try image.judge(copy.copy) {
      case .refused, .partlyRefused: refused += 1
      case .right, .earlier: opened += 1
      }
    }
    print("copies: \(opened) opened, \(refused) refused")
    #expect(opened > 0)
  }

  @Test func `a device that lies about flushes may lose, but shows nothing that never was`() throws {
    var seeds = SeededGenerator.announced("lies")
    var lives = 0, ruined = 0
    for _ in 0..<25 * testScale {
      let rig = CrashRig(seed: seeds.next())
      rig.drawProfile()
      rig.oracle.isDeviceHonest = false
      rig.system.faults.lies = rig.generator.number(2..<20)
      do {
        var goesOn = true
        for _ in 0..<4 where goesOn {
          goesOn = try rig.live(actions: 60)
          lives += 1
        }
        if !goesOn { ruined += 1 }
      } catch {
        Issue.record(
          "seed \(rig.generator.seed), after \(rig.crashes) crashes: \(error); last calls \(rig.system.trace.suffix(10))")
        return
      }
    }
    print("lies: \(lives) lives, \(ruined) ended in a refusal")
  }
}
