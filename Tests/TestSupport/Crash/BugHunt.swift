// Hunts a planted mistake with every rig until one of them shows it.

package import Storage

/// A search for one mistake, the same for the same seed.
package struct BugHunt: Sendable {
  package let bug: PlantedBug
  /// Lives, of four crashes and more each, that are spent before it counts as missed.
  package let maxLives: Int

  /// One image is tried for damage at rest after so many lives: it is for what no crash shows.
  private static let livesForImage = 25
  private static let rotsForImage = 20

  package init(_ bug: PlantedBug, maxLives: Int) {
    self.bug = bug
    self.maxLives = maxLives
  }

  /// - Returns: how it showed, nil if it never did.
  package func run(seed: UInt64) -> String? {
    var seeds = SeededGenerator(seed: seed)
    for life in 1...maxLives {
      if life % Self.livesForImage == 1, let complaint = atRest(seeds.next()) { return "image \(life): \(complaint)" }
      let rig = CrashRig(seed: seeds.next(), bug: bug)
      rig.drawProfile()
      do {
        for _ in 0..<4 { try rig.live(actions: 60) }
      } catch {
        return "life \(life), crash \(rig.crashes): \(error)"
      }
    }
    return nil
  }

  private func atRest(_ seed: UInt64) -> String? {
    var generator = SeededGenerator(seed: seed)
    do {
      let image = try StoredImage(seed: generator.next())
      for _ in 0..<Self.rotsForImage {
        _ = try image.judge([Rot.draw(on: image.disk, older: image.older, using: &generator)], bug: bug)
      }
      return nil
    } catch {
      return "\(error)"
    }
  }
}
