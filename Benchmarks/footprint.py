#!/usr/bin/env python3
"""What servers take: processor time and memory for each thousand requests a second, time from start to first answer, idle memory and size on disk, beside peers.

usage: Benchmarks/footprint.py [--rate R] [--seconds S] [--rounds N] [--users N,N,...] [--stacks userd,sqlite,postgres] [--folder DIR] [--userd PATH] [--json FILE]

Needs what Benchmarks/classic.py and Benchmarks/compare.py need. The servers run on cpu 0, userd-bench load with 64 connections on cpu 1. Each server is asked for the same number of
requests a second, due at fixed moments, so that what they spend for the same work can be told apart; rounds are interleaved. Memory is that of all processes of a server, what they share
counted once, in the last second of the load. A start is timed from before the process is made to the first whole answer to /livez, over an existing store; the median of as many starts
as there are rounds, and at least five. Of PostgreSQL and Redis the processes run on: what is timed there is the service alone. Standard library only."""
import argparse, contextlib, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, threading, time
from pathlib import Path

import classic
from compare import HERE, fixed_peers, free_port, release, run, start, tree
from markdown import spread, table

NAMES = {"userd": "userd", "sqlite": "Gin + SQLite", "postgres": "Gin + PostgreSQL + Redis", "nginx": "nginx, a fixed answer", "go": "Go `net/http`, a fixed answer"}
WORKS = {"livez": "`/livez`", "me": "`/api/auth/me`", "user": "`/api/v1/users/{id}`"}


def memory(pids):
    found = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            found += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return found


def answers(port, path):
    """Whether the whole answer comes."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return s.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def timed_start(argv, port, path):
    """Seconds to the first answer, and bytes in memory half a second later."""
    began = time.perf_counter()
    # Without a function to call in the child no copy of this process is made first.
    process = subprocess.Popen(["taskset", "-c", "0", *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers(port, path):
        if process.poll() is not None or time.perf_counter() - began > 60:
            raise SystemExit(f"{' '.join(argv)} did not start")
        time.sleep(0.0001)
    took = time.perf_counter() - began
    time.sleep(0.5)
    idle = memory(tree(process.pid))
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return took, idle


def asked(stack, work):
    path = stack.folder / f"asked-{work}"
    if work == "livez" or not stack.sessions:
        path.write_text("/livez -\n")
    elif work == "me":
        path.write_text("".join(f"/api/auth/me {access}\n" for access, _ in stack.sessions))
    else:
        path.write_text("".join(f"/api/v1/users/{user} {stack.sessions[0][0]}\n" for user in stack.users[:: max(1, len(stack.users) // 20_000)]))
    return str(path)


def loaded(stack, work, options):
    """Processor microseconds for each request, bytes in memory under the load, and what the clients saw."""
    found = []
    watch = threading.Timer(options.seconds - 0.5, lambda: found.append(stack.memory()))
    before, began = stack.processor_time(), time.monotonic()
    watch.start()
    line = json.loads(run(["taskset", "-c", "1", release("userd-bench"), "load", "--port", str(stack.port), "--file", asked(stack, work), "--rate", str(options.rate), "--seconds", str(options.seconds)]))
    spent = stack.processor_time() - before
    watch.join()
    return {"us": spent * 1e6 / max(1, line["requests"]), "memory": found[0], "p99us": line["p99us"], "errors": line["errors"]}


def load_phase(options, stacks, ports, fixed, folder, running, report):
    """Asks all servers by turns; returns those with a fixed answer."""
    peers = {}
    for name, port in ports.items():
        process, _ = start(["taskset", "-c", "0", *fixed[name]], port, "/livez")
        running.callback(lambda process=process: (process.send_signal(signal.SIGTERM), process.wait(20)))
        place = folder / f"asked-{name}"
        place.mkdir()
        peers[name] = classic.Stack(place, port)
        peers[name].roots, peers[name].command = [process.pid], fixed[name]
    servers = stacks | peers
    cases = [(work, name) for work in WORKS for name in servers if work == "livez" or name in stacks]
    for number in range(options.rounds):
        for step in range(len(cases)):
            work, name = cases[(step + number) % len(cases)]
            line = {"work": work, "server": name} | loaded(servers[name], work, options)
            report["loads"].append(line)
            print(f"round {number + 1}: {work}, {name}: {line['us']:.1f} us, {line['memory'] / (1 << 20):.1f} MiB, {line['errors']} errors", file=sys.stderr)
    return peers


def start_phase(options, name, command, users, report):
    for _ in range(max(5, options.rounds)):
        # What listens where the configuration says is stopped by now.
        port = int(command[-1].rpartition(":")[2]) if name == "go" else options.ports["nginx"] if name == "nginx" else free_port()
        argv = command if name in ("go", "nginx") else [*command, f"127.0.0.1:{port}"]
        took, idle = timed_start(argv, port, "/livez")
        report["starts"].append({"server": name, "users": users, "ms": took * 1000, "idle": idle})
    print(f"{name}, {users:,} users: {spread([line['ms'] for line in report['starts'][-5:]], 1)} ms", file=sys.stderr)


def sizes(options, service, responder, nginx):
    """Bytes of the executables; of PostgreSQL and Redis what they need beside the system's C library is not counted."""
    def of(*paths):
        return sum(Path(path).resolve().stat().st_size for path in paths)

    found = {"userd": of(options.userd), "nginx": of(nginx), "go": of(responder)}
    if service.exists():
        found |= {"sqlite": of(service, *Path("/usr/lib/x86_64-linux-gnu").glob("libsqlite3.so.0"))}
        postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if postgres and shutil.which("redis-server"):
            found["postgres"] = of(service, postgres[-1], shutil.which("redis-server"))
    return found


def tables(report):
    costs, starts = [], []
    for work in WORKS:
        for name in dict.fromkeys(line["server"] for line in report["loads"] if line["work"] == work):
            lines = [line for line in report["loads"] if (line["work"], line["server"]) == (work, name)]
            each, most = [line["us"] for line in lines], statistics.median(line["memory"] for line in lines) / (1 << 20)
            costs.append([WORKS[work], NAMES[name], spread([us / 10 for us in each], 2) + " %", f"{most:.1f}", f"{most / report['rate'] * 1000:.2f}",
                          f"{statistics.median(line['p99us'] for line in lines) / 1000:.2f}"])
    for name, size in report["executables"].items():
        found = [line for line in report["starts"] if line["server"] == name]
        for users in dict.fromkeys(line["users"] for line in found):
            lines = [line for line in found if line["users"] == users]
            starts.append([NAMES[name], f"{users:,}" if users else "", spread([line["ms"] for line in lines], 1), f"{statistics.median(line['idle'] for line in lines) / (1 << 20):.1f}", f"{size / 1e6:.2f}"])
    return {"footprint": table([f"{report['rate']:,} requests a second, open loop", "server", "of a processor for each 1,000 requests/s", "MiB in memory", "MiB for each 1,000 requests/s", "p99 ms"], costs),
            "start": table(["server", "users", "ms from start to first answer", "MiB idle", "executables, MB"], starts)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=4000)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", default="100000,1000000", help="the first is asked under load, all are started")
    parser.add_argument("--stacks", default="userd,sqlite,postgres")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on the disk to be measured, where other users may look too")
    parser.add_argument("--userd")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.userd, counts = options.userd or release("userd"), [int(count) for count in options.users.split(",")]
    os.sched_setaffinity(0, {1 if os.cpu_count() > 1 else 0})
    report = {"rate": options.rate, "loads": [], "starts": []}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder, service = Path(name), Path(name) / "classic"
        folder.chmod(0o711)
        chosen = options.stacks.split(",")
        if chosen != ["userd"]:
            run([os.environ.get("GO", "go"), "build", "-tags", "libsqlite3", "-o", str(service), "."], cwd=HERE / "peers/classic",
                env=dict(os.environ, GO111MODULE="off", GOFLAGS="", GOTOOLCHAIN="local", GOPATH="/usr/share/gocode", GOCACHE=os.environ.get("GOCACHE", str(folder / "go")), HOME=name))
        ports = {"nginx": free_port(), "go": free_port()}
        options.ports, fixed = ports, dict(zip(ports, fixed_peers(folder, *ports.values())))
        report["executables"] = sizes(options, service, fixed["go"][0], fixed["nginx"][0])
        for users in counts:
            stacks = {}
            with contextlib.ExitStack() as these:
                # PostgreSQL takes its time to load, and says nothing more with more users: its service alone is started.
                for stack in chosen if users == counts[0] else [one for one in chosen if one != "postgres"]:
                    place = folder / f"{stack}-{users}"
                    place.mkdir()
                    place.chmod(0o711)
                    wanted = argparse.Namespace(users=users, rounds=0)
                    stacks[stack] = these.enter_context({
                        "userd": lambda: classic.userd(place, wanted, options.userd),
                        "sqlite": lambda: classic.classic(place, wanted, str(service), ["-sqlite", str(place / "rows.db")]),
                        "postgres": lambda: classic.postgres(place, wanted, str(service))}[stack]())
                    print(f"{stack}: {users:,} users", file=sys.stderr)
                if users == counts[0]:
                    stacks |= load_phase(options, stacks, ports, fixed, folder, these, report)
                if "postgres" in stacks:
                    start_phase(options, "postgres", stacks.pop("postgres").command, users, report)
            for name, stack in stacks.items():
                start_phase(options, name, stack.command, 0 if name in fixed else users, report)
            if options.json:
                options.json.write_text(json.dumps(report, indent=1) + "\n")
    print("\n\n".join(tables(report).values()))


if __name__ == "__main__":
    main()
