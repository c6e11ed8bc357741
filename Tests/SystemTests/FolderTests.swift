// The data folder: what a start says about one that is damaged, and who may look into it.

import Codecs
import Platform
import TestSupport
import Testing

@Suite struct FolderTests {
  // The log's first frame is damaged while later ones are whole: nothing may be dropped in silence.
  @Test func `a damaged frame below whole ones ends with 65, and all is there once it is mended`() throws {
    let folder = TemporaryFolder("folder")
    let server = try RunningServer(data: folder.path)
    let client = try server.connect()
    var tokens: [String] = []
    for number in 0..<5 {
      let answer = try client.request(
        "POST", "/api/auth/register",
        json: #"{"email":"u\#(number)@example.org","password":"correct horse battery","name":"Somebody"}"#)
      #expect(answer.status == 201)
      tokens.append(try #require(answer.json["token"]?.string))
    }
    server.kill()

    let path = folder.path + "/wal/0000000000000001.wal"
    let whole = try bytes(of: path)
    // docs/file-format.md §4: frames begin at byte 8,192. The checksum, the header's numbers and the payload of the first one.
    for offset in [8192, 8192 + 24, 8192 + 100] {
      try overwrite(path, at: offset, with: whole[offset] ^ 0x40)
      let damaged = try bytes(of: path)
      let refused = try Program.run(["serve", "--data", folder.path, "--listen", "127.0.0.1:0"])
      #expect(refused.exitCode == 65, "byte \(offset): \(refused.error)")
      #expect(refused.error.contains(path) && refused.error.contains("byte 8192"), "\(refused.error)")
      let command = try Program.run(
        ["admin", "user", "create", "--data", folder.path, "--email", "x@example.org", "--password-stdin"],
        input: "correct horse battery")
      #expect(command.exitCode == 65, "\(command.error)")
      #expect(try bytes(of: path) == damaged, "a refused start writes nothing")
      try overwrite(path, at: offset, with: whole[offset])
    }

    let again = try RunningServer(data: folder.path)
    let reader = try again.connect()
    for token in tokens { #expect(try reader.request("GET", "/api/auth/me", token: token).status == 200) }
    #expect(again.stop() == 0)
  }

  @Test func `a store whose superblocks are all damaged ends with 65 and is named`() throws {
    let folder = TemporaryFolder("folder")
    #expect(try RunningServer(data: folder.path).stop() == 0)
    // docs/file-format.md §3: four superblocks of 8,192 bytes; one good copy is enough.
    let path = folder.path + "/main.udb"
    for copy in 0..<3 { try overwrite(path, at: copy * 8192 + 200, with: 9) }
    #expect(try RunningServer(data: folder.path).stop() == 0)
    for copy in 0..<4 { try overwrite(path, at: copy * 8192 + 200, with: 9) }
    let refused = try Program.run(["serve", "--data", folder.path, "--listen", "127.0.0.1:0"])
    #expect(refused.exitCode == 65, "\(refused.error)")
    #expect(refused.error.contains(path), "\(refused.error)")
  }

  @Test func `everything in the folder is for its owner alone`() throws {
    let folder = TemporaryFolder("folder")
    let data = folder.path + "/db"
    let server = try RunningServer(data: data)
    var files = 0
    func look(_ path: String) throws {
      for name in try Directory.names(in: path) {
        // The server goes on meanwhile: a segment that was being made may have got its final name since the folder was listed.
        let child = path + "/" + name
        guard let status = try? FileStatus(path: child) else { continue }
        #expect(status.permissions & 0o077 == 0, "\(child) has mode \(String(status.permissions, radix: 8))")
        if status.kind == .directory { try look(child) } else { files += 1 }
      }
    }
    #expect(try FileStatus(path: data).permissions == 0o700)
    try look(data)
    #expect(files > 3)
    #expect(server.stop() == 0)
  }

  private func bytes(of path: String) throws(Errno) -> [UInt8] {
    let file = try File(path, .read)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    var span = bytes.mutableSpan
    let count = try file.read(into: &span, at: 0)
    return Array(bytes[0..<count])
  }

  private func overwrite(_ path: String, at offset: Int, with byte: UInt8) throws(Errno) {
    let file = try File(path, .readWrite)
    let bytes = [byte]
    _ = try file.write(bytes.span, at: offset)
  }
}
