// `userd schema openapi` and `userd schema typescript`: the contract of a build, which its server answers too.

import Codecs
import TestSupport
import Testing

@Suite struct SchemaVerbTests {
  @Test(arguments: [("openapi", "/openapi.json"), ("typescript", "/types.d.ts")])
  func `the verb prints what a server answers, byte for byte, without a data folder`(_ word: String, _ path: String) throws {
    let run = try Program.run(["schema", word])
    #expect(run.exitCode == 0 && run.error.isEmpty, "\(run.error)")
    let folder = TemporaryFolder("schema")
    let server = try RunningServer(data: "\(folder.path)/db")
    let answer = try server.connect().request("GET", path)
    #expect(answer.status == 200 && answer.text == run.output)
    if word == "openapi" { #expect(answer.json["openapi"]?.string == "3.1.0") }
  }

  @Test func `each verb has help, and a mistyped one is answered with the nearest`() throws {
    for words in [["schema", "openapi"], ["schema", "typescript"]] {
      let help = try Program.run(words + ["--help"])
      #expect(help.exitCode == 0 && help.output.hasPrefix("userd schema \(words[1])\n"))
    }
    let overview = try Program.run(["schema", "--help"])
    #expect(overview.output.contains("userd schema openapi") && overview.output.contains("userd schema typescript"))
    let mistyped = try Program.run(["schema", "openapy"])
    #expect(mistyped.exitCode == 64 && mistyped.error.contains("schema openapi"), "\(mistyped.error)")
    let alone = try Program.run(["schema"])
    #expect(alone.exitCode == 64 && alone.error.contains("schema typescript"), "\(alone.error)")
    #expect(try Program.run(["schema", "openapi", "x"]).exitCode == 64)
  }
}
