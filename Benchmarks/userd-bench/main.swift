// userd-bench: measures the engine beside nothing but the disk, its memory and its file under load, and plays a crowd of clients; Benchmarks/compare.py and Benchmarks/crowd.py call it.

import Platform

let usage = """
  usage: userd-bench commits --data DIR [--writers N | --held N] [--seconds S]
         userd-bench engine --data DIR [--records N] [--milliseconds M] [--phases A,B,...]
         userd-bench budget --data DIR [--cache MIB] [--mebibytes M] [--seconds S]
         userd-bench pinned --data DIR [--records N] [--minutes M] [--rate R]
         userd-bench latency --data DIR [--records N] [--writers W] [--rate R] [--seconds S] [--beside A,B,...]
         userd-bench crowd --port P [--idle N] [--active N] [--rate R] [--seconds S]
         userd-bench load --port P [--work get|refresh|create] [--file F] [--token T] [--connections N] [--rate R] [--seconds S]
         userd-bench path --name NAME [--rounds N] [--data DIR]

    commits --writers N   N threads put durable records, each waiting for its own (1 to 256; default 1)
    commits --held N      one thread keeps N commits in flight and never waits for a single one, as an event loop does (1 to 4096)
    engine                load randomload scan range get1 get2 mix2 put1 put64 held64 delete crash open, in the order given
    budget                M MiB of records (160) in a cache of so many MiB (16), then random gets and puts; says what is resident
    pinned                a checkpoint of N records (200000) is pinned while R of them (10000) are replaced each second, for M minutes (10)
    latency               W writers (64) replace some of N records (1000000), R commits a second in all (5000), each due at its own moment, while
                          nothing else is done, or checkpoints, backups or compactions follow on each other, ten a second at most: phases of S seconds (20),
                          quiet checkpoint backup compact, in the order given
    crowd                 N connections to 127.0.0.1:P that are silent after one request, and N that ask for /livez, R requests a second in
                          all, each at its own moment (defaults 10000, 1000, 10000)
    load                  requests on N connections (64): R a second, each due at its own moment and timed from then; without R each connection asks again
                          when it is answered. get asks for the lines of F by turns (a path, and an access token or -), refresh rotates the tokens
                          in F, create makes accounts as the holder of T
    path                  one of \(HotPathWorkload.names.joined(separator: ", ")),
                          N times (1000); commit and requests need DIR; prints nothing, for Benchmarks/budget.py counts from outside

  DIR must not exist yet, but for phases after a load. One JSON line is printed, of an engine one for each phase, budget, pinned and latency several; crowd prints one more when the silent connections stand.

  """

do throws(BenchmarkError) {
  var arguments = BenchmarkArguments(CommandLine.arguments.dropFirst())
  switch arguments.verb {
  case "commits":
    let workload = try CommitWorkload(&arguments)
    try print(workload.run())
  case "engine":
    try EngineWorkload(&arguments).run()
  case "budget": try BudgetWorkload(&arguments).run()
  case "pinned": try PinnedWorkload(&arguments).run()
  case "latency": try LatencyWorkload(&arguments).run()
  case "path": try HotPathWorkload(&arguments).run()
  case "load":
    let workload = try LoadWorkload(&arguments)
    try print(workload.run())
  case "crowd":
    let workload = try CrowdWorkload(&arguments)
    try print(workload.run())
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

/// Prints a line at once, so that a long run shows how far it is.
func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  let span = bytes.span
  do throws(Errno) { try StandardStream.output.write(span) } catch { endProcess(74) }
}

func complain(_ text: String) {
  let bytes = Array(text.utf8)
  let span = bytes.span
  do throws(Errno) { try StandardStream.error.write(span) } catch { endProcess(74) }
}
