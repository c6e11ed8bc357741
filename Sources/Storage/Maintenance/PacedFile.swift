// A new file that is written from its beginning to its end without standing in the log's way. docs/storage.md §17.

import Platform

/// Gathers bytes into pieces and writes each with one call, past the page cache where the file system lets it, with a break after each.
///
/// So nothing gathers in the page cache that the file system would write all at once, and room is taken ahead, so that growing costs no
/// journal's commit for each piece.
struct PacedFile: ~Copyable {
  private let file: DiskFile
  private let pace: Pace
  private var buffer = AlignedBuffer(count: Pace.pieceByteCount)
  private var count = 0
  /// Bytes that are in the file.
  private var byteCount = 0
  /// Where the room that was taken ends.
  private var roomEnd = 0
  private var unsyncedByteCount = 0

  private static let roomByteCount = 32 << 20
  /// Through the page cache a flush comes after so many bytes.
  private static let syncByteCount = 4 << 20

  /// - Parameter file: empty, opened for writing, past the page cache if that is granted.
  init(_ file: DiskFile, at pace: Pace) {
    self.file = file
    self.pace = pace
  }

  mutating func add(_ bytes: Span<UInt8>) throws(StorageError) {
    var done = 0
    while done < bytes.count {
      let part = min(bytes.count - done, buffer.count - count)
      buffer.copy(bytes.extracting(done..<done + part), to: count)
      done += part
      count += part
      if count == buffer.count { try writePiece() }
    }
  }

  /// Writes what is left; on return the file is durable and as long as what was added.
  mutating func end() throws(StorageError) {
    if count > 0 { try writePiece() }
    if try file.size() > byteCount { try file.truncate(to: byteCount) }
    try file.syncData()
  }

  private mutating func writePiece() throws(StorageError) {
    let began = pace.now
    takeRoom()
    let block = File.directAlignment, padded = (count + block - 1) / block * block
    buffer.zero(count..<padded)
    let file = file, offset = byteCount
    try buffer.withBytes(0..<padded) { bytes throws(StorageError) in try file.write(bytes, at: offset) }
    byteCount += count
    count = 0
    if !file.isDirect {
      unsyncedByteCount += padded
      if unsyncedByteCount >= Self.syncByteCount {
        try file.syncData()
        unsyncedByteCount = 0
      }
    }
    pace.rest(after: began, byteCount: padded)
  }

  /// A hope only: what matters is whether there is room when something is written.
  private mutating func takeRoom() {
    guard byteCount + buffer.count > roomEnd else { return }
    do throws(StorageError) {
      try file.allocate(roomEnd..<roomEnd + Self.roomByteCount)
      roomEnd += Self.roomByteCount
    } catch { roomEnd = Int.max }
  }
}
