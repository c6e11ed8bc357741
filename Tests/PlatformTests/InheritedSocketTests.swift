// LISTEN_FDS: whom it is for, what is wrong with it, and that it is gone afterwards.

import Glibc
import Platform
import Testing

@Suite struct InheritedSocketTests {
  /// Sets the three variables, takes what they announce, and checks that they are gone.
  private static func take(
    _ process: String?, _ count: String?, _ names: String? = nil, first: CInt = 3
  ) throws(Errno) -> [InheritedSocket] {
    for (name, value) in [("LISTEN_PID", process), ("LISTEN_FDS", count), ("LISTEN_FDNAMES", names)] {
      if let value { unsafe setenv(name, value, 1) } else { unsafe unsetenv(name) }
    }
    defer { precondition(!environmentVariables().contains { $0.name.hasPrefix("LISTEN_") }, "a variable stays") }
    return try takeInheritedSockets(first: first)
  }

  @Test func `what is for another process, or none, is not taken, and the variables are gone`() async {
    await #expect(processExitsWith: .success) {
      let own = "\(getpid())"
      for (process, count) in [(nil, nil), (nil, "1"), ("1", "1"), (own, nil), (own, "0"), ("", "1"), (own + "x", "1")] {
        guard try Self.take(process, count).isEmpty else { fatalError("\(process ?? "-") \(count ?? "-")") }
      }
    }
  }

  @Test func `a number that is none, and descriptors that are not open, are errors`() async {
    await #expect(processExitsWith: .success) {
      let own = "\(getpid())"
      for (count, expected) in [
        ("x", Errno.invalid), ("-1", .invalid), ("", .invalid), ("99999999999", .invalid), ("5000", Errno(EBADF)),
      ] {
        do throws(Errno) {
          _ = try Self.take(own, count)
          fatalError("\(count) was taken")
        } catch {
          if error != expected { fatalError("\(count): \(error)") }
        }
      }
    }
  }

  @Test func `descriptors come in order, with their names, and are closed on exec`() async {
    await #expect(processExitsWith: .success) {
      // Far above what others open and close: who has 3 and 4 in the process of a test changes from one moment to the next.
      let first = fcntl(2, F_DUPFD, 200)
      guard first >= 200, dup2(2, first + 1) == first + 1 else { fatalError("no descriptors") }
      let sockets = try Self.take("\(getpid())", "2", "web:", first: first)
      guard sockets == [InheritedSocket(rawValue: first, name: "web"), InheritedSocket(rawValue: first + 1, name: "unknown")]
      else { fatalError("\(sockets)") }
      for raw in [first, first + 1] where fcntl(raw, F_GETFD) & FD_CLOEXEC == 0 { fatalError("\(raw) stays open on exec") }
    }
  }
}
