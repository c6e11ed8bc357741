#!/usr/bin/env python3
"""Latency under load: requests that are due at fixed moments, at half and four fifths of what the server can answer, alone and beside checkpoints, backups and compactions.

usage: Benchmarks/load.py [--users N] [--rounds N] [--seconds S] [--works livez,me,user,refresh,create] [--shares 0.5,0.8] [--beside quiet,checkpoint,backup,compact]
                          [--both] [--folder DIR] [--userd PATH] [--json FILE]

Needs a release build (swift build -c release) and, from Debian, wrk. The server has one loop on cpu 0; the clients are on cpu 1: userd-bench load, one thread and 64
connections. First each route is asked in a closed loop, by userd-bench and by wrk in turn: what both say must agree, and the lower median is the capacity. Then requests are due at
fixed moments, a share of the capacity in all, on whichever connection is free, and are timed from when they were due, so that none is spared by a client that waits. Beside
them nothing else is done, or checkpoints, backups or compactions of the server's store follow on each other. refresh and create are durable when they are answered. Prints two
Markdown tables. Exit 1 if a request failed. Standard library only."""
import argparse, contextlib, json, os, random, re, statistics, subprocess, sys, tempfile, threading, time
from pathlib import Path

from compare import HERE, call, release, run
from identity import LOGIN, Server
from markdown import table

SESSIONS, ASKED_USERS, BATCH, CONNECTIONS = 128, 20_000, 1000, 64
ROUTES = {"livez": "`/livez`", "me": "`/api/auth/me`", "user": "`/api/v1/users/{id}`", "refresh": "refresh", "create": "create a user"}
BESIDE = {"quiet": "nothing", "checkpoint": "checkpoints", "backup": "backups", "compact": "compactions"}


class Target:
    """A server with users and sessions, and what the clients ask it for."""

    def __init__(self, options, folder, users, cpus="0", threads=1):
        self.folder, self.made = folder, 0
        # Passwords are not what is measured here.
        self.server = Server(options.userd, "--auth-max-sessions", str(SESSIONS * 2), "--hash-memory", "128K", "--hash-time", "1",
                             "--backup-dir", f"{folder}/backups", "--backup-keep", "1", folder=folder, cpus=cpus, threads=threads)
        self.port = self.server.port
        sessions = [call(self.port, "POST", "/api/auth/login", {"email": "a@example.org", "password": LOGIN})["token"] for _ in range(SESSIONS)]
        self.token, made = sessions[0], []
        for first in range(0, users, BATCH):
            batch = [{"method": "create", "user": {"email": f"person{n:07d}@example.org", "name": f"Ann Example {n:07d}"}} for n in range(first, min(first + BATCH, users))]
            answer = call(self.port, "POST", "/api/v1/users:batch", {"operations": batch}, self.token)
            made += [result["user"]["id"] for result in answer["results"]]
        call(self.port, "POST", "/api/v1/admin/checkpoint", None, self.token)
        chosen = random.Random(7).sample(made, min(ASKED_USERS, len(made)))
        (folder / "livez").write_text("/livez -\n")
        (folder / "me").write_text("".join(f"/api/auth/me {token}\n" for token in sessions))
        (folder / "user").write_text("".join(f"/api/v1/users/{user} {self.token}\n" for user in chosen))

    def sessions(self, name="refresh"):
        """A file of refresh tokens that nobody has used."""
        path = self.folder / name
        with open(path, "w") as file:
            for _ in range(SESSIONS):
                self.made += 1
                answer = call(self.port, "POST", "/api/auth/register", {"email": f"r{self.made}@example.org", "password": LOGIN, "name": "R"})
                file.write(answer["refreshToken"] + "\n")
        return path

    def command(self, work, seconds, rate=None):
        """What runs the clients; the sessions that refresh are made for it."""
        argv = ["taskset", "-c", "1", release("userd-bench"), "load", "--port", str(self.port), "--connections", str(CONNECTIONS), "--seconds", str(seconds)]
        argv += {"refresh": lambda: ["--work", "refresh", "--file", str(self.sessions())], "create": lambda: ["--work", "create", "--token", self.token]}.get(
            work, lambda: ["--file", str(self.folder / work)])()
        return argv + (["--rate", str(rate)] if rate else [])

    def bench(self, work, seconds):
        return json.loads(run(self.command(work, seconds)))

    def wrk(self, work, seconds):
        script, arguments = {"refresh": lambda: ("refresh.lua", [str(self.sessions())]),
                             "create": lambda: ("create.lua", [self.token, str(time.monotonic_ns())])}.get(work, lambda: ("list.lua", [str(self.folder / work)]))()
        out = run(["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(HERE / "peers" / script), f"http://127.0.0.1:{self.port}", "--", *arguments])
        if "Non-2xx" in out or "Socket errors" in out:
            raise SystemExit(out)
        times = {share: float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit] for share, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", out)}
        return {"perSecond": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), "p50us": times["50"], "p99us": times["99"]}

    def thread_times(self):
        """Seconds that each thread of the server has run, by name."""
        found = {}
        for path in Path(f"/proc/{self.server.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                name = (path / "comm").read_text().strip()
                found[name] = found.get(name, 0) + int((path / "schedstat").read_text().split()[0]) / 1e9
        return found


def both(options, folder):
    """Durable requests a second when server and clients share all processors: two loops, and two clients of 32 connections each."""
    target, found = Target(options, folder, 1000, "0,1", 2), {}
    with target.server:
        for work in ("refresh", "create"):
            rounds = []
            for _ in range(options.rounds):
                files = [target.sessions(f"refresh-{number}") for number in range(2)] if work == "refresh" else [None, None]
                argv = ["taskset", "-c", "0,1", release("userd-bench"), "load", "--port", str(target.port), "--connections", str(CONNECTIONS // 2), "--seconds", str(options.seconds), "--work", work]
                clients = [subprocess.Popen(argv + (["--file", str(file)] if file else ["--token", target.token]), stdout=subprocess.PIPE, text=True) for file in files]
                lines = [json.loads(client.communicate()[0]) for client in clients]
                if any(line["errors"] for line in lines):
                    raise SystemExit(f"{work} on both processors: {lines}")
                rounds.append(sum(line["perSecond"] for line in lines))
            found[work] = statistics.median(rounds)
            print(f"{work}, both processors: {rounds}", file=sys.stderr)
    return found


class Upkeep(threading.Thread):
    """Checkpoints, backups or compactions, each begun when the one before has ended, for as long as clients ask."""

    def __init__(self, target, kind):
        super().__init__(daemon=True)
        self.target, self.kind, self.runs, self.over = target, kind, 0, threading.Event()

    def run(self):
        port, token = self.target.port, self.target.token
        while self.kind != "quiet" and not self.over.wait(0.05):
            call(port, "POST", f"/api/v1/admin/{self.kind}", None, token)
            member = {"backup": "backup", "compact": "compaction"}.get(self.kind)
            while member and call(port, "GET", "/api/v1/admin/stats", None, token)[member]["outcome"] == "running":
                time.sleep(0.02)
            self.runs += 1


def open_loop(target, work, rate, beside, seconds):
    argv, upkeep = target.command(work, seconds, rate), Upkeep(target, beside)
    before = target.thread_times()
    upkeep.start()
    figure = json.loads(run(argv))
    after = target.thread_times()
    upkeep.over.set()
    upkeep.join(120)
    threads = {name: round((spent - before.get(name, 0)) / seconds, 4) for name, spent in after.items()}
    return figure | {"work": work, "beside": beside, "runs": upkeep.runs, "threads": {name: share for name, share in threads.items() if share >= 0.0005}}


def milliseconds(value):
    return f"{value / 1000:.2f}" if value < 10_000 else f"{value / 1000:.1f}"


def tables(report):
    def of(lines, name):
        return statistics.median(line[name] for line in lines)

    check, rows = [], []
    for work in report["closed"]:
        ours, theirs = report["closed"][work]["userd-bench"], report["closed"][work]["wrk"]
        check.append([ROUTES[work], f"{of(ours, 'perSecond'):,.0f}", f"{of(theirs, 'perSecond'):,.0f}", f"{of(ours, 'perSecond') / of(theirs, 'perSecond'):.2f}",
                      *(f"{milliseconds(of(ours, p))}, {milliseconds(of(theirs, p))} ({of(ours, p) / of(theirs, p):.2f})" for p in ("p50us", "p99us"))])
    kinds = list(dict.fromkeys(line["beside"] for line in report["open"]))
    for work, share in dict.fromkeys((line["work"], line["share"]) for line in report["open"]):
        found = {line["beside"]: line for line in report["open"] if (line["work"], line["share"]) == (work, share)}
        cells = [", ".join(milliseconds(found[kind][p]) for p in ("p50us", "p99us", "p999us")) for kind in kinds]
        rows.append([ROUTES[work], f"{share:.0%}: {found[kinds[0]]['ratePerSecond']:,}/s", *cells])
    if "both" in report:
        check.append(["refresh, create: server and clients on both processors, two loops", f"{report['both']['refresh']:,.0f}, {report['both']['create']:,.0f}", "", "", "", ""])
    return {
        "load-check": table(["closed loop, 64 connections", "userd-bench, requests/s", "wrk", "ratio", "p50 ms: userd-bench, wrk (ratio)", "p99 ms"], check),
        "load": table(["open loop", "of the capacity", *(f"beside {BESIDE[kind]}: p50, p99, p99.9 ms" for kind in kinds)], rows)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="of the closed loop")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--works", default=",".join(ROUTES))
    parser.add_argument("--shares", default="0.5,0.8")
    parser.add_argument("--beside", default=",".join(BESIDE))
    parser.add_argument("--both", action="store_true", help="at the end, refresh and create with server and clients on all processors")
    parser.add_argument("--folder", type=Path, default=HERE.parent / ".build/bench", help="on the disk to be measured")
    parser.add_argument("--userd")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.userd = options.userd or release("userd")
    options.folder.mkdir(parents=True, exist_ok=True)
    works, report = options.works.split(","), {"closed": {}, "open": []}
    os.sched_setaffinity(0, {1 if os.cpu_count() > 1 else 0})
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        target = Target(options, Path(name), options.users)
        with target.server:
            print(f"{options.users:,} users", file=sys.stderr)
            for number in range(options.rounds):
                for work in works:
                    found = report["closed"].setdefault(work, {"userd-bench": [], "wrk": []})
                    for tool in ("userd-bench", "wrk") if number % 2 else ("wrk", "userd-bench"):
                        found[tool].append(target.bench(work, min(2, options.seconds)) if tool == "userd-bench" else target.wrk(work, min(2, options.seconds)))
                        print(f"{work}, closed loop, {tool}: {found[tool][-1]['perSecond']:,.0f}/s, p99 {found[tool][-1]['p99us']:,.0f} us", file=sys.stderr)
            for work in works:
                capacity = min(statistics.median(line["perSecond"] for line in lines) for lines in report["closed"][work].values())
                for share in map(float, options.shares.split(",")):
                    for beside in options.beside.split(","):
                        line = open_loop(target, work, max(1, int(capacity * share)), beside, options.seconds) | {"share": share}
                        report["open"].append(line)
                        print(f"{work}, {share:.0%}, beside {beside} ({line['runs']}): p50 {line['p50us']}, p99 {line['p99us']}, p99.9 {line['p999us']} us, {line['errors']} errors, {line['threads']}", file=sys.stderr)
    if options.both:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            os.sched_setaffinity(0, set(range(os.cpu_count())))
            report["both"] = both(options, Path(name))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print("\n\n".join(tables(report).values()))
    return 1 if any(line["errors"] for line in report["open"]) else 0


if __name__ == "__main__":
    sys.exit(main())
