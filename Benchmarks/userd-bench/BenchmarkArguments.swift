// The few flags of userd-bench, each checked against its range.

import Platform

/// Why a benchmark did not run.
enum BenchmarkError: Error {
  case usage(String)
  case failed(String)
}

/// A verb and `--name value` pairs; each pair is taken once, and what is left over is an error.
struct BenchmarkArguments {
  let verb: String?
  private var values: [String: String] = [:]

  init(_ words: some Sequence<String>) {
    var words = Array(words)[...]
    verb = words.popFirst()
    while let name = words.popFirst() {
      values[name] = words.popFirst() ?? ""
    }
  }

  mutating func text(_ name: String) -> String? { values.removeValue(forKey: name) }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(BenchmarkError) -> Int? {
    guard let text = text(name) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw .usage("\(name) is \(text); it must be \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func finish() throws(BenchmarkError) {
    if let name = values.keys.sorted().first { throw .usage("no such flag: \(name)") }
  }
}

/// Runs a call of the system whose failure ends the benchmark.
func system<Value: ~Copyable>(_ call: () throws(Errno) -> Value) throws(BenchmarkError) -> Value {
  do throws(Errno) { return try call() } catch { throw .failed("\(error)") }
}
