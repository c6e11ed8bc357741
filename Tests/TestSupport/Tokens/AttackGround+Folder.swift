// The ground of attacks on a server whose data folder can be read: its keys, as they lie in their files.

import Codecs
import Platform

extension AttackGround {
  /// Reads the key that signed `issued`, and the others as keys to be confused with it.
  package init(dataPath: String, issued: String, strangers: String, ended: String, now: Int64) throws {
    let kid = TokenParts(issued).flatMap { TokenParts.member("kid", of: $0.header) } ?? ""
    let folder = dataPath + "/keys"
    var others: [(what: String, bytes: [UInt8])] = []
    for name in try Directory.names(in: folder) where try FileStatus(path: folder + "/" + name).kind == .file {
      others.append((what: "the key file \(name)", bytes: try Self.contents(of: folder + "/" + name)))
    }
    for name in try Directory.names(in: folder + "/signing") where name != kid {
      others.append((what: "another signing key than the named one", bytes: try Self.contents(of: folder + "/signing/" + name)))
    }
    self.init(
      forge: TokenForge(secret: try Self.contents(of: folder + "/signing/" + kid)), kid: kid, otherKeys: others, issued: issued,
      strangers: strangers, ended: ended, now: now)
  }

  private static func contents(of path: String) throws -> [UInt8] {
    let file = try File(path, .read)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    var span = bytes.mutableSpan
    let count = try file.read(into: &span, at: 0)
    return Array(bytes[..<count])
  }
}
