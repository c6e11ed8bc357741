// Passwords under pressure: so many at work, so many waiting, and one more is told when to come back.

import Synchronization
import TestSupport
import Testing

@testable import API

@Suite struct HashQueueTests {
  @Test func `with both workers busy and the queue full one more login is 503, and all others are answered`() throws {
    let crowd = Crowd()
    let server = try APIServer(hashQueueCount: 1, holdingHashesIn: crowd)
    let answers = Mutex<[String]>([])
    inParallel(4) { index in
      do {
        // Two are at work, one after the other, since the one place to wait is also where work is handed over; of the next two, one waits
        // and one is sent away, whichever comes first.
        crowd.waitUntil(min(index, 2))
        let answer = try server.ask("POST", "/api/auth/login", #"{"email":"nobody@example.org","password":"whatever it is"}"#)
        answers.withLock { $0.append(answer.code ?? answer.text) }
        if answer.status == 503 {
          #expect(answer.header("Retry-After") == "1")
          #expect(try server.ask("GET", "/livez").status == 200, "the loop turns meanwhile")
          crowd.letGo()
        }
      } catch { Issue.record(error) }
    }
    let expected = ["invalid_credentials", "invalid_credentials", "invalid_credentials", "overloaded"]
    #expect(answers.withLock { $0.sorted() } == expected)
  }
}
