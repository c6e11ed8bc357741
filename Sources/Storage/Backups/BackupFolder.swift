// The folder that a server writes backups to: which names are its own, what lies there, what may go. docs/storage.md §16.

import Platform

/// How backups without a name are called, for whoever knows calendars.
package struct BackupNaming: Sendable {
  /// The name of a backup that begins at a moment, in milliseconds since 1970.
  let name: @Sendable (_ milliseconds: Int64) -> String
  /// The moment of such a name; nil for all others.
  let moment: @Sendable (_ name: String) -> Int64?

  package init(
    name: @escaping @Sendable (_ milliseconds: Int64) -> String, moment: @escaping @Sendable (_ name: String) -> Int64?
  ) {
    self.name = name
    self.moment = moment
  }
}

struct BackupFolder: Sendable {
  let path: String
  let disk: Disk
  let naming: BackupNaming

  /// What all names end in.
  static let suffix = ".udb"
  static let maxNameByteCount = 200

  /// A whole backup as its first blocks describe it.
  struct Entry: Equatable {
    let name: String
    let summary: BackupSummary
    /// When it was made, if its name is one of ours.
    let moment: Int64?
  }

  func path(of name: String) -> String { path + "/" + name }

  /// Whether a name stays in the folder whatever it is joined to: letters, digits, `.`, `_` and `-`, beginning with a letter or digit.
  static func isPlain(_ name: String) -> Bool {
    guard name.utf8.count <= maxNameByteCount, name.hasSuffix(suffix), let first = name.utf8.first else { return false }
    return isLetterOrDigit(first) && name.utf8.allSatisfy { isLetterOrDigit($0) || [0x2E, 0x2D, 0x5F].contains($0) }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default: false
    }
  }

  func has(_ name: String) throws(StorageError) -> Bool { try disk.openIfPresent(path(of: name), .read) != nil }

  /// The backups of one line of history, oldest state first. What is none, or of another store, is passed over.
  func entries(_ identity: String, _ timeline: UInt32) throws(StorageError) -> [Entry] {
    var entries: [Entry] = []
    for name in try disk.names(in: path) where Self.isPlain(name) {
      let summary: BackupSummary
      do throws(StorageError) { summary = try BackupSummary(reading: path(of: name), files: disk.files) } catch {
        // Damaged, of a later version or somebody else's: not ours to judge, and never removed.
        continue
      }
      guard summary.identity == identity, summary.timeline == timeline else { continue }
      entries.append(Entry(name: name, summary: summary, moment: naming.moment(name)))
    }
    // Not by name or time: the clock may have been wrong. Of one state a full backup comes before increments.
    return entries.sorted { left, right in
      let (one, other) = (left.summary, right.summary)
      if one.checkpoint != other.checkpoint { return one.checkpoint < other.checkpoint }
      if (one.baseCheckpoint == nil) != (other.baseCheckpoint == nil) { return one.baseCheckpoint == nil }
      return left.name < right.name
    }
  }

  /// The names that may go if `keep` full backups are to stay, in the order in which they are removed: increments before what they build on.
  ///
  /// Only names of our own ever go, and a backup only together with all increments on top of it: if one of those has another name, all stay.
  ///
  /// - Parameter entries: oldest state first.
  static func surplus(_ entries: [Entry], keep: Int) -> [String] {
    precondition(keep > 0, "\(keep) backups to keep")
    var roots: [Int?] = []
    var newest: [UInt64: Int] = [:]
    for (index, entry) in entries.enumerated() {
      let root = entry.summary.baseCheckpoint.map { newest[$0].flatMap { roots[$0] } } ?? index
      roots.append(root)
      if root != nil { newest[entry.summary.checkpoint] = index }
    }
    let full = entries.indices.filter { entries[$0].summary.baseCheckpoint == nil && entries[$0].moment != nil }
    var names: [String] = []
    for root in full.dropLast(keep) {
      let members = entries.indices.filter { roots[$0] == root }
      if members.allSatisfy({ entries[$0].moment != nil }) { names += members.reversed().map { entries[$0].name } }
    }
    return names
  }

  /// Removes what backups under names of our own left when their process ended midway; one that somebody works on stays.
  ///
  /// - Returns: the names.
  func removeLeftovers(at pace: Pace) throws(StorageError) -> [String] {
    var removed: [String] = []
    for name in try disk.names(in: path) where name.hasSuffix(OnDisk.Backup.unfinishedSuffix) {
      guard naming.moment(String(name.dropLast(OnDisk.Backup.unfinishedSuffix.utf8.count))) != nil else { continue }
      guard let file = try disk.openIfPresent(path(of: name), .readWrite) else { continue }
      do throws(Errno) { try file.file.lockExclusively() } catch {
        if error.kind == .wouldBlock { continue }
        throw .io(operation: "flock", path: path(of: name), errno: error)
      }
      try disk.removeInPieces(path(of: name), file, at: pace)
      removed.append(name)
    }
    return removed
  }

  func remove(_ names: [String], at pace: Pace) throws(StorageError) {
    for name in names { try disk.removeInPieces(path(of: name), at: pace) }
  }
}
