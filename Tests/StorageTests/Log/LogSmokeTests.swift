// A database on the real disk, with its real threads.

import Platform
import Storage
import Testing
import TestSupport

struct LogSmokeTests {
  @Test func `what was committed is there after an orderly end and after none`() throws {
    let folder = try ScratchFolder()
    for round in 0..<4 {
      let database = try Database.open(DatabaseOptions(path: folder.path + "/db"))
      #expect(try database.text("round") == (round == 0 ? nil : "\(round - 1)"))
      let done = try database.put("round", "\(round)")
      try database.waitUntilDurable(done)
      #expect(try database.text("round") == "\(round)")
      #expect(database.checkIntegrity().isSound)
      if round.isMultiple(of: 2) { try database.close() }
    }
  }
}
