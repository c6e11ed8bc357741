// Running another program to its end, within bounds of time and output; never through a shell.

import Glibc

/// How a program ended, and the beginning of what it said.
package struct ChildOutcome: Sendable, Equatable {
  package enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
    /// It took longer than it may, or nobody waits for it any more; it and what it had started was killed.
    case cutOff
  }

  package let ending: Ending
  /// The beginning of its standard output and error, in the order in which they came.
  package let output: [UInt8]
}

/// A program to run: a path, its arguments, and the whole of its environment.
package struct ChildProgram: Sendable {
  package let path: String
  /// After the program's own name.
  package let arguments: [String]
  package let environment: [String]
  package var milliseconds = 10_000
  package var maxOutputByteCount = 4096

  /// What a program finds beside its arguments, so that nothing of ours can leak into it.
  package static let plainEnvironment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]

  package init(path: String, arguments: [String] = [], environment: [String] = Self.plainEnvironment) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
  }

  /// How often a run looks whether it is still wanted, where the kernel does not tell when the program ends.
  private static let glanceMilliseconds = 50

  /// Runs the program with `input` on its standard input and waits for its end, on a thread that may wait.
  ///
  /// The program gets descriptors 0 to 2 and no other, no blocked or ignored signals, and a process group of its own. What it starts may outlive
  /// it, unless it is cut off. An input that it does not read is no error.
  /// - Parameter isWanted: asked some times a second; false cuts it off.
  /// - Throws: what keeps the program from starting, such as `.notFound`.
  package func run(
    input: Span<UInt8>, clock: any Clock, while isWanted: () -> Bool = { true }
  ) throws(Errno) -> ChildOutcome {
    let toChild = try Pipe(), fromChild = try Pipe()
    let child = try start(reading: toChild.reading.rawValue, writing: fromChild.writing.rawValue)
    var run = Conversation(child: child, input: consume toChild.writing, output: consume fromChild.reading)
    _ = consume toChild.reading
    _ = consume fromChild.writing
    return withoutBrokenPipeSignal { run.finish(self, input, clock, isWanted) }
  }

  private func start(reading: CInt, writing: CInt) throws(Errno) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    // SAFETY: the calls fill and read locals that outlive them; what they allocate is freed by destroy.
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, reading, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, writing, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, writing, 2)
    // All descriptors of this program close themselves; those of whoever started it may not.
    _ = unsafe linux_posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t(), all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer {
      for index in unsafe words.indices { unsafe free(words[index]) }
      for index in unsafe variables.indices { unsafe free(variables[index]) }
    }
    var child = pid_t()
    // SAFETY: both lists end with nil, and their texts live until the program has started.
    let result = unsafe posix_spawn(&child, path, &actions, &attributes, &words, &variables)
    if result != 0 { throw Errno(result) }
    return child
  }

  /// The two ends of a pipe, both numbered above the standard streams and closed on exec.
  private struct Pipe: ~Copyable {
    var reading: FileDescriptor
    var writing: FileDescriptor

    init() throws(Errno) {
      var ends: (CInt, CInt) = (-1, -1)
      // SAFETY: the call writes two descriptors into a local. O_CLOEXEC.
      try checked { unsafe linux_pipe2(&ends, 0x80000) }
      let first = FileDescriptor(owning: ends.0), second = FileDescriptor(owning: ends.1)
      let from = try first.aboveTheStandardStreams()
      let to = try second.aboveTheStandardStreams()
      reading = consume from
      writing = consume to
    }
  }

  /// The parent's side of one run.
  private struct Conversation: ~Copyable {
    let child: pid_t
    var input: FileDescriptor?
    let output: FileDescriptor
    /// Readable once the child has ended; nil where the kernel has no such thing.
    let end: FileDescriptor?
    /// The numbers of both, below 0 for none.
    let endNumber: CInt
    var inputNumber: CInt
    var said: [UInt8] = []

    init(child: pid_t, input: consuming FileDescriptor, output: consuming FileDescriptor) {
      self.child = child
      let raw = linux_pidfd_open(child, 0)
      end = raw < 0 ? nil : FileDescriptor(owning: raw)
      endNumber = raw
      setNonBlocking(input.rawValue)
      setNonBlocking(output.rawValue)
      inputNumber = input.rawValue
      self.input = consume input
      self.output = output
    }

    mutating func finish(
      _ program: ChildProgram, _ bytes: Span<UInt8>, _ clock: any Clock, _ isWanted: () -> Bool
    ) -> ChildOutcome {
      var sent = 0
      let deadline = clock.monotonicNanoseconds() + UInt64(program.milliseconds) * 1_000_000
      while true {
        if let ending = ended() {
          take(program.maxOutputByteCount)
          return ChildOutcome(ending: ending, output: said)
        }
        guard clock.monotonicNanoseconds() < deadline, isWanted() else {
          // The group, so that what a script started does not go on without it.
          _ = kill(-child, SIGKILL)
          _ = kill(child, SIGKILL)
          reap()
          take(program.maxOutputByteCount)
          return ChildOutcome(ending: .cutOff, output: said)
        }
        send(bytes, &sent)
        take(program.maxOutputByteCount)
        waitForNews()
      }
    }

    private mutating func send(_ bytes: Span<UInt8>, _ sent: inout Int) {
      guard inputNumber >= 0 else { return }
      while sent < bytes.count {
        let rest = bytes.extracting(sent...)
        // SAFETY: the kernel reads at most the length of the span, which outlives the call.
        let count = unsafe rest.withUnsafeBufferPointer { unsafe Glibc.write(inputNumber, $0.baseAddress, $0.count) }
        if count >= 0 {
          sent += count
        } else if Errno.last.kind == .wouldBlock {
          return
        } else if Errno.last.kind != .retry {
          break
        }
      }
      // All is said, or nobody listens: the end of input.
      input = nil
      inputNumber = -1
    }

    private mutating func take(_ limit: Int) {
      var piece = InlineArray<1024, UInt8>(repeating: 0)
      // What it started may write without end; others want their turn.
      for _ in 0..<64 {
        let raw = output.rawValue
        var span = piece.mutableSpan
        // SAFETY: the kernel writes at most the length of the span, a local.
        let count = unsafe span.withUnsafeMutableBufferPointer { unsafe Glibc.read(raw, $0.baseAddress, $0.count) }
        if count < 0 && Errno.last.kind == .retry { continue }
        guard count > 0 else { return }
        // What is over the limit is read all the same, so that the program is not held up.
        for index in 0..<min(count, max(0, limit - said.count)) { said.append(piece[index]) }
      }
    }

    private borrowing func waitForNews() {
      var watched: (pollfd, pollfd, pollfd) = (
        pollfd(fd: endNumber, events: Int16(POLLIN), revents: 0),
        pollfd(fd: output.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: inputNumber, events: Int16(POLLOUT), revents: 0)
      )
      // SAFETY: a tuple of one type has the layout of an array; poll ignores descriptors below 0. An interruption is a look like any other.
      _ = unsafe withUnsafeMutablePointer(to: &watched.0) { unsafe poll($0, 3, CInt(ChildProgram.glanceMilliseconds)) }
      // A closed output is always ready; without this the wait for the end would spin.
      if watched.1.revents & Int16(POLLHUP) != 0 && watched.1.revents & Int16(POLLIN) == 0 {
        _ = unsafe withUnsafeMutablePointer(to: &watched.0) { unsafe poll($0, 1, CInt(ChildProgram.glanceMilliseconds)) }
      }
    }

    private borrowing func ended() -> ChildOutcome.Ending? {
      var status: CInt = 0
      // SAFETY: the call writes one number, a local.
      let result = unsafe waitpid(child, &status, WNOHANG)
      if result == 0 || (result < 0 && Errno.last.kind == .retry) { return nil }
      // Without a child to wait for nobody knows how it went.
      if result < 0 { return .cutOff }
      return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    }

    private borrowing func reap() {
      var status: CInt = 0
      while unsafe waitpid(child, &status, 0) < 0 && Errno.last.kind == .retry {}
    }
  }
}

extension FileDescriptor {
  /// The same open file under a number that no standard stream has.
  fileprivate consuming func aboveTheStandardStreams() throws(Errno) -> FileDescriptor {
    if rawValue > 2 { return self }
    let raw = rawValue
    return FileDescriptor(owning: try checked { fcntl(raw, F_DUPFD_CLOEXEC, 3) })
  }
}

private func setNonBlocking(_ descriptor: CInt) {
  let flags = fcntl(descriptor, F_GETFL)
  precondition(flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0, "descriptor \(descriptor) is not open")
}
