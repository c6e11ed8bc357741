// Whole requests, from the bytes that come to the bytes that leave, each kind alone and often: for Benchmarks/budget.py.

import Platform

/// Requests to a server with a thousand users, one after the other.
struct RequestPaths {
  static let names = ["livez", "me", "user", "list", "refresh", "create", "update"]
  private static let userCount = 1000
  private static let password = "correct horse battery 7"

  private let server: TurnedServer
  private var access = ""
  private var refresh: [UInt8] = []
  private var id = ""
  private var count = 0

  init(folder: String) throws(BenchmarkError) {
    server = try TurnedServer(folder: folder)
    let account = #"{"email":"a@example.org","name":"A","password":"\#(Self.password)","role":"admin"}"#
    id = try ask(
      request("POST", "/api/v1/users", account), of: "id", asAdministrator: true, expecting: 201)
    let login = request("POST", "/api/auth/login", #"{"email":"a@example.org","password":"\#(Self.password)"}"#)
    (access, refresh) = try server.ask(login) { answer in
      (
        String(decoding: answer.text(of: Array("token".utf8)) ?? [], as: UTF8.self),
        answer.text(of: Array("refreshToken".utf8)) ?? []
      )
    }
    for start in stride(from: 0, to: Self.userCount, by: 100) {
      let users = (start..<start + 100).map {
        #"{"method":"create","user":{"email":"p\#($0)@example.org","name":"Ann Example"}}"#
      }
      try server.ask(request("POST", "/api/v1/users:batch", #"{"operations":[\#(users.joined(separator: ","))]}"#)) { _ in }
    }
  }

  mutating func run(_ name: String, rounds: Int) throws(BenchmarkError) {
    switch name {
    case "livez": try again(rounds, request("GET", "/livez"))
    case "me": try again(rounds, request("GET", "/api/auth/me"))
    case "user": try again(rounds, request("GET", "/api/v1/users/\(id)"))
    case "list": try again(rounds, request("GET", "/api/v1/users?limit=20"))
    case "refresh":
      for _ in 0..<rounds {
        let token = String(decoding: refresh, as: UTF8.self)
        refresh = try server.ask(request("POST", "/api/auth/refresh", #"{"refreshToken":"\#(token)"}"#)) { answer in
          answer.text(of: Array("refreshToken".utf8)) ?? []
        }
      }
    case "create":
      for round in 0..<rounds {
        let user = #"{"email":"q\#(1_000_000 + round)@example.org","name":"Somebody"}"#
        try server.ask(request("POST", "/api/v1/users", user), expecting: 201) { _ in }
      }
    default:
      for round in 0..<rounds {
        try server.ask(request("PATCH", "/api/v1/users/\(id)", #"{"metadata":{"seen":\#(1_000_000 + round)}}"#)) { _ in }
      }
    }
    try server.close()
  }

  private func again(_ rounds: Int, _ request: [UInt8]) throws(BenchmarkError) {
    for _ in 0..<rounds { try server.ask(request) { _ in } }
  }

  private func ask(_ request: [UInt8], of member: String, asAdministrator: Bool, expecting status: Int) throws(BenchmarkError)
    -> String
  {
    let found = try server.ask(request, asAdministrator: asAdministrator, expecting: status) { $0.text(of: Array(member.utf8)) }
    guard let found else { throw .failed("an answer without \(member)") }
    return String(decoding: found, as: UTF8.self)
  }

  private func request(_ method: String, _ path: String, _ body: String? = nil) -> [UInt8] {
    var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
    if !access.isEmpty { text += "Authorization: Bearer \(access)\r\n" }
    if let body { text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
    return Array((text + "\r\n" + (body ?? "")).utf8)
  }
}
