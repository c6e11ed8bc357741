// `userd healthcheck`: asks a server whether requests should come to it, for containers that have no other program.

import HTTP
import Platform

extension Verb {
  static let healthcheck = Verb(
    words: ["healthcheck"], summary: "ask the server whether it is ready: 0 if it is, else 1",
    details: [
      "Asks GET /readyz at the first of http.listen, as the flag, the environment or the file says, with this machine in the place of 0.0.0.0 and [::]; or what --url names. It waits five seconds for the answer."
    ],
    flags: [.value("url", "URL", "ask this instead: an http URL of a loopback or private address")],
    settings: Setting.all.filter { $0.key == "http.listen" }
  ) { invocation, surroundings throws(CommandError) in
    if let text = invocation.values["url"] {
      guard let endpoint = LocalEndpoint(text) else {
        throw .badFlagValue(
          flag: "url", value: text, expected: ValueForm.localURL(example: "http://127.0.0.1:8080/readyz").expected)
      }
      return try surroundings.ask(endpoint)
    }
    guard let address = try surroundings.configuration(for: invocation).listen.first else {
      preconditionFailure("a list without one")
    }
    switch address {
    case .internet(let address): return try surroundings.ask(LocalEndpoint(address.onThisMachine, target: "/readyz"))
    case .unix(let path, _): return try surroundings.askSocket(path)
    case .inherited: preconditionFailure("no text names an inherited socket")
    }
  }
}

extension Surroundings {
  private static let waitMilliseconds: Int32 = 5000

  fileprivate func ask(_ endpoint: LocalEndpoint) throws(CommandError) -> ExitCode {
    var client = LocalClient(endpoint)
    client.milliseconds = Int(Self.waitMilliseconds)
    let status: Int
    do throws(LocalClientError) { status = try client.get(clock: SystemClock()).status } catch {
      say("userd: \(endpoint): \(error)")
      return .notReady
    }
    return try tell(status, "\(endpoint)")
  }

  fileprivate func askSocket(_ path: String) throws(CommandError) -> ExitCode {
    let answer: AdminSocket.Answer?
    do throws(CommandError) {
      answer = try AdminSocket(path: path, maxWaitMilliseconds: Self.waitMilliseconds).get("/readyz")
    } catch {
      // A server that hangs is not ready; whoever may not ask knows nothing of it.
      guard error.exitCode == .temporary else { throw error }
      say("userd: \(error)")
      return .notReady
    }
    guard let answer else {
      say("userd: nobody listens at \(visible(path))")
      return .notReady
    }
    return try tell(answer.status, "unix:\(visible(path))")
  }

  private func tell(_ status: Int, _ place: String) throws(CommandError) -> ExitCode {
    try answer("\(place): \(status)\n")
    return status == 200 ? .success : .notReady
  }
}

extension SocketAddress {
  /// Where a server that listens on every address of the machine is reached from the machine itself.
  fileprivate var onThisMachine: SocketAddress {
    guard high == 0, low == 0 else { return self }
    return family == .ipv6 ? SocketAddress(ipv6High: 0, low: 1, port: port) : .loopback(port: port)
  }
}
