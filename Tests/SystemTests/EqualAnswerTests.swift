// Known and unknown addresses get the same bytes wherever the contract does not tell them apart.

import Codecs
import TestSupport
import Testing

@Suite struct EqualAnswerTests {
  /// A pair of requests, the first about somebody with an account, the other about nobody.
  private struct Pair {
    let what: String
    let path: String
    let known: String
    let unknown: String
    let status: Int
  }

  // Addresses of one length, so that not even the length of an answer that repeats one would differ.
  private static let known = "known@example.org", unknown = "knows@example.org", deleted = "kneel@example.org"

  /// Everything of an answer but what is drawn anew for each: its number and its date.
  private static func lasting(_ answer: HTTPAnswer) -> String {
    let headers = answer.headers.filter { !["date", "x-request-id"].contains($0.name) }.map { "\($0.name): \($0.value)" }
    let id = answer["x-request-id"] ?? "none"
    return "\(answer.status)\n\(headers.joined(separator: "\n"))\n\n" + answer.text.replacing(id, with: "ID")
  }

  @Test func `answers about known and unknown addresses are equal in every byte`() throws {
    let folder = TemporaryFolder("equal")
    let server = try RunningServer(data: folder.path + "/db")
    let client = try server.connect()
    for email in [Self.known, Self.deleted] {
      let json = #"{"email":"\#(email)","password":"correct horse battery","name":"Ann"}"#
      #expect(try client.request("POST", "/api/auth/register", json: json).status == 201)
    }
    let pairs = [
      Pair(
        what: "login with a wrong password", path: "/api/auth/login",
        known: #"{"email":"\#(Self.known)","password":"wrong horse battery"}"#,
        unknown: #"{"email":"\#(Self.unknown)","password":"wrong horse battery"}"#, status: 401),
      Pair(
        what: "login with an empty password", path: "/api/auth/login", known: #"{"email":"\#(Self.known)","password":""}"#,
        unknown: #"{"email":"\#(Self.unknown)","password":""}"#, status: 401),
      Pair(
        what: "registration that is not valid", path: "/api/auth/register",
        known: #"{"email":"\#(Self.known)","password":"short","name":"Ann"}"#,
        unknown: #"{"email":"\#(Self.unknown)","password":"short","name":"Ann"}"#, status: 422),
    ]
    for pair in pairs {
      // Several times: a count that only one of them has would show.
      for _ in 0..<3 {
        let one = try client.request("POST", pair.path, json: pair.known),
          other = try client.request("POST", pair.path, json: pair.unknown)
        #expect(one.status == pair.status && Self.lasting(one) == Self.lasting(other), "\(pair.what)")
      }
    }
    #expect(server.stop() == 0)
  }
}
