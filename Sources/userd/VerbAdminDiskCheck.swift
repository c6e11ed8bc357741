// `userd admin disk-check`: what a flush costs on the disk of a data folder, and how much of it to believe.

import Codecs
import Platform
import Storage

extension Verb {
  static let adminDiskCheck = Verb(
    words: ["admin", "disk-check"], summary: "measure what a flush costs on this disk",
    details: [
      """
      Every answer that depends on a write waits for a flush, so this is what a login or a change takes at least. It writes 4 KiB and flushes, up to 500 times or
      ten seconds, to a file of its own in the data folder, or in its parent while there is none, and removes that.
      """,
      """
      It also says whether the figures are those of a device that waits for its medium. A flush that is faster than the medium can be was not waited for, unless
      the cache has power of its own. The reverse is no proof: a device can take its time and lose what it was told to keep. Only pulling the plug tells.
      """,
    ],
    flags: [.json], settings: Setting.ofTools
  ) { invocation, surroundings throws(CommandError) in
    let configuration = try surroundings.configuration(for: invocation)
    setFileCreationMask(0o077)
    let folder = try nearestFolder(configuration.dataPath)
    let facts = facts(of: folder)
    let probe = try CheckpointAccess.opening { () throws(StorageError) in try FlushProbe(in: folder.path, rounds: 500) }
    let verdict = facts.verdict(median: probe.cost(perMille: 500))
    try surroundings.answer(
      invocation.switches.contains("json") ? json(probe, facts, verdict) : text(probe, facts, verdict, folder.path))
    return .success
  }

  /// The data folder, or the one in which it would be made.
  private static func nearestFolder(_ path: String) throws(CommandError) -> (path: String, device: String) {
    let slash = path.lastIndex(of: "/")
    let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    for candidate in [path, parent] {
      do throws(Errno) {
        let status = try FileStatus(path: candidate)
        guard status.kind == .directory else { throw Errno.notDirectory }
        return (candidate, status.identity.deviceName)
      } catch {
        if error.kind == .missing { continue }
        throw .failed("cannot look into \(visible(candidate)): \(error)", error.kind == .denied ? .permission : .inputOutput)
      }
    }
    throw .failed("neither \(visible(path)) nor \(visible(parent)) is there", .missingInput)
  }

  private static func facts(of folder: (path: String, device: String)) -> DiskFacts {
    DiskFacts(mounts: read("/proc/self/mountinfo") ?? "", device: folder.device) { name in
      // Of a partition the queue is that of the whole device.
      read("/sys/dev/block/\(folder.device)/queue/\(name)") ?? read("/sys/dev/block/\(folder.device)/../queue/\(name)")
    }
  }

  /// What the kernel says, without its last newline; nil if it says nothing.
  private static func read(_ path: String) -> String? {
    let bytes: [UInt8]
    do throws(CommandError) { bytes = try readNamedFile(path, "disk-check", maxByteCount: 1 << 20) } catch { return nil }
    return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }

  private static let figures: [(name: StaticString, perMille: Int)] = [
    ("min", 0), ("p50", 500), ("p90", 900), ("p99", 990), ("max", 1000),
  ]

  private static func text(
    _ probe: FlushProbe, _ facts: DiskFacts, _ verdict: DiskFacts.Verdict, _ path: String
  ) -> String {
    var text = "\(probe.costs.count) writes of \(FlushProbe.byteCount) bytes in \(visible(path)), each flushed (fdatasync):\n "
    for (name, perMille) in figures { text += " \(name) \(milliseconds(probe.cost(perMille: perMille)))" }
    text += "; \(probe.perSecond) a second, one after another\n"
    text += "  file system: \(facts.fileSystem.isEmpty ? "unknown" : facts.fileSystem); cache of the device: "
    text += "\(facts.writeCache ?? "unknown"); medium: "
    text += facts.isRotational.map { $0 ? "rotating" : "not rotating" } ?? "unknown"
    let opinion =
      switch verdict {
      case .memory: "in memory: nothing in this folder survives the machine. Use it for tests only"
      case .barriersOff: "NOT SAFE: it is mounted so that flushes do not reach the device (barriers are off)"
      case .tooFast:
        "too fast: no medium of this kind is done so soon. Either the cache has power of its own, or flushes are not honoured. Find out which"
      case .noCache:
        "the device says that it has no cache that forgets; then there is nothing to wait for, and this is as fast as its writes"
      case .plausible: "plausible: as slow as a device that waits for its medium"
      }
    return text + "\n\(opinion).\nThis is no proof that flushes are honoured: only pulling the plug under load tells.\n"
  }

  private static func milliseconds(_ nanoseconds: UInt64) -> String {
    let microseconds = nanoseconds / 1000, rest = String(1000 + microseconds % 1000).dropFirst()
    return "\(microseconds / 1000).\(rest) ms"
  }

  private static func json(_ probe: FlushProbe, _ facts: DiskFacts, _ verdict: DiskFacts.Verdict) -> String {
    var json = JSONWriter(ByteBuffer(capacity: 512))
    json.beginObject()
    json.key("rounds")
    json.integer(probe.costs.count)
    json.key("nanoseconds")
    json.beginObject()
    for (name, perMille) in figures {
      json.key(name)
      json.integer(Int(clamping: probe.cost(perMille: perMille)))
    }
    json.endObject()
    json.key("perSecond")
    json.integer(probe.perSecond)
    for (name, value) in [("fileSystem", facts.fileSystem), ("writeCache", facts.writeCache ?? "")] {
      json.key(utf8: name)
      if value.isEmpty { json.null() } else { json.string(value) }
    }
    json.key("rotational")
    if let isRotational = facts.isRotational { json.boolean(isRotational) } else { json.null() }
    json.key("verdict")
    json.string(verdict.rawValue)
    json.endObject()
    return json.finish().text() + "\n"
  }
}
