// What a database needs from outside: where it lives, time, randomness, files.

package import Platform

/// How to open a database.
package struct DatabaseOptions: Sendable {
  /// The data folder. It is made (mode 0700) if only it is missing; its parent must exist.
  package var path: String
  package var clock: any Clock = SystemClock()
  package var random = RandomSource.system
  /// Called for each event, on the thread that met it.
  package var onEvent: @Sendable (StorageEvent) -> Void = { _ in }
  /// Bytes of memory that tree pages may take.
  package var maxPageMemory = 4 << 30
  /// The files, played by tests.
  package var files: any FileSystem = LinuxFileSystem()
  /// Bytes of one log segment, a multiple of 4,096 from 32,768 to 16 MiB. Others than 16 MiB are for tests.
  package var segmentByteCount = 16 << 20

  /// A mistake planted by a test; see `PlantedBug`.
  package var plantedBug: PlantedBug?

  package init(path: String) { self.path = path }
}
