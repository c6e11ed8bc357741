// How backups without a name are called: userd-20260501T031500Z.udb, by the second of UTC in which they began.

import Codecs
import Platform
import Storage

extension BackupNaming {
  static let byTime = BackupNaming(name: name, moment: moment)

  private static func name(_ milliseconds: Int64) -> String {
    let time = RFC3339.string(milliseconds: min(max(milliseconds, RFC3339.range.lowerBound), RFC3339.range.upperBound))
    return "userd-" + time.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z.udb"
  }

  /// The one moment that is called so; nil for names of any other form.
  private static func moment(_ name: String) -> Int64? {
    let bytes = Array(name.utf8)
    guard bytes.count == 26, name.hasPrefix("userd-") else { return nil }
    let digits = String(decoding: bytes[6..<21], as: UTF8.self)
    var text = ""
    for (index, character) in digits.enumerated() {
      switch index {
      case 4, 6: text += "-"
      case 11, 13: text += ":"
      default: break
      }
      text.append(character)
    }
    guard let milliseconds = RFC3339.parse(text + "Z"), self.name(milliseconds) == name else { return nil }
    return milliseconds
  }

  /// The name of a backup that begins now.
  static func now() -> String { name(SystemClock().wallMilliseconds()) }
}
