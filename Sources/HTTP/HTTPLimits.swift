// The bounds of one connection; every one of them has a documented answer.

/// Sizes and times that no peer can exceed. The defaults are the promised ones.
package struct HTTPLimits: Sendable {
  /// Request line without its line end; beyond it 414.
  package var maxRequestLineByteCount = 8 * 1024
  /// Everything from the first field line to the empty line; beyond it 431.
  package var maxHeaderByteCount = 16 * 1024
  /// Field lines; one more is 431.
  package var maxFieldCount = 100
  /// Body of a route that has no limit of its own; beyond it 413.
  package var maxBodyByteCount = 64 * 1024
  /// Requests of one connection that are answered in one go before others have their turn.
  package var maxPipelineDepth = 64
  /// Answers that may wait for a peer to read before no further request of it is looked at.
  package var maxUnsentByteCount = 64 * 1024
  /// Answers that the kernel takes for a peer that does not read, before its own overhead, which doubles it. Left alone it takes up to 4 MiB.
  package var sendBufferByteCount = 64 * 1024
  /// What is read and thrown away after an answer that ends the connection.
  package var maxDiscardedByteCount = 1024 * 1024

  package var headerTimeoutMilliseconds = 5_000
  package var bodyTimeoutMilliseconds = 10_000
  package var handlerTimeoutMilliseconds = 10_000
  package var idleTimeoutMilliseconds = 60_000
  package var writeTimeoutMilliseconds = 30_000
  package var lingerTimeoutMilliseconds = 2_000

  package init() {}
}
