// userd-bench: measures the engine beside nothing but the disk; Benchmarks/compare.py puts it beside its peers.

import Platform

let usage = """
  usage: userd-bench commits --data DIR [--writers N | --held N] [--seconds S]
         userd-bench engine --data DIR [--records N] [--milliseconds M] [--phases A,B,...]

    commits --writers N   N threads put durable records, each waiting for its own (1 to 256; default 1)
    commits --held N      one thread keeps N commits in flight and never waits for a single one, as an event loop does (1 to 4096)
    engine                load randomload scan range get1 get2 mix2 put1 put64 held64 delete crash open, in the order given

  DIR must not exist yet, but for phases after a load. One JSON line is printed for each phase.

  """

do throws(BenchmarkError) {
  var arguments = BenchmarkArguments(CommandLine.arguments.dropFirst())
  switch arguments.verb {
  case "commits":
    let workload = try CommitWorkload(&arguments)
    try print(workload.run())
  case "engine":
    try EngineWorkload(&arguments).run()
  default:
    throw .usage("no such benchmark: \(arguments.verb ?? "(none)")")
  }
} catch {
  switch error {
  case .usage(let reason):
    complain("userd-bench: \(reason)\n\n\(usage)")
    endProcess(64)
  case .failed(let reason):
    complain("userd-bench: \(reason)\n")
    endProcess(74)
  }
}

func complain(_ text: String) {
  let bytes = Array(text.utf8)
  let span = bytes.span
  do throws(Errno) { try StandardStream.error.write(span) } catch { endProcess(74) }
}
