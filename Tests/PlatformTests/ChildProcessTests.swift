// Other programs: what they are given, what they say, how they end, and that none is waited for too long.

import Glibc
import Platform
import TestSupport
import Testing

@Suite struct ChildProcessTests {
  private func run(
    _ script: String, input: String = "", milliseconds: Int = 20_000, limit: Int = 4096, while isWanted: () -> Bool = { true }
  ) throws -> ChildOutcome {
    var program = ChildProgram(path: "/bin/sh", arguments: ["-c", script])
    program.milliseconds = milliseconds
    program.maxOutputByteCount = limit
    let bytes = Array(input.utf8)
    return try program.run(input: bytes.span, clock: SystemClock(), while: isWanted)
  }

  private func said(_ outcome: ChildOutcome) -> String { String(decoding: outcome.output, as: UTF8.self) }

  @Test func `a program gets its input and tells how it ended and what it said`() throws {
    let outcome = try run("cat; echo oops >&2; exit 75", input: "hello\n")
    #expect(outcome.ending == .exited(75))
    #expect(said(outcome) == "hello\noops\n")
    #expect(try run("exit 0").ending == .exited(0))
    #expect(try run("kill -9 $$").ending == .signalled(9))
  }

  @Test func `more input and output than a pipe holds goes through, and only the beginning is kept`() throws {
    let long = String(repeating: "0123456789abcdef", count: 40_000)
    let outcome = try run("wc -c; yes | head -c 500000", input: long, limit: 100)
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output.count == 100)
    #expect(said(outcome).hasPrefix("640000\n"))
  }

  @Test func `a program that reads nothing is no error`() throws {
    #expect(try run("exit 3", input: String(repeating: "x", count: 1 << 20)).ending == .exited(3))
  }

  /// In a process of its own, where a write to a closed pipe ends whoever does not prevent it. Where the others run, some test has said otherwise.
  @Test func `a program that closes its input ends nobody but itself`() async {
    await #expect(processExitsWith: .exitCode(7)) {
      signal(SIGPIPE, SIG_DFL)
      guard try endingOfProgramThatClosesItsInput() == .exited(3) else { exit(1) }
      var waiting = sigset_t(), blocked = sigset_t()
      unsafe sigpending(&waiting)
      unsafe pthread_sigmask(SIG_BLOCK, nil, &blocked)
      guard unsafe sigismember(&waiting, SIGPIPE) == 0 && sigismember(&blocked, SIGPIPE) == 0 else { exit(2) }
      exit(7)
    }
  }

  @Test func `a program that takes too long is killed with what it started`() throws {
    let folder = TemporaryFolder("child")
    let outcome = try run("(sleep 60; touch '\(folder.path)/late') & echo begun; sleep 60", milliseconds: 2000)
    #expect(outcome.ending == .cutOff)
    #expect(said(outcome) == "begun\n")
    #expect(unsafe access("\(folder.path)/late", F_OK) != 0)
  }

  @Test func `a run that nobody wants any more ends`() throws {
    var looks = 0
    let outcome = try run("sleep 60") {
      looks += 1
      return looks < 3
    }
    #expect(outcome.ending == .cutOff)
  }

  @Test func `what a program leaves behind does not hold it up`() throws {
    // The child of the shell keeps the pipe open, as a mail program does that delivers in the background.
    let begin = SystemClock().monotonicNanoseconds()
    let outcome = try run("(sleep 30) & echo $!; exit 0")
    #expect(outcome.ending == .exited(0))
    #expect(SystemClock().monotonicNanoseconds() - begin < 20_000_000_000)
    let child = try #require(pid_t(said(outcome).dropLast()))
    #expect(kill(child, SIGKILL) == 0, "it goes on, as it may")
  }

  @Test func `a program finds three descriptors, no blocked or ignored signals and a plain environment`() throws {
    let stray = unsafe open("/dev/null", O_RDONLY)
    defer { close(stray) }
    ignoreBrokenPipeSignal()
    let descriptors = said(try run("ls /proc/self/fd | tr '\\n' ' '"))
    // The listing itself holds one more.
    #expect(descriptors == "0 1 2 3 " || descriptors == "0 1 2 ", "\(descriptors)")
    let signals = said(try run("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2")).split(separator: "\n")
    // The C library keeps signals 32 and 33 for itself and lets nobody set them.
    #expect(signals.map { (UInt64($0, radix: 16) ?? .max) & ~0x1_8000_0000 } == [0, 0], "\(signals)")
    var environment = said(try run("env | grep -v -E '^(PWD|SHLVL|_|OLDPWD)=' | sort"))
    environment.removeLast()
    #expect(environment.split(separator: "\n").map(String.init) == ChildProgram.plainEnvironment.sorted())
    let group = said(try run("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat"))
    #expect(pid_t(group.filter { $0.isNumber }) != getpgrp())
  }

  @Test func `what cannot be started is an error and leaves nothing`() throws {
    #expect(throws: Errno.notFound) {
      try ChildProgram(path: "/nowhere/at/all").run(input: Span(), clock: SystemClock())
    }
    let folder = TemporaryFolder("child")
    #expect(throws: Errno.permissionDenied) { try ChildProgram(path: folder.path).run(input: Span(), clock: SystemClock()) }
    #expect(throws: Errno.self) { try ChildProgram(path: "").run(input: Span(), clock: SystemClock()) }
  }

  @Test func `arguments are passed as they are`() throws {
    let program = ChildProgram(path: "/bin/echo", arguments: ["$(id)", "a b", "; exit 1", ""])
    #expect(said(try program.run(input: Span(), clock: SystemClock())) == "$(id) a b ; exit 1 \n")
  }

  @Test func `many runs from many threads leave no descriptor and no child behind`() throws {
    let before = try Directory.names(in: "/proc/self/fd").count
    inParallel(8) { _ in
      for _ in 0..<5 { _ = try? ChildProgram(path: "/bin/true").run(input: Span(), clock: SystemClock()) }
    }
    // Other tests of this process open and close files meanwhile.
    #expect(try Directory.names(in: "/proc/self/fd").count < before + 40)
  }
}

/// The program goes on until there was a try to send it the rest of its input, and not for ever if nobody is left to try.
private func endingOfProgramThatClosesItsInput() throws -> ChildOutcome.Ending {
  let folder = TemporaryFolder("child"), closed = folder.path + "/closed", goOn = folder.path + "/go-on"
  let wait = "n=0; until [ -e '\(goOn)' ]; do n=$((n + 1)); [ $n -lt 6000 ] || exit 4; sleep 0.01; done"
  let script = "exec <&-; : > '\(closed)'; \(wait); exit 3"
  var program = ChildProgram(path: "/bin/sh", arguments: ["-c", script])
  program.milliseconds = 60_000
  let input = [UInt8](repeating: 0, count: 1 << 20)
  var wasClosed = false
  return try program.run(input: input.span, clock: SystemClock()) {
    if wasClosed { _ = try? File(goOn, .createOrOpen) }
    // It is asked before each try.
    wasClosed = unsafe access(closed, F_OK) == 0
    return true
  }.ending
}
