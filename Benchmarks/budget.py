#!/usr/bin/env python3
"""Counts the instructions of the paths that every request takes, and holds them against Benchmarks/budget.txt.

usage: Benchmarks/budget.py [--write] [path...]

Needs a release build of userd-bench (swift build -c release --product userd-bench) and valgrind. Each path runs twice, so that start and end cancel out: the
count is the difference for each further round. Nothing depends on the load of the machine, and little on its processor: cryptography is the portable
code, and glibc is told to copy without the wider registers that some have. A path fails that takes more than its budget and its tolerance; one that
takes less is told, so that the budget can follow (--write). Standard library only."""
import argparse, concurrent.futures, os, platform, re, subprocess, sys, tempfile
from pathlib import Path

from markdown import table

HERE = Path(__file__).resolve().parent
BENCH = Path(os.environ.get("USERD_BENCH", HERE.parent / ".build/release/userd-bench"))
BUDGET = HERE / "budget.txt"
ROUNDS = {"tree-get": (2000, 10_000), "tree-put": (2000, 8000), "commit": (500, 1500)} | {name: (200, 1000) for name in ("livez", "me", "user", "list", "refresh", "create", "update")}
# What copies and compares, whatever the processor has, and where entries of dictionaries lie, whatever the run.
FIXED = {"SWIFT_DETERMINISTIC_HASHING": "1", "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM"}


def budgets():
    """Name, instructions for each round, tolerance in percent; lines that begin with # are passed over."""
    rows = [line.split() for line in BUDGET.read_text().splitlines() if line and not line.startswith("#")]
    return {name: (int(count), float(tolerance)) for name, count, tolerance in rows}


WHAT = {
    "head": "the head of a request with eight fields is read", "json-read": "a registration is read", "json-write": "an account is written",
    "base64url": "192 bytes there and back", "hmac": "HMAC-SHA-256 of 280 bytes, portable", "token-hash": "SHA-256 of a refresh token, portable",
    "uuid": "read and written", "timestamp": "RFC 3339 and the date of HTTP", "log-line": "the line of a request in the log", "tree-get": "a get among 4,000 records",
    "tree-put": "a put, a hundred in a transaction", "commit": "a record put, framed, written and flushed", "livez": "`GET /livez`", "me": "`GET /api/auth/me`",
    "user": "`GET /api/v1/users/{id}`", "list": "`GET /api/v1/users?limit=20`", "refresh": "`POST /api/auth/refresh`", "create": "`POST /api/v1/users`", "update": "`PATCH /api/v1/users/{id}`"}


def tables():
    return {"budget": table(["path", "what a round is", "instructions in user space"], [[f"`{name}`", WHAT.get(name, ""), f"{count:,}"] for name, (count, _) in budgets().items()])}


def total(name, rounds):
    with tempfile.TemporaryDirectory(dir=HERE.parent / ".build") as folder:
        run = subprocess.run(
            ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", BENCH, "path", "--name", name, "--rounds", str(rounds), "--data", f"{folder}/db"],
            env=os.environ | FIXED, stderr=subprocess.PIPE, text=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    if run.returncode or not found:
        raise SystemExit(f"{name}: {run.stderr}")
    return int(found[1].replace(",", ""))


def count(name):
    few, many = ROUNDS.get(name, (500, 4500))
    return (total(name, many) - total(name, few)) / (many - few)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="make what is counted the budget, the tolerances kept")
    parser.add_argument("paths", nargs="*")
    options = parser.parse_args()
    if platform.machine() != "x86_64":
        print("the budget is one of x86_64 instructions: nothing to compare")
        return
    known = budgets()
    names = options.paths or list(known)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(names, pool.map(count, names)))
    failed = False
    for name, found in counts.items():
        if name not in known:
            print(f"{name:12} {found:10.1f} instructions, no budget")
            continue
        budget, tolerance = known[name]
        share = found / budget - 1
        verdict = "too many" if share * 100 > tolerance else "fewer: lower the budget" if share * 100 < -tolerance else "ok"
        failed |= verdict == "too many"
        print(f"{name:12} {found:10.1f} instructions, budget {budget:8}, {share:+7.2%}  {verdict}")
    if options.write:
        lines = BUDGET.read_text().splitlines()
        for index, line in enumerate(lines):
            name = line.split()[0] if line else ""
            if name in counts:
                lines[index] = f"{name:12} {round(counts[name]):8} {line.split()[2]}"
        BUDGET.write_text("\n".join(lines) + "\n")
    sys.exit(1 if failed and not options.write else 0)


if __name__ == "__main__":
    main()
