// A disk that is really full: writes are refused, reads go on, and room makes writes work again.

import Codecs
import Glibc
import Platform
import TestSupport
import Testing

/// A file system of its own in memory, gone with its owner. Only root may mount one.
private final class SmallDisk {
  let path: String
  private let folder: TemporaryFolder

  init?(byteCount: Int) {
    folder = TemporaryFolder("disk")
    path = folder.path + "/mount"
    guard (try? Directory.create(path)) != nil else { return nil }
    guard unsafe mount("userd-test", path, "tmpfs", 0, "size=\(byteCount)") == 0 else { return nil }
  }

  deinit { unsafe umount2(path, CInt(MNT_DETACH)) }

  static let isPossible = SmallDisk(byteCount: 1 << 20) != nil
}

@Suite struct FullDiskTests {
  @Test(.enabled(if: SmallDisk.isPossible, "this user may not mount a small disk"))
  func `a full disk is 507 while reads go on, and room makes writes work again`() throws {
    // Beside the filler there is room for some pages but not for another segment of the log. The folder and its keys are made while there is
    // room: once a first start met a disk that a spare being written had filled for a moment, and ended with 73 before it had any keys.
    let disk = try #require(SmallDisk(byteCount: 96 << 20))
    // After an orderly end the log goes on in a spare, and the second start makes one if there is none: it is left, and no other.
    for _ in 0..<2 { #expect(try RunningServer(data: disk.path + "/db").stop() == 0) }
    let spares = try Directory.names(in: disk.path + "/db/wal").filter { $0.hasSuffix(".spare") }.sorted()
    #expect(!spares.isEmpty)
    for name in spares.dropFirst() { try Directory.remove(disk.path + "/db/wal/" + name) }
    try fill(disk.path + "/filler", leaving: 6 << 20)
    var server = try RunningServer(data: disk.path + "/db")
    var client = try server.connect()
    let registered = try client.request(
      "POST", "/api/auth/register",
      json: #"{"email":"ann@example.org","password":"correct horse battery","name":"Somebody"}"#)
    #expect(registered.status == 201)
    let token = try #require(registered.json["token"]?.string)
    var refreshToken = try #require(registered.json["refreshToken"]?.string)

    func refresh() throws -> HTTPAnswer {
      let answer = try client.request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(refreshToken)"}"#)
      if answer.status == 200 { refreshToken = try #require(answer.json["refreshToken"]?.string) }
      return answer
    }

    // Each answered write takes a block of 4 KiB, so a segment of 16 MiB lasts for about four thousand.
    var refused: HTTPAnswer?, writes = 0
    while refused == nil && writes < 10_000 {
      let answer = try refresh()
      writes += 1
      if answer.status != 200 { refused = answer }
    }
    #expect(refused?.status == 507, "after \(writes) writes: \(refused?.text ?? "")")
    #expect(refused?.code == "storage_full")
    let login = #"{"email":"ann@example.org","password":"correct horse battery"}"#
    for _ in 0..<10 {
      #expect(try client.request("POST", "/api/auth/login", json: login).status == 507)
      #expect(try client.request("GET", "/api/auth/me", token: token).status == 200)
      #expect(try client.request("GET", "/livez").status == 200)
    }

    // It also stops, is killed and starts on a full disk.
    #expect(server.stop() == 0)
    server = try RunningServer(data: disk.path + "/db")
    server.kill()
    server = try RunningServer(data: disk.path + "/db")
    client = try server.connect()
    #expect(try client.request("GET", "/api/auth/me", token: token).status == 200)
    #expect(try refresh().status == 507)

    try Directory.remove(disk.path + "/filler")
    var answer = try refresh()
    for _ in 0..<100 where answer.status == 507 {
      sleepThread(milliseconds: 50)
      answer = try refresh()
    }
    #expect(answer.status == 200, "five seconds after there was room: \(answer.text)")
    for _ in 0..<50 { #expect(try refresh().status == 200) }
    #expect(server.stop() == 0)

    let again = try RunningServer(data: disk.path + "/db")
    let last = try again.connect().request("POST", "/api/auth/refresh", json: #"{"refreshToken":"\#(refreshToken)"}"#)
    #expect(last.status == 200)
    #expect(again.stop() == 0)
  }

  /// Writes until the disk is full, then gives some of it back.
  private func fill(_ path: String, leaving free: Int) throws(Errno) {
    let file = try File(path, .createNew), chunk = [UInt8](repeating: 0xff, count: 1 << 20)
    var size = 0
    do throws(Errno) {
      while true {
        let written = try file.write(chunk.span, at: size)
        size += written
        if written < chunk.count { break }
      }
    } catch {
      guard error.kind == .noSpace else { throw error }
    }
    try file.setSize(max(0, size - free))
  }
}
