// Figures of the page cache.

/// Counts of one moment, and since open.
package struct CacheStatistics: Equatable, Sendable {
  /// Pages that fit in memory.
  package var frames = 0
  package var freeFrames = 0
  /// Taken out of use and not free yet, because somebody may still look at them.
  package var limboFrames = 0
  /// Pages that searches for single keys found in memory. Scans are left out.
  package var hits = 0
  /// Pages that had to be read.
  package var misses = 0
  package var evictions = 0
  /// Pages that were not what they must be when they were needed, each time they were.
  package var damagedPages = 0

  package init() {}
}
