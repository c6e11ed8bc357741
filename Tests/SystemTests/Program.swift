// Runs the real executable the way a shell would: arguments, environment and standard input in; exit code and words out.

import Glibc
import Platform
import TestSupport

/// One run of the program under test. Its output goes to files, so that it never waits for the test to read.
final class Program {
  struct Outcome {
    let exitCode: Int32
    let output: String
    let error: String
  }

  let process: pid_t
  let folder: TemporaryFolder
  private var exitCode: Int32?
  /// Whether the process has ended with a core dump.
  private(set) var dumpedCore = false

  /// The executable that `USERD_EXE` names, else the one that `swift test` built beside the tests. Without one nothing can be tested.
  static let path: String = {
    let path = environmentVariables().first { $0.name == "USERD_EXE" }?.value ?? besideTheTests()
    guard unsafe access(path, X_OK) == 0 else {
      fatalError("there is no userd to test at \(path): \"swift build\" makes one, and USERD_EXE names another")
    }
    return path
  }()

  private static func besideTheTests() -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
    let tests = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return tests[..<(tests.lastIndex(of: "/") ?? tests.startIndex)] + "/userd"
  }

  /// Starts the program. It sees no environment but `environment`, so that settings of the test run stay out of it.
  ///
  /// - Parameters:
  ///   - output: where standard output goes instead of a file of the test, such as a pipe.
  ///   - descriptors: what the program finds open from 3 on.
  ///   - shell: a line for `/bin/sh` that starts the program: there `"$0" "$@"` is the program with its arguments.
  init(
    _ arguments: [String], environment: [String: String] = [:], input: String = "", output: String? = nil,
    descriptors: [CInt] = [], shell: String? = nil
  ) throws {
    folder = TemporaryFolder("program")
    try write(input, to: "\(folder.path)/input")
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "\(folder.path)/input", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, 1, output ?? "\(folder.path)/output", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "\(folder.path)/error", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    for (index, descriptor) in descriptors.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, 3 + CInt(index))
    }
    // The test runner may block signals that the program must hear.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    unsafe sigemptyset(&noSignals)
    unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let command = (shell.map { ["/bin/sh", "-c", $0] } ?? []) + [Self.path] + arguments
    var words = unsafe command.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
      for index in unsafe words.indices { unsafe free(words[index]) }
      for index in unsafe variables.indices { unsafe free(variables[index]) }
    }
    var started = pid_t()
    let result = unsafe posix_spawn(&started, command[0], &actions, &attributes, &words, &variables)
    guard result == 0 else { throw Errno(result) }
    process = started
  }

  deinit {
    if exitCode == nil {
      _ = kill(process, SIGKILL)
      _ = wait(seconds: 10)
    }
  }

  /// The exit code, or nil if it still runs after so long. A signal that ended it is a negative number.
  func wait(seconds: Double = 30) -> Int32? {
    if let exitCode { return exitCode }
    for _ in 0...Int(seconds * 500) {
      var status: CInt = 0
      if unsafe waitpid(process, &status, WNOHANG) == process {
        dumpedCore = status & 0x7f != 0 && status & 0x80 != 0
        exitCode = status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
        return exitCode
      }
      sleepThread(milliseconds: 2)
    }
    return nil
  }

  func signal(_ number: CInt) { _ = kill(process, number) }

  var output: String { text(of: "\(folder.path)/output") }
  var error: String { text(of: "\(folder.path)/error") }

  /// Waits until `output` or `error` holds `text`; false after so long, or once the program has ended without it.
  func says(_ text: String, seconds: Double = 20) -> Bool {
    for _ in 0...Int(seconds * 200) {
      let hasEnded = wait(seconds: 0) != nil
      if output.contains(text) || error.contains(text) { return true }
      if hasEnded { return false }
      sleepThread(milliseconds: 5)
    }
    return false
  }

  /// Runs to the end.
  static func run(_ arguments: [String], environment: [String: String] = [:], input: String = "") throws -> Outcome {
    let program = try Program(arguments, environment: environment, input: input)
    guard let code = program.wait() else { throw ProgramError.runsForever(arguments) }
    return Outcome(exitCode: code, output: program.output, error: program.error)
  }
}

enum ProgramError: Error {
  case runsForever([String])
}

/// Makes a file of this text, or replaces what is in it.
func write(_ text: String, to path: String) throws {
  let file = try File(path, .createOrOpen)
  try file.setSize(0)
  let bytes = Array(text.utf8)
  var count = 0
  while count < bytes.count { count += try file.write(bytes.span.extracting(count...), at: count) }
}

/// The whole text of a file; empty if there is none.
func text(of path: String) -> String {
  guard let file = try? File(path, .read), let size = try? file.size() else { return "" }
  return text(of: path, atMost: size)
}

/// The beginning of a file, also of one whose size the kernel does not tell; empty if there is none.
func text(of path: String, atMost size: Int) -> String {
  guard let file = try? File(path, .read) else { return "" }
  var bytes = [UInt8](repeating: 0, count: size)
  var span = bytes.mutableSpan
  let count = (try? file.read(into: &span, at: 0)) ?? 0
  return String(decoding: bytes[..<count], as: UTF8.self)
}
