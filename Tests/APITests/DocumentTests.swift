// docs/http-api.md says what the server does: its table of endpoints and its codes are the ones of the code.

import Glibc
import HTTP
import Platform
import Testing

@testable import API

@Suite struct DocumentTests {
  /// docs/http-api.md beside the folder of these tests, wherever the repository lies.
  static func document() throws -> String { try text(of: "docs/http-api.md") }

  /// A file of the repository.
  static func text(of path: String) throws -> String {
    guard let here = unsafe realpath(#filePath, nil) else { throw Errno.last }
    defer { unsafe free(here) }
    let parts = unsafe String(cString: here).split(separator: "/").dropLast(3)
    let file = try File("/" + parts.joined(separator: "/") + "/" + path, .read)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    var span = bytes.mutableSpan
    #expect(try file.read(into: &span, at: 0) == span.count)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `the table of endpoints is the routing table: method, path, who may call, and what is answered`() throws {
    let rows = try Self.document().split(separator: "\n").compactMap { line -> String? in
      // A bar within a cell is written with a backslash before it, and only the notes have some.
      let cells = line.split(separator: "|", omittingEmptySubsequences: true)
      guard let first = cells.first, Method.allCases.contains(where: { first.hasPrefix(" \($0.name) /") }) else {
        return nil
      }
      return cells.prefix(3).map { String($0.dropFirst().dropLast()) }.joined(separator: " | ")
    }
    #expect(rows == Endpoint.all.map { "\($0.method.name) \($0.pattern) | \($0.who) | \($0.promise)" })
    let server = try APIServer()
    let routes = server.services.routes.map { "\($0.method.name) \($0.pattern)" }
    #expect(routes == Endpoint.all.map { "\($0.method.name) \($0.pattern)" })
  }

  @Test func `the table of errors has every code of the catalogue with its status`() throws {
    let document = try Self.document()
    for kind in ProblemKind.all {
      let row = document.split(separator: "\n").first {
        $0.hasPrefix("| ") && $0.contains("`\(kind.code)`") && !$0.contains("POST /")
      }
      let statuses = row?.dropFirst(2).prefix { $0 != "|" }.split(separator: " ") ?? []
      #expect(statuses.contains("\(kind.status.code)"), "\(kind.code)")
    }
  }
}
