// The names inside a data folder. docs/file-format.md §2.

/// Where each file of a database lies.
struct DataFolder: Sendable {
  let path: String

  /// Whether main.udb has the name that it has while it is being restored.
  private let isBeingRestored: Bool

  init(_ path: String, isBeingRestored: Bool = false) {
    self.path = path
    self.isBeingRestored = isBeingRestored
  }

  /// The folder that has this one's name in it.
  var parent: String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
  }

  var main: String { isBeingRestored ? restoringMain : path + "/main.udb" }
  var unfinishedMain: String { path + "/main.udb.tmp" }
  /// main.udb while a backup is restored to it.
  var restoringMain: String { path + "/main.udb.restoring" }
  var lock: String { path + "/LOCK" }
  var log: String { path + "/wal" }

  func segment(_ number: UInt64) -> String { log + "/" + Self.digits(number) + OnDisk.Segment.nameSuffix }
  func spare(_ number: UInt64) -> String { log + "/" + Self.digits(number) + OnDisk.Segment.spareSuffix }
  func unfinishedSpare(_ number: UInt64) -> String { log + "/" + Self.digits(number) + OnDisk.Segment.unfinishedSuffix }

  /// What the names in `wal` stand for; other names are not ours.
  struct LogNames: Equatable {
    /// Ascending.
    var segments: [UInt64] = []
    var spares: [UInt64] = []
    var unfinished: [UInt64] = []
  }

  static func sort(_ names: [String]) -> LogNames {
    var sorted = LogNames()
    for name in names {
      if let number = number(name, OnDisk.Segment.nameSuffix) { sorted.segments.append(number) }
      if let number = number(name, OnDisk.Segment.spareSuffix) { sorted.spares.append(number) }
      if let number = number(name, OnDisk.Segment.unfinishedSuffix) { sorted.unfinished.append(number) }
    }
    sorted.segments.sort()
    sorted.spares.sort()
    sorted.unfinished.sort()
    return sorted
  }

  private static func number(_ name: String, _ suffix: String) -> UInt64? {
    guard name.hasSuffix(suffix), name.utf8.count == OnDisk.Segment.nameDigits + suffix.utf8.count else { return nil }
    let digits = name.utf8.prefix(OnDisk.Segment.nameDigits)
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
  }

  static func digits(_ number: UInt64) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, OnDisk.Segment.nameDigits - text.utf8.count)) + text
  }
}
