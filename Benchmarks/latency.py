#!/usr/bin/env python3
"""Measures how long durable commits take beside checkpoints, backups and compaction, and prints a Markdown table for docs/performance.md.

usage: Benchmarks/latency.py [--records 1000000] [--rate 5000,20000] [--writers 64] [--seconds 20] [--rounds 3] [--folder DIR]

In each round `userd-bench latency` loads a store of its own and plays its phases, with a quiet one before and after each of the others: a
phase is compared with the median of the quiet ones of its own round. Commits are due at fixed moments, so a stall is not hidden by
writers that wait for it. Figures are medians over rounds. Needs a release build of userd-bench. Standard library only."""
import argparse, json, statistics, subprocess, tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PHASES = ["quiet", "checkpoint", "backup", "compact"]
SHARES = ["p50us", "p99us", "p999us", "maxUs"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rate", default="5000,20000")
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=HERE.parent / ".build/bench")
    options = parser.parse_args()
    bench = HERE.parent / ".build/release/userd-bench"
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{options.records:,} records, {options.writers} writers, {options.rounds} rounds of {options.seconds} s a phase; times in ms\n")
    print("| commits/s due | beside | commits/s | p50 | p99 | p99.9 | longest | p99 beside quiet | runs, the longest |\n|---|---|---|---|---|---|---|---|---|")
    for rate in options.rate.split(","):
        figures = {phase: [] for phase in PHASES}
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                argv = [str(bench), "latency", "--data", f"{folder}/db", "--records", str(options.records), "--writers", str(options.writers),
                        "--rate", rate, "--seconds", str(options.seconds)]
                done = subprocess.run(argv, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
                lines = [json.loads(line) for line in done.stdout.splitlines()]
                quiet = statistics.median(line["p99us"] for line in lines if line["phase"] == "quiet")
                for line in lines:
                    figures[line["phase"]].append(line | {"ratio": line["p99us"] / max(1, quiet)})
        for phase in PHASES:
            def median(name):
                return statistics.median(line[name] for line in figures[phase])
            times = " | ".join(f"{median(share) / 1000:.2f}" for share in SHARES)
            runs = "" if phase == "quiet" else f"{median('runs'):.0f}, {max(line['longestRunMs'] for line in figures[phase]):,} ms"
            print(f"| {int(rate):,} | {phase} | {median('perSecond'):,.0f} | {times} | {median('ratio'):.2f} | {runs} |")


if __name__ == "__main__":
    main()
